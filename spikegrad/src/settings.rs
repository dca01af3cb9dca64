//! Settings of a training run that determine its result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::SpikegradError;

/// How errors travel backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gradient {
    /// As integer error spikes, rounded at every population (SpikeGrad).
    #[default]
    Spike,
    /// As unrounded floats, the straight-through gradient that SpikeGrad approximates.
    Float,
}

/// What keeps the scale of total inputs steady from population to population.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalisation {
    /// Nothing.
    #[default]
    None,
    /// Weights and biases hold the activity of every channel within bounds, as far as it concerns
    /// populations that fire:
    ///
    /// - the weights into a neuron have mean zero, and a root mean square that starts at
    ///   `gain / sqrt(fan_in)`, `gain^2 = 2 / (1 - 1/pi)` for rectified neurons, 1 for linear ones
    ///   (Brock, De, Smith, ICLR 2021: scaled weight standardisation, here as a constraint); the
    ///   gradient's parts along those two directions, and what the mean of the inputs adds to it,
    ///   are left out;
    /// - synaptic scaling: that root mean square falls or rises by up to 2 % an update while the mean
    ///   count of the channel's neurons that spike is beyond [`TrainingSettings::active_counts`];
    /// - intrinsic plasticity: the bias moves while less than 10 % or more than 50 % of the
    ///   channel's neurons spike.
    ///
    /// All of this acts between updates, on integer sums over a batch, with a strength that follows
    /// the schedule of the learning rate: what the last epochs settle is not shaken by the noise of
    /// a batch. The trained network is an ordinary one: nothing is left to fold.
    Homeostatic,
}

/// The learning rate over epochs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Schedule {
    /// The same in every epoch.
    Constant {},
    /// Multiplied by `factor` after every `every` epochs.
    Step {
        /// Epochs between two changes.
        every: u32,
        /// Factor of each change.
        factor: f64,
    },
    /// Half a cosine from the base rate down to `final_factor` times it in the last epoch.
    Cosine {
        /// Share of the base rate in the last epoch.
        final_factor: f64,
    },
}

/// Settings of a training run; together with the network, the samples and this crate's version
/// they determine the trained weights bit by bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingSettings {
    /// Passes over the training samples.
    pub epochs: u32,
    /// Examples per update of the weights.
    pub batch: usize,
    /// Base learning rate, before it is divided by `alpha`.
    pub learning_rate: f64,
    /// Momentum of stochastic gradient descent: `v = momentum * v + gradient`.
    pub momentum: f64,
    /// Factor on the weights that is added to their gradient; biases are exempt.
    pub weight_decay: f64,
    /// What keeps the scale of total inputs steady.
    pub normalisation: Normalisation,
    /// How far an update turns the weights of a neuron that [`Normalisation::Homeostatic`] holds, in
    /// units of their root mean square; 0 descends at the learning rate instead.
    ///
    /// `v = momentum * v + gradient * rms(w) / sqrt(m) ; w -= rate * v`, m being the running mean of
    /// the gradient's mean square (each batch counts 1 %). The rate follows the schedule and
    /// the warm-up of the learning rate; weight decay does not act on these weights. Every neuron then
    /// learns at one pace, whatever the size of its errors. Source: Liu, Bernstein, Meister,
    /// Yue, *Learning by turning*, ICML 2021 (there without momentum).
    pub turning_rate: f64,
    /// Bounds of the mean spike count of a channel's neurons that spike, which
    /// [`Normalisation::Homeostatic`] holds: more spikes are finer activations, and cost more.
    pub active_counts: [f64; 2],
    /// Factor on the learning rate of biases: with spike counts of size s, s^2 makes them as fast
    /// as the weights.
    pub bias_rate: f64,
    /// Learning rate over epochs.
    pub schedule: Schedule,
    /// Epochs over which the learning rate rises linearly from zero.
    pub warm_up_epochs: u32,
    /// Error scale: factor on the loss gradient before it is rounded to error spikes.
    pub alpha: f64,
    /// How errors travel backwards.
    pub gradient: Gradient,
    /// Share of neurons that is silenced for an example, by population name.
    pub dropout: BTreeMap<String, f64>,
    /// Seed of initial weights, dropout, shuffling and augmentation.
    pub seed: u64,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            epochs: 30,
            batch: 128,
            learning_rate: 0.1,
            momentum: 0.9,
            weight_decay: 0.0,
            normalisation: Normalisation::None,
            turning_rate: 0.0,
            active_counts: [3.0, 8.0],
            bias_rate: 1.0,
            schedule: Schedule::Cosine { final_factor: 0.0 },
            warm_up_epochs: 0,
            alpha: 100.0,
            gradient: Gradient::Spike,
            dropout: BTreeMap::new(),
            seed: 1,
        }
    }
}

/// The largest error scale: error counts of the readout stay below 2^23.
pub const LARGEST_ALPHA: f64 = 4_194_304.0;

impl TrainingSettings {
    /// Checks every range.
    ///
    /// # Errors
    /// [`SpikegradError::Setting`] naming the first setting that is out of range.
    pub fn check(&self) -> Result<(), SpikegradError> {
        let within = |field: &str, value: f64, low: f64, high: f64, expected: &str| {
            if value.is_finite() && value >= low && value <= high {
                return Ok(());
            }
            Err(SpikegradError::Setting {
                field: field.to_owned(),
                expected: expected.to_owned(),
                found: value.to_string(),
            })
        };
        within("epochs", self.epochs.into(), 1.0, 1_000_000.0, "1 to 1000000")?;
        within("batch", self.batch as f64, 1.0, 65536.0, "1 to 65536")?;
        within("learning_rate", self.learning_rate, f64::MIN_POSITIVE, 1e6, "a number above 0")?;
        within("momentum", self.momentum, 0.0, 0.999_999, "0 to below 1")?;
        within("weight_decay", self.weight_decay, 0.0, 1.0, "0 to 1")?;
        let (fastest, turns) = match self.normalisation {
            Normalisation::Homeostatic => (1.0, "0 to 1"),
            _ => (0.0, "0 unless normalisation is \"homeostatic\""),
        };
        within("turning_rate", self.turning_rate, 0.0, fastest, turns)?;
        let [low, high] = self.active_counts;
        within("active_counts[0]", low, 0.0, 127.0, "0 to 127")?;
        within("active_counts[1]", high, low.max(1.0), 127.0, "1 to 127, not below active_counts[0]")?;
        within("bias_rate", self.bias_rate, f64::MIN_POSITIVE, 1e6, "above 0 and at most 1000000")?;
        within("warm_up_epochs", self.warm_up_epochs.into(), 0.0, self.epochs.into(), "at most the epochs")?;
        within("alpha", self.alpha, f64::MIN_POSITIVE, LARGEST_ALPHA, "a number above 0 and at most 4194304")?;
        match self.schedule {
            Schedule::Constant {} => {}
            Schedule::Step { every, factor } => {
                within("schedule.every", every.into(), 1.0, 1e9, "at least 1")?;
                within("schedule.factor", factor, f64::MIN_POSITIVE, 1.0, "above 0 and at most 1")?;
            }
            Schedule::Cosine { final_factor } => {
                within("schedule.final_factor", final_factor, 0.0, 1.0, "0 to 1")?;
            }
        }
        for (population, share) in &self.dropout {
            within(&format!("dropout.{population}"), *share, 0.0, 0.95, "0 to 0.95")?;
        }
        Ok(())
    }

    /// The learning rate of an epoch, counted from 0, before it is divided by alpha, at `progress`
    /// (0 to 1) through that epoch; only the warm-up depends on the progress.
    pub fn learning_rate_at(&self, epoch: u32, progress: f64) -> f64 {
        let warm_up = match self.warm_up_epochs {
            0 => 1.0,
            epochs => ((f64::from(epoch) + progress) / f64::from(epochs)).min(1.0),
        };
        self.learning_rate * self.schedule_factor(epoch) * warm_up
    }

    /// The turning rate at the same point.
    pub fn turning_rate_at(&self, epoch: u32, progress: f64) -> f64 {
        self.turning_rate * self.learning_rate_at(epoch, progress) / self.learning_rate
    }

    /// The learning rate of an epoch, counted from 0, in units of the base rate, without warm-up.
    pub fn schedule_factor(&self, epoch: u32) -> f64 {
        match self.schedule {
            Schedule::Constant {} => 1.0,
            Schedule::Step { every, factor } => factor.powi((epoch / every) as i32),
            Schedule::Cosine { final_factor } => {
                let position = f64::from(epoch) / f64::from(self.epochs.saturating_sub(1).max(1));
                final_factor + (1.0 - final_factor) * 0.5 * (1.0 + (std::f64::consts::PI * position.min(1.0)).cos())
            }
        }
    }
}
