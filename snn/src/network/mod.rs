//! A network whose shapes, thresholds and sums were checked once when it was built.

mod bound;
mod build;
mod parameters;
mod shape;

pub use parameters::{Bias, Weights};
pub use shape::Shape;

use kernels::{ConvolutionShape, PoolingShape};

use crate::description::{NetworkDescription, NeuronKind, WeightFormat};

/// How the neurons of two populations are connected, with checked shapes.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    /// Every neuron to every neuron; weights `[outputs][inputs]`, both channels-last.
    Dense {
        /// Neurons of the population it leaves.
        inputs: usize,
        /// Neurons of the population it enters.
        outputs: usize,
    },
    /// Shared kernels; weights `[channels out][kernel height][kernel width][channels in]`.
    Convolution(ConvolutionShape),
    /// Window sums with one fixed weight.
    SumPooling {
        /// Shapes of both maps and the window.
        shape: PoolingShape,
        /// Weight of each synapse in grid units.
        weight: i32,
    },
    /// Neuron to neuron with one fixed weight.
    Identity {
        /// Neurons of each of the two populations.
        neurons: usize,
        /// Weight of each synapse in grid units.
        weight: i32,
    },
}

impl Connection {
    /// Number of trained weights.
    pub fn weight_count(&self) -> usize {
        match self {
            Self::Dense { inputs, outputs } => inputs * outputs,
            Self::Convolution(shape) => shape.output_channels * shape.patch(),
            Self::SumPooling { .. } | Self::Identity { .. } => 0,
        }
    }

    /// Multiply-accumulates of a dense pass over one example, zero padding included.
    pub fn dense_operations(&self) -> u64 {
        match self {
            Self::Dense { inputs, outputs } => *inputs as u64 * *outputs as u64,
            Self::Convolution(shape) => {
                (shape.output_height() * shape.output_width() * shape.output_channels) as u64 * shape.patch() as u64
            }
            Self::SumPooling { shape, .. } => {
                (shape.output_height() * shape.output_width() * shape.channels * shape.window[0] * shape.window[1])
                    as u64
            }
            Self::Identity { neurons, .. } => *neurons as u64,
        }
    }
}

/// A checked population.
#[derive(Clone, Debug)]
pub struct Population {
    /// Unique name.
    pub name: String,
    /// Channels, height and width; a population of units has height and width 1.
    pub shape: Shape,
    /// What its neurons do.
    pub neuron: NeuronKind,
    /// One unit of its total input is `2^-fraction_bits`.
    pub fraction_bits: u32,
    /// One threshold, or one per channel, in grid units; all above zero.
    pub thresholds: Vec<i64>,
    /// `V(0)` per channel in grid units, where the population has a bias.
    pub bias: Option<Bias>,
    /// Smallest spike count.
    pub minimum_count: i32,
    /// Largest spike count.
    pub maximum_count: i32,
    /// Indices of the projections that end here.
    pub incoming: Vec<usize>,
    /// Indices of the projections that start here.
    pub outgoing: Vec<usize>,
}

impl Population {
    /// The threshold of a channel in grid units.
    pub fn threshold(&self, channel: usize) -> i64 {
        self.thresholds[if self.thresholds.len() == 1 { 0 } else { channel }]
    }

    /// Whether spike counts can fall below zero.
    pub fn is_signed(&self) -> bool {
        self.minimum_count < 0
    }

    /// Whether neurons emit spikes driven by their input (not [`NeuronKind::Input`] or
    /// [`NeuronKind::Readout`]).
    pub fn fires(&self) -> bool {
        matches!(self.neuron, NeuronKind::Relu | NeuronKind::Linear)
    }
}

/// A checked projection.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Unique name.
    pub name: String,
    /// Index of the population it leaves.
    pub from: usize,
    /// Index of the population it enters.
    pub to: usize,
    /// How the neurons are connected.
    pub connection: Connection,
    /// Trained weights as mantissas, where the connection has any.
    pub weights: Option<Weights>,
}

/// Populations in topological order, projections and parameters. Only [`Network::build`] and the
/// model reader make one, so shapes, thresholds and 32-bit bounds hold wherever one is seen.
#[derive(Clone, Debug)]
pub struct Network {
    description: NetworkDescription,
    populations: Vec<Population>,
    projections: Vec<Projection>,
}

impl Network {
    /// The description it was built from.
    pub fn description(&self) -> &NetworkDescription {
        &self.description
    }

    /// The populations, each after all populations that project to it.
    pub fn populations(&self) -> &[Population] {
        &self.populations
    }

    /// The projections, ordered by the population they enter.
    pub fn projections(&self) -> &[Projection] {
        &self.projections
    }

    /// Number format of the trained weights.
    pub fn weight_format(&self) -> WeightFormat {
        self.description.weights
    }

    /// Index of the population with a name.
    pub fn population_index(&self, name: &str) -> Option<usize> {
        self.populations.iter().position(|population| population.name == name)
    }

    /// Index of the only input population, if there is exactly one.
    pub fn single_input(&self) -> Option<usize> {
        self.single(NeuronKind::Input)
    }

    /// Index of the only readout population, if there is exactly one.
    pub fn single_readout(&self) -> Option<usize> {
        self.single(NeuronKind::Readout)
    }

    fn single(&self, kind: NeuronKind) -> Option<usize> {
        let mut found = self.populations.iter().enumerate().filter(|(_, population)| population.neuron == kind);
        match (found.next(), found.next()) {
            (Some((index, _)), None) => Some(index),
            _ => None,
        }
    }

    /// Number of trained weights and biases.
    pub fn parameter_count(&self) -> usize {
        let weights: usize = self.projections.iter().map(|projection| projection.connection.weight_count()).sum();
        let biases: usize = self.populations.iter().filter_map(|p| p.bias.as_ref().map(Bias::len)).sum();
        weights + biases
    }

    /// Multiply-accumulates of a dense pass over one example through the projections with trained
    /// weights, zero padding included, as frameworks without spikes compute it.
    pub fn dense_operations(&self) -> u64 {
        let trained = self.projections.iter().filter(|projection| projection.weights.is_some());
        trained.map(|projection| projection.connection.dense_operations()).sum()
    }
}
