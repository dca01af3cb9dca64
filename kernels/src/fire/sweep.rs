//! The walk over totals in chunks whose statistics fit in 32 bits.

use super::divisor::Table;
use super::rounding::{Narrow, NarrowEntries, Quick, QuickEntries, Quotient};
use super::{Divisor, FiringStatistics};
use crate::dispatch::Loop;

/// Neurons in a chunk, about.
const CHUNK: usize = 1 << 14;

/// The statistics of one chunk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) spikes: u32,
    pub(super) clipped: u32,
    pub(super) active: u32,
}

/// Rounded quotients; beyond 8 bits any value beyond.
pub(super) trait Round {
    /// The quotient of the neuron at `index` of a chunk.
    fn round(&self, index: usize, total: i32) -> i32;
}

/// One threshold in the 32-bit range.
struct Uniform(Narrow);

impl Round for Uniform {
    #[inline(always)]
    fn round(&self, _index: usize, total: i32) -> i32 {
        self.0.divide(total)
    }
}

impl Round for Quick {
    #[inline(always)]
    fn round(&self, _index: usize, total: i32) -> i32 {
        self.divide(total)
    }
}

impl Round for QuickEntries<'_> {
    #[inline(always)]
    fn round(&self, index: usize, total: i32) -> i32 {
        self.entry(index).divide(total)
    }
}

impl Round for NarrowEntries<'_> {
    #[inline(always)]
    fn round(&self, index: usize, total: i32) -> i32 {
        self.entry(index).divide(total)
    }
}

/// Thresholds of any size.
impl Round for &[Quotient] {
    #[inline(always)]
    fn round(&self, index: usize, total: i32) -> i32 {
        self[index % self.len()].saturated(total)
    }
}

/// The clamp and the gate that follow the rounding, applied to a chunk.
pub(super) trait Rule {
    /// Applies the rule to the neurons `start..start + totals.len()`.
    fn apply(&mut self, start: usize, totals: &[i32], round: impl Round) -> Tally;
}

/// Applies `rule` to all totals.
pub(super) struct Sweep<'a, R> {
    pub(super) divisor: &'a Divisor,
    pub(super) totals: &'a [i32],
    pub(super) rule: R,
}

impl<R: Rule> Loop for Sweep<'_, R> {
    type Output = FiringStatistics;

    #[inline(always)]
    fn run(mut self) -> FiringStatistics {
        let quotients = self.divisor.quotients.as_slice();
        let chunk = if quotients.len() == 1 { CHUNK } else { quotients.len() };
        let mut statistics = FiringStatistics::default();
        for (index, totals) in self.totals.chunks(chunk).enumerate() {
            let start = index * chunk;
            let is_uniform = quotients.len() == 1;
            let tally = match &self.divisor.table {
                Table::Quick(table) if is_uniform => self.rule.apply(start, totals, table.entries(1).entry(0)),
                Table::Quick(table) => self.rule.apply(start, totals, table.entries(totals.len())),
                Table::Narrow(table) if is_uniform => self.rule.apply(start, totals, Uniform(table.entry(0))),
                Table::Narrow(table) => self.rule.apply(start, totals, table.entries(totals.len())),
                Table::Exact => self.rule.apply(start, totals, quotients),
            };
            statistics.spikes += u64::from(tally.spikes);
            statistics.clipped += u64::from(tally.clipped);
            statistics.active += u64::from(tally.active);
        }
        statistics
    }
}
