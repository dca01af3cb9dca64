//! What a simulation counts, and the cost model weighs.

use serde::{Deserialize, Serialize};

/// Events in the arrays of one projection, summed over all examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectionStatistics {
    /// Reads: output positions * row tiles * streams, each of all column tiles side by side.
    pub reads: u64,
    /// Reads of a row tile in which no row was active.
    pub empty_reads: u64,
    /// Active rows, summed over the reads.
    pub active_rows: u64,
    /// Quantised partial sums: reads * outputs * slices.
    pub conversions: u64,
    /// Those whose quantised value was zero.
    pub zero_codes: u64,
    /// Those that a uniform converter clipped.
    pub clipped: u64,
}

/// Events in one population, summed over all examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationStatistics {
    /// Sum of the magnitudes of spike counts.
    pub spikes: u64,
    /// Neurons that fired at least once.
    pub active_neurons: u64,
    /// Neurons whose count the clamp changed.
    pub clipped: u64,
}

/// What happened while a compiled network ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatistics {
    /// Examples.
    pub examples: u64,
    /// In the order of the layout; zeros for digital projections.
    pub projections: Vec<ProjectionStatistics>,
    /// In the order of the layout.
    pub populations: Vec<PopulationStatistics>,
}
