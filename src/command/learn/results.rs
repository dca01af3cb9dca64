//! What runs came to.

use compiler::learning::perceptron::Synapses;
use serde::{Deserialize, Serialize};
use spikegrad::{EpochReport, Histogram};

use crate::command::train;

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
    pub states: Vec<Shown>,
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

/// How many devices are in which states at an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Shown {
    pub epoch: u32,
    #[serde(flatten)]
    pub histogram: Histogram,
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

impl Shown {
    /// Of all devices of an array; `None` for floats.
    pub fn of(synapses: &Synapses, epoch: u32) -> Option<Self> {
        Some(Self { epoch, histogram: synapses.array()?.array().histogram() })
    }
}

/// Whether the states of an epoch are drawn: of the first, the last and two between.
pub(super) fn is_shown(epoch: u32, epochs: u32) -> bool {
    epoch == 1 || epoch == epochs || epoch == epochs / 3 || epoch == 2 * epochs / 3
}

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub kind: Kind,
    pub data: String,
    pub device: String,
    pub seeds: u32,
    /// Of the networks on devices, the mean over the seeds; of none in a sweep, which `devices` tells value by value.
    pub test_accuracy: Option<f64>,
    pub devices: Vec<Figures>,
    pub float: Figures,
    /// Of spiking networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer: Option<Figures>,
    /// Summary of `sterna train` of the network on devices; none in a sweep and of the delta rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training: Option<train::Summary>,
    pub out: String,
}

/// What learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// A network without hidden layer, by the delta rule.
    Delta,
    /// A spiking network, by SpikeGrad.
    Spiking,
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

    /// Of a spiking network: pulses, energy and time of all arrays at the end of its last epoch.
    pub fn of_spiking(value: Option<f64>, summary: &train::Summary, reports: &[EpochReport]) -> Self {
        let last = reports.last();
        let figures = || last.into_iter().flat_map(|report| &report.figures);
        let values = |suffix: &str| {
            let values = figures().filter(|(name, _)| name.ends_with(suffix)).map(|(_, &value)| value);
            Some(values.collect::<Vec<f64>>()).filter(|values| !values.is_empty())
        };
        let arrays = figures().filter(|(name, _)| name.ends_with(".pulses")).count();
        // What some arrays do not know the sum of all does not know.
        let sum = |suffix: &str| {
            values(suffix).filter(|values| values.len() == arrays).map(|values| values.iter().sum::<f64>())
        };
        let histograms = last.into_iter().flat_map(|report| &report.histograms);
        let shares = histograms.filter_map(|(name, histogram)| {
            let devices = histogram.devices.iter().sum::<u64>() as f64;
            let share = last?.figures.get(&format!("{name}.saturated_share"))?;
            Some((devices * share, devices))
        });
        let (saturated, devices) = shares.fold((0.0, 0.0), |(all, of), (one, devices)| (all + one, of + devices));
        let accuracies: Vec<f64> = summary.test_accuracy.into_iter().collect();
        Self {
            value,
            mean: accuracies.iter().sum(),
            test_accuracies: accuracies,
            deviation: None,
            pulses: sum(".pulses"),
            energy_j: sum(".energy_j"),
            time_s: sum(".time_s"),
            saturated_share: (devices > 0.0).then(|| saturated / devices),
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
        let seeds = if self.seeds == 1 { "one seed".to_owned() } else { format!("{} seeds", self.seeds) };
        let mut text = format!("{} on {}, test accuracy over {seeds}\n", self.data, self.device);
        text += &format!("float weights: {}", self.float.text());
        if let Some(integer) = &self.integer {
            text += &format!("\ninteger network: {}", integer.text());
        }
        for figures in &self.devices {
            let value = figures.value.map(|value| format!(" ({value})")).unwrap_or_default();
            text += &format!("\ndevices{value}: {}", figures.text());
        }
        text + &format!("\nin {}", self.out)
    }
}
