//! What a backward phase counts.

/// Error spikes of one population.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorPopulationStatistics {
    /// Error spikes emitted, of either sign, residual spikes included.
    pub error_spikes: u64,
    /// The fewest error spikes with the same net counts: sum |E|.
    pub minimum_error_spikes: u64,
    /// Residual spikes among those emitted.
    pub residual_spikes: u64,
    /// Neurons with an open gate whose rounded error lies beyond ±127.
    pub clipped: u64,
}

/// Work of one projection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorProjectionStatistics {
    /// Synaptic operations of the error spikes: one per spike and synapse that it crosses
    /// downwards. None over a projection from an input population.
    pub synaptic_operations: u64,
    /// Additions to weight gradients: one per spike and synapse with a trained weight.
    pub update_operations: u64,
}

/// Statistics of the backward phase of one example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorStatistics {
    /// Events delivered; one event may carry several spikes of one neuron.
    pub events: u64,
    /// One entry per population, in topological order.
    pub populations: Vec<ErrorPopulationStatistics>,
    /// One entry per projection.
    pub projections: Vec<ErrorProjectionStatistics>,
}

impl ErrorStatistics {
    /// Error spikes of all populations.
    pub fn error_spikes(&self) -> u64 {
        self.populations.iter().map(|population| population.error_spikes).sum()
    }

    /// Synaptic operations of all projections, without those of the weight update.
    pub fn synaptic_operations(&self) -> u64 {
        self.projections.iter().map(|projection| projection.synaptic_operations).sum()
    }
}
