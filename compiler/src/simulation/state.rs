//! What one thread holds while it runs groups of examples.

use kernels::{Counts, Workspace, as_signed};

use super::chip::ChipScratch;
use super::prepare::{Simulator, Stage};
use crate::columns::ColumnScratch;
use crate::statistics::{PopulationStatistics, ProjectionStatistics, RunStatistics};

/// Spike counts, logits and statistics of one thread.
#[derive(Debug)]
pub struct SimulationState {
    pub(super) capacity: usize,
    pub(super) examples: usize,
    pub(super) neurons: Vec<usize>,
    pub(super) counts: Vec<Vec<u8>>,
    pub(super) is_signed: Vec<bool>,
    pub(super) logits: Vec<f64>,
    /// Logits of one readout.
    pub(super) readout: Vec<f64>,
    pub(super) narrow: Vec<i32>,
    pub(super) wide: Vec<i64>,
    pub(super) gate: Vec<u8>,
    pub(super) columns: ColumnScratch,
    pub(super) chip: ChipScratch,
    pub(super) workspace: Workspace,
    pub(super) statistics: RunStatistics,
}

impl Simulator<'_> {
    /// Memory for groups of up to `capacity` examples.
    pub fn state(&self, capacity: usize) -> SimulationState {
        let layout = &self.program.layout;
        let lengths = || (0..layout.populations.len()).map(|index| self.neurons(index) * capacity);
        let longest = |is_wanted: fn(&Stage) -> bool| {
            let wanted = self.stages.iter().zip(lengths()).filter(|(stage, _)| is_wanted(stage));
            wanted.map(|(_, length)| length).max().unwrap_or(0)
        };
        let statistics = RunStatistics {
            examples: 0,
            projections: vec![ProjectionStatistics::default(); layout.projections.len()],
            populations: vec![PopulationStatistics::default(); layout.populations.len()],
        };
        SimulationState {
            capacity,
            examples: 0,
            neurons: (0..layout.populations.len()).map(|index| self.neurons(index)).collect(),
            counts: lengths().map(|length| vec![0; length]).collect(),
            is_signed: layout.populations.iter().map(|population| population.minimum_count < 0).collect(),
            logits: vec![0.0; self.classes() * capacity],
            readout: Vec::new(),
            narrow: vec![0; longest(|stage| matches!(stage, Stage::Narrow(_)))],
            wide: vec![0; longest(|stage| matches!(stage, Stage::Wide(_)))],
            gate: vec![0; lengths().max().unwrap_or(0)],
            columns: ColumnScratch::default(),
            chip: ChipScratch::default(),
            workspace: Workspace::new(),
            statistics,
        }
    }
}

impl SimulationState {
    /// Spike counts of a population in the last run, channels-last, one example after the other;
    /// zeros for the readout.
    pub fn counts(&self, population: usize) -> Counts<'_> {
        view(&self.counts[population], self.is_signed[population], self.neurons[population] * self.examples)
    }

    /// `[examples][output neurons]` of the last run: total inputs of readouts over their thresholds, or spike counts where
    /// outputs fire.
    pub fn logits(&self) -> &[f64] {
        let classes = self.logits.len().checked_div(self.capacity).unwrap_or(0);
        &self.logits[..classes * self.examples]
    }

    /// What happened in all runs so far.
    pub fn statistics(&self) -> &RunStatistics {
        &self.statistics
    }

    /// Largest number of examples of a run.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

/// The counts of the first examples.
pub(super) fn view(bytes: &[u8], is_signed: bool, length: usize) -> Counts<'_> {
    let bytes = &bytes[..length];
    if is_signed { Counts::Signed(as_signed(bytes)) } else { Counts::Unsigned(bytes) }
}
