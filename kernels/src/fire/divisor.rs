//! Division by a threshold with exact rounding.

use super::rounding::{NarrowTable, QuickTable, Quotient};
use crate::KernelError;

/// Thresholds and multipliers may be at most this.
const LIMIT: i64 = 1 << 40;
/// Thresholds per channel are repeated to at least this many entries, so that inner loops stay long.
const PERIOD: usize = 1024;
/// Entries in an unrolled step of vectors; periods are whole steps where that takes few repetitions.
const LANES: usize = 64;
/// More channels than any population has; keeps the statistics of a period within 32 bits.
const MOST_CHANNELS: usize = 1 << 24;

/// `round_half_away(A * multiplier / threshold)`, exact for every 32-bit `A`.
///
/// The threshold belongs to the whole population or to each channel; with channels-last totals the channel of an
/// index is `index % channels`.
#[derive(Debug, Clone)]
pub struct Divisor {
    /// One entry for the population, or whole periods of channels.
    pub(super) quotients: Vec<Quotient>,
    /// The constants of the fastest path that all of them have.
    pub(super) table: Table,
    channels: usize,
}

/// The constants of the ways to divide.
#[derive(Debug, Clone)]
pub(super) enum Table {
    /// By a 32-bit float alone.
    Quick(QuickTable),
    /// By a 32-bit float and a correction.
    Narrow(NarrowTable),
    /// By integers of 128 bits.
    Exact,
}

impl Table {
    fn new(quotients: &[Quotient]) -> Table {
        let quick = QuickTable::new(quotients).map(Table::Quick);
        quick.or_else(|| NarrowTable::new(quotients).map(Table::Narrow)).unwrap_or(Table::Exact)
    }
}

impl Divisor {
    /// One threshold for all neurons.
    ///
    /// # Errors
    /// [`KernelError::Divisor`] unless threshold and multiplier are in `1..=2^40`.
    pub fn uniform(threshold: i64, multiplier: i64) -> Result<Divisor, KernelError> {
        let quotient = quotient(threshold, multiplier, None)?;
        Ok(Divisor::from_quotients(vec![quotient], 1))
    }

    /// One threshold per channel, with a common multiplier.
    ///
    /// # Errors
    /// [`KernelError::Divisor`] unless all are in `1..=2^40`; [`KernelError::Shape`] if there is no channel or
    /// more than 2^24.
    pub fn per_channel(thresholds: &[i64], multiplier: i64) -> Result<Divisor, KernelError> {
        let channels = thresholds.len();
        if channels == 0 {
            return Err(KernelError::Shape {
                field: "thresholds",
                problem: "must name at least one channel",
                found: 0,
            });
        }
        if channels > MOST_CHANNELS {
            let problem = "must name at most 2^24 channels";
            return Err(KernelError::Shape { field: "thresholds", problem, found: channels });
        }
        let once = thresholds
            .iter()
            .enumerate()
            .map(|(channel, &threshold)| quotient(threshold, multiplier, Some(channel)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Divisor::from_quotients(once.repeat(repetitions(channels)), channels))
    }

    fn from_quotients(quotients: Vec<Quotient>, channels: usize) -> Divisor {
        let table = Table::new(&quotients);
        Divisor { quotients, table, channels }
    }

    /// The number of channels; 1 for a uniform threshold.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// `round_half_away(total * multiplier / threshold)` for the neuron at `index`.
    pub fn divide(&self, total: i32, index: usize) -> i128 {
        self.quotients[index % self.quotients.len()].exact(total)
    }
}

/// How often the channels are repeated.
fn repetitions(channels: usize) -> usize {
    let least = PERIOD.div_ceil(channels);
    if channels > PERIOD {
        least
    } else {
        least.next_multiple_of(LANES >> channels.trailing_zeros().min(LANES.trailing_zeros()))
    }
}

/// A checked quotient in lowest terms.
fn quotient(threshold: i64, multiplier: i64, channel: Option<usize>) -> Result<Quotient, KernelError> {
    for (what, found) in [("threshold", threshold), ("multiplier", multiplier)] {
        if !(1..=LIMIT).contains(&found) {
            return Err(KernelError::Divisor { what, found, channel });
        }
    }
    let (mut divisor, mut rest) = (threshold, multiplier);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    Ok(Quotient::new(threshold / divisor, multiplier / divisor))
}
