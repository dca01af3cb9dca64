//! The network of a task.
//!
//! ```text
//! a -> a.encoder1 -> ..                              .. -> a.decoder1 -> a.inferred
//!                      \                            /
//! b -> b.encoder1 -> .. -> relation1 -> relation2 ..  -> b.decoder1 -> b.inferred
//!                      /                            \
//! c -> c.encoder1 -> ..                              .. -> c.decoder1 -> c.inferred
//! ```
//!
//! Encoders, relation and decoders are rectified integrate-and-fire neurons; what is inferred are signed spike counts
//! of linear ones. A missing variable is a silent population of inputs.

use snn::description::FORMAT;
use snn::{
    Network, NetworkDescription, NeuronKind, PopulationDescription, ProjectionDescription, ProjectionKindDescription,
    Threshold, default_fraction_bits,
};

use super::code::Code;
use super::description::{Noise, RelationDescription, VariableDescription};
use crate::error::SpikegradError;

/// Largest count of an input that counts events.
pub(super) const MOST_EVENTS: u8 = 127;
/// Spikes of a neuron inside the network that codes are scaled to, about.
const INNER_COUNT: f64 = 10.0;
/// Largest counts that neurons inside the network reach, about.
const ROOM: f64 = 40.0;

impl RelationDescription {
    /// The network that infers the variables.
    ///
    /// # Errors
    /// [`SpikegradError::Snn`] where it exceeds what a network may hold.
    pub fn network(&self) -> Result<Network, SpikegradError> {
        let mut builder = Builder {
            largest: self.relation.max_spikes.into(),
            rise: (ROOM / f64::from(self.relation.max_spikes)).max(1.0),
            description: NetworkDescription {
                format: FORMAT,
                weights: self.relation.weights,
                populations: Vec::new(),
                projections: Vec::new(),
            },
        };
        let presented = || self.variables.iter().enumerate().filter(|(place, _)| self.is_presented(*place));
        for (_, variable) in presented() {
            builder.input(variable);
        }
        let joined: Vec<String> = presented().map(|(_, variable)| builder.encoder(variable)).collect();
        let mut below = joined;
        for (level, &units) in self.relation.units.iter().enumerate() {
            let name = format!("relation{}", level + 1);
            builder.population(&name, vec![units], &below, 1.0);
            below = vec![name];
        }
        let decoded: Vec<String> =
            self.variables.iter().map(|variable| builder.decoder(variable, below.clone())).collect();
        for (variable, below) in self.variables.iter().zip(decoded) {
            builder.output(variable, below);
        }
        Ok(Network::build(&builder.description)?)
    }
}

struct Builder {
    largest: i32,
    /// Factor on thresholds of populations that codes drive, and its inverse on those that become codes again.
    rise: f64,
    description: NetworkDescription,
}

impl Builder {
    fn input(&mut self, variable: &VariableDescription) {
        self.description.populations.push(PopulationDescription {
            maximum_count: Some(i32::from(largest_input(variable))),
            ..PopulationDescription::new(&variable.name, variable.code.shape(), NeuronKind::Input)
        });
    }

    /// The populations between input and relation; returns the last one.
    fn encoder(&mut self, variable: &VariableDescription) -> String {
        let mut below = variable.name.clone();
        let mut scale = strong_input(variable) / INNER_COUNT * self.rise;
        for (level, &units) in variable.hidden.iter().enumerate() {
            let name = format!("{}.encoder{}", variable.name, level + 1);
            self.population(&name, vec![units], &[below], scale);
            (below, scale) = (name, 1.0);
        }
        below
    }

    fn decoder(&mut self, variable: &VariableDescription, mut below: Vec<String>) -> String {
        for (level, &units) in variable.hidden.iter().rev().enumerate() {
            let name = format!("{}.decoder{}", variable.name, level + 1);
            self.population(&name, vec![units], &below, 1.0);
            below = vec![name];
        }
        below.swap_remove(0)
    }

    fn output(&mut self, variable: &VariableDescription, below: String) {
        let name = format!("{}.inferred", variable.name);
        self.population(&name, variable.code.shape(), &[below], INNER_COUNT / f64::from(variable.peak) / self.rise);
        if let Some(last) = self.description.populations.last_mut() {
            last.neuron = NeuronKind::Linear;
            last.maximum_count = None;
        }
    }

    /// A rectified population with a bias and dense projections from those below; its threshold is `scale`.
    fn population(&mut self, name: &str, shape: Vec<usize>, below: &[String], scale: f64) {
        let neurons = |name: &String| {
            let found = self.description.populations.iter().find(|population| population.name == *name);
            found.map_or(1, |population| population.shape.iter().product())
        };
        let fan_in = below.iter().map(neurons).sum();
        let bits = default_fraction_bits(self.description.weights, fan_in);
        let threshold = ((1u64 << bits) as f64 * scale).round().max(1.0) as i64;
        self.description.populations.push(PopulationDescription {
            fraction_bits: bits,
            threshold: (threshold != 1i64 << bits).then_some(Threshold::Uniform(threshold)),
            bias: true,
            maximum_count: Some(self.largest),
            ..PopulationDescription::new(name, shape, NeuronKind::Relu)
        });
        for from in below {
            self.description.projections.push(ProjectionDescription {
                name: format!("{from}-{name}"),
                from: from.clone(),
                to: name.to_owned(),
                kind: ProjectionKindDescription::Dense,
            });
        }
    }
}

/// Largest count of an input of a variable.
fn largest_input(variable: &VariableDescription) -> u8 {
    match (&variable.code, &variable.observes) {
        (Code::Image { maximum, .. }, _) => *maximum,
        (_, Some(observation)) if matches!(observation.noise, Noise::Events { .. }) => MOST_EVENTS,
        _ => variable.peak,
    }
}

/// Count of a strong input of a variable.
fn strong_input(variable: &VariableDescription) -> f64 {
    match (&variable.code, variable.observes.as_ref().map(|observation| observation.noise)) {
        (Code::Image { maximum, .. }, _) => f64::from(*maximum),
        (_, Some(Noise::Events { light: [_, brightest], .. })) => brightest * f64::from(variable.peak),
        _ => f64::from(variable.peak),
    }
}
