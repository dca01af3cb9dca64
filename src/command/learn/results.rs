//! What runs of the delta rule came to.

use compiler::learning::perceptron::Synapses;
use serde::{Deserialize, Serialize};

/// Fewest and most bars of a histogram.
const BARS: [usize; 2] = [8, 48];

/// Which network of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Twin {
    /// Float weights.
    Float,
    /// Weights in devices.
    Device,
}

/// One network in training, or trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trained {
    pub network: Twin,
    /// Value of the sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    pub seed: u64,
    pub epochs: Vec<Epoch>,
    /// Absent while it trains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// States of the devices at some epochs, of the first network on devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<Histogram>,
}

/// An epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Epoch {
    pub epoch: u32,
    pub loss: f64,
    /// On the training examples before they were learned.
    pub train_accuracy: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f64>,
    /// Of all updates so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulses: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_j: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturated_share: Option<f64>,
}

/// How many devices are in which states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Histogram {
    pub epoch: u32,
    pub lowest: f64,
    pub highest: f64,
    pub devices: Vec<u64>,
}

impl Epoch {
    /// Pulses, energy and time of the updates so far.
    pub fn with_statistics(mut self, synapses: &Synapses) -> Self {
        let statistics = synapses.statistics();
        if statistics.is_empty() {
            return self;
        }
        self.pulses = Some(statistics.iter().map(|one| one.pulses_up + one.pulses_down).sum());
        self.energy_j = statistics.iter().map(|one| one.energy_j).sum();
        self.time_s = statistics.iter().map(|one| one.time_s).sum();
        self.saturated_share = statistics.first().map(|one| one.saturated_share);
        self
    }
}

impl Histogram {
    /// Of all devices of an array between the bounds of the specification, where states beyond stand in the outer bars;
    /// `None` for floats. There are about twice as many bars as the root of the number of devices.
    pub fn of(synapses: &Synapses, epoch: u32) -> Option<Self> {
        let array = synapses.array()?.array();
        let bounds = array.devices().next().map(|devices| devices.specification().bounds.clone())?;
        let states: Vec<f64> =
            array.devices().flat_map(|devices| devices.states()).map(|&state| state.into()).collect();
        let bars = ((states.len() as f64).sqrt() as usize * 2).clamp(BARS[0], BARS[1]);
        let width = (bounds.upper - bounds.lower).max(f64::MIN_POSITIVE) / bars as f64;
        let mut devices = vec![0; bars];
        for state in states {
            devices[(((state - bounds.lower) / width).max(0.0) as usize).min(bars - 1)] += 1;
        }
        Some(Self { epoch, lowest: bounds.lower, highest: bounds.upper, devices })
    }
}

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub data: String,
    pub device: String,
    pub seeds: u32,
    pub float: Figures,
    pub devices: Vec<Figures>,
    pub out: String,
}

/// Test accuracy of one kind of network over the seeds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figures {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    pub test_accuracies: Vec<f64>,
    pub mean: f64,
    /// With n - 1; absent with one seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// Means over the seeds at the end of training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulses: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_j: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturated_share: Option<f64>,
}

impl Figures {
    /// Of the networks of one kind.
    pub fn of(trained: &[Trained], network: Twin, value: Option<f64>) -> Self {
        let all: Vec<&Trained> = trained.iter().filter(|one| one.network == network && one.value == value).collect();
        let accuracies: Vec<f64> = all.iter().filter_map(|one| one.test_accuracy).collect();
        let count = accuracies.len().max(1) as f64;
        let mean = accuracies.iter().sum::<f64>() / count;
        let squares: f64 = accuracies.iter().map(|accuracy| (accuracy - mean).powi(2)).sum();
        let last = |figure: &dyn Fn(&Epoch) -> Option<f64>| {
            let values: Option<Vec<f64>> = all.iter().map(|one| figure(one.epochs.last()?)).collect();
            values.filter(|values| !values.is_empty()).map(|values| values.iter().sum::<f64>() / values.len() as f64)
        };
        Self {
            value,
            mean,
            deviation: (accuracies.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
            test_accuracies: accuracies,
            pulses: last(&|epoch| epoch.pulses.map(|pulses| pulses as f64)),
            energy_j: last(&|epoch| epoch.energy_j),
            time_s: last(&|epoch| epoch.time_s),
            saturated_share: last(&|epoch| epoch.saturated_share),
        }
    }

    fn text(&self) -> String {
        let spread = self.deviation.map(|deviation| format!(" ± {:.2}", 100.0 * deviation)).unwrap_or_default();
        let mut text = format!("{:.2}{spread} %", 100.0 * self.mean);
        if let Some(pulses) = self.pulses {
            text += &format!(", {pulses:.3e} pulses");
        }
        if let Some(energy) = self.energy_j {
            text += &format!(", {energy:.3e} J");
        }
        if let Some(time) = self.time_s {
            text += &format!(", {time:.3e} s of updates");
        }
        if let Some(share) = self.saturated_share {
            text += &format!(", {:.1} % of devices at a bound", 100.0 * share);
        }
        text
    }
}

impl Summary {
    pub fn text(&self) -> String {
        let mut text = format!("{} on {}, test accuracy over {} seeds\n", self.data, self.device, self.seeds);
        text += &format!("float weights: {}", self.float.text());
        for figures in &self.devices {
            let value = figures.value.map(|value| format!(" ({value})")).unwrap_or_default();
            text += &format!("\ndevices{value}: {}", figures.text());
        }
        text + &format!("\nin {}", self.out)
    }
}
