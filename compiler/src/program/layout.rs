//! The structure of a compiled network: the content of `crossbar.json`.

use serde::{Deserialize, Serialize};
use snn::NeuronKind;

use crate::hardware::HardwareSpecification;

/// Populations, projections, arrays and routes. Populations are in topological order; indices
/// refer to the lists here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Version of the format, [`super::FORMAT`].
    pub format: u32,
    /// The chip it is compiled for.
    pub hardware: HardwareSpecification,
    /// Neurons and what they do.
    pub populations: Vec<PopulationLayout>,
    /// Synapses, ordered by the population they enter.
    pub projections: Vec<ProjectionLayout>,
    /// Every array of the chip that is used.
    pub arrays: Vec<ArrayPlacement>,
    /// What moves between populations and arrays.
    pub routes: Vec<Route>,
}

/// Neurons of one population: `S = clamp(round_half_away(A / threshold), minimum, maximum)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationLayout {
    /// Unique name.
    pub name: String,
    /// Channels, height, width; neurons are numbered channels-last.
    pub shape: [usize; 3],
    /// What its neurons do.
    pub neuron: NeuronKind,
    /// Smallest spike count that can occur.
    pub minimum_count: i32,
    /// Largest spike count that can occur.
    pub maximum_count: i32,
    /// One threshold, or one per channel, in units of the accumulators.
    pub thresholds: Vec<i64>,
    /// Initial total input per channel; empty for none.
    pub bias: Vec<i64>,
}

/// Synapses between two populations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionLayout {
    /// Unique name; tensors are named after it.
    pub name: String,
    /// Index of the population it leaves.
    pub from: usize,
    /// Index of the population it enters.
    pub to: usize,
    /// How it is realised.
    pub kind: ProjectionKind,
}

/// How a projection is realised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "kebab-case")]
pub enum ProjectionKind {
    /// In crossbar arrays.
    Crossbar(CrossbarLayout),
    /// By digital additions: fixed weights.
    Digital(DigitalKind),
}

/// A projection with fixed weights, added to the total input digitally.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DigitalKind {
    /// Window sums of each channel without padding.
    SumPooling {
        /// Window height and width.
        window: [usize; 2],
        /// Steps down and right.
        stride: [usize; 2],
        /// Weight in units of the accumulators.
        weight: i64,
    },
    /// Neuron to neuron: a residual join.
    Identity {
        /// Weight in units of the accumulators.
        weight: i64,
    },
}

/// How the rows of a crossbar get their counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Geometry {
    /// Row i is neuron i of the population it leaves.
    Dense {},
    /// For each output position, row `(y * kernel_width + x) * channels + channel` is the neuron
    /// `(channel, oy * stride + y - padding, ox * stride + x - padding)`, or 0 outside the map.
    Convolution {
        /// Kernel height and width.
        kernel: [usize; 2],
        /// Steps down and right.
        stride: [usize; 2],
        /// Rows and columns of zeros on each side.
        padding: [usize; 2],
    },
}

/// A projection in crossbar arrays. Array `(r, c)` of replica p has the index
/// `first_array + (p * row_tiles + r) * column_tiles + c`; its column
/// `(m - c * outputs_per_array) * slices + k` holds slice k of output m, and takes bit lines 2l and
/// 2l + 1 where a differential pair has two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossbarLayout {
    /// Where rows come from.
    pub geometry: Geometry,
    /// Rows in all: synapses of one output.
    pub fan_in: usize,
    /// Outputs: channels, or units.
    pub outputs: usize,
    /// Arrays below each other; tile r holds rows `r * array.rows ..`.
    pub row_tiles: usize,
    /// Arrays side by side.
    pub column_tiles: usize,
    /// Outputs whose slices lie in one array.
    pub outputs_per_array: usize,
    /// What each bit slice weighs, least significant first.
    pub slices: Vec<i64>,
    /// Input streams in the order of their reads.
    pub streams: Vec<StreamLayout>,
    /// What the weighted sum of quantised partial sums is multiplied with when it is added to the
    /// total input.
    pub unit: i64,
    /// Weight of the count of active rows, with a reference column: `-2^(bits - 1)`; else 0.
    pub reference_weight: i64,
    /// Copies of all arrays, each for its share of the output positions.
    pub replicas: usize,
    /// Index of the first array.
    pub first_array: usize,
}

/// One read of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamLayout {
    /// What it weighs; below zero for the streams of negative counts.
    pub weight: i64,
    /// Bit of the magnitude (bit-serial), or number of spikes before it (spikes).
    pub index: u32,
}

/// Where an array lies and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrayPlacement {
    /// Index of the projection whose weights it holds.
    pub projection: usize,
    /// Which copy.
    pub replica: usize,
    /// Row tile.
    pub row_tile: usize,
    /// Column tile.
    pub column_tile: usize,
    /// Group of arrays that share buffers and a router.
    pub tile: usize,
    /// Rows in use.
    pub rows: usize,
    /// Columns in use, reference column included.
    pub columns: usize,
}

/// Movement of counts or sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Route {
    /// Spike counts of a range of rows to an array.
    Counts {
        /// Index of the population.
        population: usize,
        /// Index of the array.
        array: usize,
        /// First row of the projection that the array's row 0 is.
        first_row: usize,
    },
    /// Accumulated sums of an array to the neurons of a population.
    Sums {
        /// Index of the array.
        array: usize,
        /// Index of the population.
        population: usize,
        /// First output (channel) that the array's column 0 belongs to.
        first_output: usize,
    },
    /// Spike counts to a population through fixed weights.
    Digital {
        /// Index of the projection.
        projection: usize,
    },
}
