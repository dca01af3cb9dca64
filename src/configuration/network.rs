//! The `[network]` section: a topology in shorthand, or populations and projections one by one.

use serde::{Deserialize, Serialize};
use snn::{
    NetworkDescription, PopulationDescription, ProjectionDescription, Shorthand, ShorthandPadding, WeightFormat,
};

use crate::samples::ImageFormat;

/// Which network to train.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// Topology in shorthand, such as `28x28-15C5-P2-40C5-P2-300-10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<String>,
    /// Zero padding of the convolutions of the topology that state none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<ShorthandPadding>,
    /// Number format of all trained weights.
    #[serde(default)]
    pub weights: WeightFormat,
    /// Factor on the inputs of the topology, where the largest pixel stands for 1; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_gain: Option<f64>,
    /// Factor on the logits of the topology; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_gain: Option<f64>,
    /// Grid of the weights of the topology; by fan-in when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction_bits: Option<u32>,
    /// Largest spike count of the topology's populations, 1 to 127; 127 when absent. Hardware that
    /// takes counts of b bits needs at most `2^b - 1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_spikes: Option<i32>,
    /// The populations, instead of a topology.
    #[serde(default, rename = "population", skip_serializing_if = "Vec::is_empty")]
    pub populations: Vec<PopulationDescription>,
    /// The projections, instead of a topology.
    #[serde(default, rename = "projection", skip_serializing_if = "Vec::is_empty")]
    pub projections: Vec<ProjectionDescription>,
}

impl NetworkSection {
    /// Whether the network is given once, and all its keys belong to that form.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_explicit = !self.populations.is_empty() || !self.projections.is_empty();
        match (&self.topology, is_explicit) {
            (None, false) => Err("expected 'topology' or [[network.population]] and [[network.projection]], found \
                                  neither; write for example topology = \"28x28-300-10\""
                .to_owned()),
            (Some(topology), true) => Err(format!(
                "expected 'topology' or [[network.population]], found both (topology = \"{topology}\"); remove one"
            )),
            (None, true) => {
                let shorthand_only = [
                    ("padding", self.padding.is_some()),
                    ("input_gain", self.input_gain.is_some()),
                    ("output_gain", self.output_gain.is_some()),
                    ("fraction_bits", self.fraction_bits.is_some()),
                    ("max_spikes", self.max_spikes.is_some()),
                ];
                match shorthand_only.iter().find(|(_, is_given)| *is_given) {
                    Some((key, _)) => Err(format!(
                        "'{key}' belongs to a topology, found beside [[network.population]]; remove it and state it \
                         for each population"
                    )),
                    None => Ok(()),
                }
            }
            (Some(_), false) => {
                let gains = [("input_gain", self.input_gain), ("output_gain", self.output_gain)];
                let is_wrong = |gain: f64| !(gain.is_finite() && (1e-6..=1e6).contains(&gain));
                match gains.into_iter().find_map(|(key, gain)| Some((key, gain.filter(|&gain| is_wrong(gain))?))) {
                    Some((key, gain)) => {
                        Err(format!("'{key}': expected a number of 0.000001 to 1000000, found {gain}"))
                    }
                    None => Ok(()),
                }
            }
        }
    }

    /// The network for images of a format; with `centre` their counts can be negative.
    pub(super) fn describe(&self, format: &ImageFormat, centre: bool) -> anyhow::Result<NetworkDescription> {
        let Some(topology) = &self.topology else {
            return Ok(NetworkDescription {
                format: snn::description::FORMAT,
                weights: self.weights,
                populations: self.populations.clone(),
                projections: self.projections.clone(),
            });
        };
        let largest = if centre { format.centre() } else { format.pixel_maximum };
        let shorthand = Shorthand {
            topology,
            channels: format.shape[0],
            padding: self.padding,
            weights: self.weights,
            input_maximum: largest.max(1).into(),
            input_minimum: if centre { -i32::from(format.centre()) } else { 0 },
            input_gain: self.input_gain.unwrap_or(1.0),
            output_gain: self.output_gain.unwrap_or(1.0),
            fraction_bits: self.fraction_bits,
            maximum_count: self.max_spikes,
        };
        Ok(shorthand.describe()?)
    }
}
