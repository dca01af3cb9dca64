//! Memory of a simulation, kept between examples, and the view of its result.

use super::population::Neurons;
use super::queue::{Event, Queue};
use super::statistics::Statistics;
use crate::description::NeuronKind;

/// Everything a simulation changes. Reuse one value for many examples: once it has grown to what
/// an example needs, no memory is allocated.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(super) integer: Vec<Neurons<i32>>,
    pub(super) float: Vec<Neurons<f32>>,
    pub(super) scratch: Scratch,
}

/// The parts of a state that do not depend on the number type of totals.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    pub(super) queue: Queue,
    pub(super) inputs: Vec<Event>,
    pub(super) crossed: Vec<u32>,
    pub(super) statistics: Statistics,
}

impl State {
    /// An empty state, for any simulator.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Total inputs A of a population in grid units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Totals<'a> {
    /// With integer weights; exact.
    Integer(&'a [i32]),
    /// With float weights.
    Float(&'a [f32]),
}

impl Totals<'_> {
    /// Number of neurons.
    pub fn len(&self) -> usize {
        match self {
            Self::Integer(values) => values.len(),
            Self::Float(values) => values.len(),
        }
    }

    /// Whether there are no neurons.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The total input of a neuron; exact, every `i32` and `f32` being an `f64`.
    pub fn get(&self, neuron: usize) -> f64 {
        match self {
            Self::Integer(values) => f64::from(values[neuron]),
            Self::Float(values) => f64::from(values[neuron]),
        }
    }
}

/// Result of one simulated example, borrowed from its [`State`].
///
/// Populations are numbered as in [`crate::Network::populations`], neurons channels-last.
#[derive(Clone, Copy, Debug)]
pub struct Simulation<'s> {
    pub(super) kinds: &'s [NeuronKind],
    pub(super) state: &'s State,
    pub(super) is_float: bool,
}

impl<'s> Simulation<'s> {
    /// Net spike counts S of a population; the input counts for an input, zeros for a readout.
    pub fn counts(&self, population: usize) -> &'s [i32] {
        if self.is_float { &self.state.float[population].counts } else { &self.state.integer[population].counts }
    }

    /// Total inputs A of a population; of a readout these are the logits times `2^fraction_bits`.
    /// Zeros for an input population.
    pub fn totals(&self, population: usize) -> Totals<'s> {
        if self.is_float {
            Totals::Float(&self.state.float[population].totals)
        } else {
            Totals::Integer(&self.state.integer[population].totals)
        }
    }

    /// Gates of a population: `A > 0` for rectified neurons, true for all others.
    pub fn gates(&self, population: usize) -> impl ExactSizeIterator<Item = bool> + use<'s> {
        let totals = self.totals(population);
        let is_open = self.kinds[population] != NeuronKind::Relu;
        (0..totals.len()).map(move |neuron| is_open || totals.get(neuron) > 0.0)
    }

    /// Spikes, events and synaptic operations of the example.
    pub fn statistics(&self) -> &'s Statistics {
        &self.state.scratch.statistics
    }
}
