//! What can be chosen about hardware-aware training.

use serde::{Deserialize, Serialize};
use spikegrad::{Schedule, TrainingSettings};

use crate::hardware::{Granularity, Quantiser};

/// How errors cross the quantiser of a column on their way to weights and to the population before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnGradient {
    /// As in the exact network: the quantiser counts as the identity.
    Straight,
    /// Not where `|P| > scale` (comparators only). Weight gradients are means over the slices of
    /// those of each slice over its weight, error currents the same over the input streams.
    #[default]
    Masked,
}

/// Options of hardware-aware training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingOptions {
    /// How errors cross the quantiser.
    pub gradient: ColumnGradient,
    /// Partial sums that share a ternary threshold.
    pub thresholds: Granularity,
    /// Factor on the learning rate of scale factors and thresholds.
    pub scale_factor_rate: f64,
    /// Epochs that learn the hardware's bits of weights alone, at least 1, before partial sums are quantised.
    pub weight_epochs: u32,
    /// Seed of noise.
    pub seed: u64,
}

impl Default for TrainingOptions {
    fn default() -> Self {
        Self {
            gradient: ColumnGradient::Masked,
            thresholds: Granularity::Layer,
            scale_factor_rate: 1.0,
            weight_epochs: 1,
            seed: 1,
        }
    }
}

/// Weight decay times epochs on comparators without a zero. The sign of a partial sum does not depend on the length of
/// its column, so weights grow with every update that is not exactly across them, until they meet the limit of their
/// bits; with more decay, or as much over more epochs, they shrink to few steps of their grid.
const WEIGHT_DECAY: f64 = 4e-3;

/// Settings that fine-tune a network that was trained with `settings` for the columns of a chip: a fifth of its learning
/// rate, or `learning_rate` where given, along half a cosine down to a hundredth; no dropout, no warm-up, and on
/// comparators without a zero a weight decay of at least 0.004 / epochs on weights that move freely otherwise.
pub fn fine_tuning(
    settings: &TrainingSettings,
    quantiser: Quantiser,
    epochs: u32,
    learning_rate: Option<f64>,
) -> TrainingSettings {
    let decay = if quantiser == (Quantiser::Sign {}) { WEIGHT_DECAY / f64::from(epochs.max(1)) } else { 0.0 };
    TrainingSettings {
        epochs,
        learning_rate: learning_rate.unwrap_or(settings.learning_rate / 5.0),
        schedule: Schedule::Cosine { final_factor: 0.01 },
        warm_up_epochs: 0,
        normalisation: spikegrad::Normalisation::None,
        turning_rate: 0.0,
        weight_decay: settings.weight_decay.max(decay),
        dropout: std::collections::BTreeMap::new(),
        ..settings.clone()
    }
}
