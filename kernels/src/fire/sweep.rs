//! The walk over totals in chunks whose statistics fit in 32 bits.

use super::{Divisor, FiringStatistics};

/// Neurons in a chunk, about.
const CHUNK: usize = 1 << 14;

/// The statistics of one chunk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) spikes: u32,
    pub(super) clipped: u32,
    pub(super) active: u32,
}

/// The clamp and the gate that follow the rounding, applied to a chunk.
pub(super) trait Rule {
    /// Applies the rule to the neurons `start..start + totals.len()`; `round(index, total)` is the rounded quotient,
    /// saturated to -128..=128, with the index counted from `start`.
    fn apply(&mut self, start: usize, totals: &[i32], round: impl Fn(usize, i32) -> i32) -> Tally;
}

/// Applies `rule` to all totals.
#[inline(always)]
pub(super) fn sweep(divisor: &Divisor, totals: &[i32], mut rule: impl Rule) -> FiringStatistics {
    let period = divisor.quotients.len();
    let mut statistics = FiringStatistics::default();
    let chunk = match (period, &divisor.table) {
        (1, _) => CHUNK,
        _ => period,
    };
    for (index, totals) in totals.chunks(chunk).enumerate() {
        let start = index * chunk;
        let tally = match (&divisor.table, divisor.quotients.as_slice()) {
            (Some(table), [_]) => {
                let narrow = table.entry(0);
                rule.apply(start, totals, |_, total| narrow.divide(total))
            }
            (Some(table), _) => {
                let entries = table.entries(totals.len());
                rule.apply(start, totals, |index, total| entries.entry(index).divide(total))
            }
            (None, quotients) => rule.apply(start, totals, |index, total| quotients[index % period].saturated(total)),
        };
        statistics.spikes += u64::from(tally.spikes);
        statistics.clipped += u64::from(tally.clipped);
        statistics.active += u64::from(tally.active);
    }
    statistics
}
