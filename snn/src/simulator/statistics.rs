//! What a simulation counts.

use std::ops::AddAssign;

/// Spikes of one population.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PopulationStatistics {
    /// Spikes emitted, of either sign, residual spikes included: n.
    pub spikes: u64,
    /// The fewest spikes with the same net counts: n_min, the sum of |S|.
    pub minimum_spikes: u64,
    /// Residual spikes among those emitted.
    pub residual_spikes: u64,
    /// Neurons whose net count the range `minimum_count..=maximum_count` kept from the rounded
    /// quotient. The zero of rectified neurons does not count.
    pub saturated: u64,
}

impl PopulationStatistics {
    /// `(n - n_min) / n_min`, the share of spikes that cancelled each other (spikegrad notes
    /// 2.6); `None` when the net counts are all zero.
    pub fn redundancy(&self) -> Option<f64> {
        let redundant = self.spikes.saturating_sub(self.minimum_spikes);
        (self.minimum_spikes > 0).then(|| redundant as f64 / self.minimum_spikes as f64)
    }
}

/// Deliveries of one projection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectionStatistics {
    /// Events delivered; one event may carry several spikes of one neuron.
    pub events: u64,
    /// Weights added to totals: one per event and synapse, zero padding left out.
    pub additions: u64,
    /// Synaptic operations: one per spike and synapse, so that an event of q spikes counts |q|
    /// for each synapse.
    pub synaptic_operations: u64,
}

/// Statistics of one or several examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Events delivered, those of populations that project nowhere included.
    pub events: u64,
    /// One entry per population, in topological order.
    pub populations: Vec<PopulationStatistics>,
    /// One entry per projection.
    pub projections: Vec<ProjectionStatistics>,
}

impl Statistics {
    pub(super) fn reset(&mut self, populations: usize, projections: usize) {
        self.events = 0;
        self.populations.clear();
        self.populations.resize(populations, PopulationStatistics::default());
        self.projections.clear();
        self.projections.resize(projections, ProjectionStatistics::default());
    }

    /// Synaptic operations of all projections.
    pub fn synaptic_operations(&self) -> u64 {
        self.projections.iter().map(|projection| projection.synaptic_operations).sum()
    }
}

impl AddAssign<&Statistics> for Statistics {
    /// Adds the counts of another example; an empty value takes the other's size.
    fn add_assign(&mut self, other: &Statistics) {
        self.events += other.events;
        let populations = self.populations.len().max(other.populations.len());
        self.populations.resize(populations, PopulationStatistics::default());
        for (sum, other) in self.populations.iter_mut().zip(&other.populations) {
            sum.spikes += other.spikes;
            sum.minimum_spikes += other.minimum_spikes;
            sum.residual_spikes += other.residual_spikes;
            sum.saturated += other.saturated;
        }
        let projections = self.projections.len().max(other.projections.len());
        self.projections.resize(projections, ProjectionStatistics::default());
        for (sum, other) in self.projections.iter_mut().zip(&other.projections) {
            sum.events += other.events;
            sum.additions += other.additions;
            sum.synaptic_operations += other.synaptic_operations;
        }
    }
}
