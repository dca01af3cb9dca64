//! What a network consists of, before it is checked: the form users write in TOML and models
//! store as JSON.

mod projection;
mod shorthand;

pub use projection::{ProjectionDescription, ProjectionKindDescription};
pub use shorthand::{Padding as ShorthandPadding, Shorthand, default_fraction_bits};

use serde::{Deserialize, Serialize};

/// Version of the description format that this library reads and writes.
pub const FORMAT: u32 = 1;

/// Populations and projections of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkDescription {
    /// Version of the format, [`FORMAT`].
    #[serde(default = "current_format")]
    pub format: u32,
    /// Number format of all trained weights.
    #[serde(default)]
    pub weights: WeightFormat,
    /// The populations; any order.
    #[serde(rename = "population")]
    pub populations: Vec<PopulationDescription>,
    /// The projections; any order.
    #[serde(rename = "projection")]
    pub projections: Vec<ProjectionDescription>,
}

fn current_format() -> u32 {
    FORMAT
}

/// Number format of weights, as mantissas on the grid `2^-fraction_bits` of the target population.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// Integers of -127..=127; everything is exact.
    #[default]
    I8,
    /// Integers of -32639..=32639 (two signed 8-bit digits); everything is exact.
    I16,
    /// Unrounded 32-bit floats; sums depend on their order in the last bits.
    F32,
}

impl WeightFormat {
    /// Largest magnitude of a mantissa.
    pub fn limit(self) -> f32 {
        match self {
            Self::I8 => 127.0,
            Self::I16 => 32639.0,
            Self::F32 => f32::MAX,
        }
    }
}

impl std::fmt::Display for WeightFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::F32 => "f32",
        })
    }
}

/// A named group of identical neurons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationDescription {
    /// Unique name.
    pub name: String,
    /// `[channels, height, width]` or `[units]`.
    pub shape: Vec<usize>,
    /// What its neurons do.
    pub neuron: NeuronKind,
    /// The grid of its total input: one unit is `2^-fraction_bits`.
    #[serde(default)]
    pub fraction_bits: u32,
    /// Threshold in grid units; `2^fraction_bits` (the papers' threshold of 1) when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// Whether each channel has a bias, `V(0)` of the integrate-and-fire neuron.
    #[serde(default)]
    pub bias: bool,
    /// Smallest spike count; by the kind of neuron when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_count: Option<i32>,
    /// Largest spike count; by the kind of neuron when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_count: Option<i32>,
}

impl PopulationDescription {
    /// A population with the defaults of its kind.
    pub fn new(name: impl Into<String>, shape: Vec<usize>, neuron: NeuronKind) -> Self {
        Self {
            name: name.into(),
            shape,
            neuron,
            fraction_bits: 0,
            threshold: None,
            bias: false,
            minimum_count: None,
            maximum_count: None,
        }
    }
}

/// Kinds of neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeuronKind {
    /// Holds the input counts of an example: 0..=255 unless said otherwise.
    Input,
    /// Integrate-and-fire whose net spike count stays at or above zero: 0..=127.
    Relu,
    /// Integrate-and-fire with symmetric signed spikes: -127..=127.
    Linear,
    /// Integrates and never fires; the loss reads its total input.
    Readout,
}

/// One threshold for the population or one per channel, in grid units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Threshold {
    /// The same for all neurons.
    Uniform(i64),
    /// One per channel.
    PerChannel(Vec<i64>),
}

impl NetworkDescription {
    /// Reads a description from TOML text.
    ///
    /// # Errors
    /// [`crate::SnnError::Description`] with the line and field that is wrong.
    pub fn from_toml(text: &str) -> Result<Self, crate::SnnError> {
        toml::from_str(text).map_err(|error| crate::SnnError::Description(error.to_string()))
    }

    /// The description as TOML text.
    ///
    /// # Errors
    /// [`crate::SnnError::Description`] when a number exceeds what TOML can hold.
    pub fn to_toml(&self) -> Result<String, crate::SnnError> {
        toml::to_string(self).map_err(|error| crate::SnnError::Description(error.to_string()))
    }
}
