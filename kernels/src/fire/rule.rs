//! The firing rule of a population and its application to totals.

use super::Divisor;
use super::sweep::{Round, Rule, Sweep, Tally};
use crate::dispatch::vectorised;
use crate::error::check_length;
use crate::{Engine, KernelError};

/// How totals become spike counts: `S = clamp(round_half_away(A * multiplier / threshold), low, high)`.
#[derive(Debug, Clone)]
pub struct FiringRule {
    /// The threshold.
    pub divisor: Divisor,
    /// The smallest count, at least -127.
    pub low: i32,
    /// The largest count, at most 127.
    pub high: i32,
    /// Whether the population is rectified (gate 1 only where `A > 0`) or linear (gate 1 everywhere).
    pub rectified: bool,
}

/// Sums over the neurons of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FiringStatistics {
    /// Sum of the absolute counts.
    pub spikes: u64,
    /// Counts changed by the clamp; for a rectified population only those above `high`.
    pub clipped: u64,
    /// Neurons whose gate is 1.
    pub active: u64,
}

impl std::ops::AddAssign for FiringStatistics {
    fn add_assign(&mut self, other: FiringStatistics) {
        self.spikes += other.spikes;
        self.clipped += other.clipped;
        self.active += other.active;
    }
}

impl FiringRule {
    /// Checks the range of counts.
    pub(super) fn check(&self) -> Result<(), KernelError> {
        let &FiringRule { low, high, rectified, .. } = self;
        if low < -127 || high > 127 || low > high || (rectified && low < 0) {
            return Err(KernelError::FiringRange { low, high });
        }
        Ok(())
    }
}

/// Clamp and gate of the forward pass.
pub(super) struct Forward<'a> {
    low: i32,
    high: i32,
    linear: bool,
    counts: &'a mut [u8],
    gate: &'a mut [u8],
}

impl<'a> Forward<'a> {
    /// The clamp and gate of a rule, with where they write.
    pub(super) fn new(rule: &FiringRule, counts: &'a mut [u8], gate: &'a mut [u8]) -> Forward<'a> {
        let &FiringRule { low, high, rectified, .. } = rule;
        Forward { low, high, linear: !rectified, counts, gate }
    }
}

impl Rule for Forward<'_> {
    #[inline(always)]
    fn apply(&mut self, start: usize, totals: &[i32], round: impl Round) -> Tally {
        let (low, high, linear) = (self.low, self.high, self.linear);
        let counts = &mut self.counts[start..][..totals.len()];
        let gate = &mut self.gate[start..][..totals.len()];
        let mut tally = Tally::default();
        for (index, &total) in totals.iter().enumerate() {
            let rounded = round.round(index, total);
            let clamped = rounded.max(low).min(high);
            let open = (total > 0) | linear;
            counts[index] = clamped as u8;
            gate[index] = u8::from(open);
            tally.spikes += clamped.unsigned_abs();
            tally.clipped += u32::from((rounded > high) | (linear & (rounded < low)));
            tally.active += u32::from(open);
        }
        tally
    }
}

/// Clamp and gating of the backward pass.
pub(super) struct Backward<'a> {
    pub(super) gate: &'a [u8],
    pub(super) errors: &'a mut [i8],
}

impl Rule for Backward<'_> {
    #[inline(always)]
    fn apply(&mut self, start: usize, totals: &[i32], round: impl Round) -> Tally {
        let gate = &self.gate[start..][..totals.len()];
        let errors = &mut self.errors[start..][..totals.len()];
        let mut tally = Tally::default();
        for (index, &total) in totals.iter().enumerate() {
            let rounded = round.round(index, total);
            let open = i32::from(gate[index] != 0);
            let clamped = rounded.clamp(-127, 127);
            let gated = clamped & -open;
            errors[index] = gated as i8;
            tally.spikes += gated.unsigned_abs();
            tally.clipped += open as u32 & u32::from(clamped != rounded);
            tally.active += open as u32;
        }
        tally
    }
}

impl Engine {
    /// Fires a population: counts as two's complement bytes, and gates (1 where `A > 0` or the population is linear).
    ///
    /// Totals are `[.., channels]`; the three slices have the same length, a multiple of the divisor's channels.
    /// Source: SpikeGrad's forward compartment, summed over an example.
    ///
    /// # Errors
    /// [`KernelError::FiringRange`] or [`KernelError::Length`].
    pub fn fire(
        &self,
        rule: &FiringRule,
        totals: &[i32],
        counts: &mut [u8],
        gate: &mut [u8],
    ) -> Result<FiringStatistics, KernelError> {
        rule.check()?;
        check_length("fire", "counts", &[totals.len()], counts.len())?;
        check_length("fire", "gate", &[totals.len()], gate.len())?;
        check_channels("fire", &rule.divisor, totals)?;
        let sweep = Sweep { divisor: &rule.divisor, totals, rule: Forward::new(rule, counts, gate) };
        Ok(vectorised(self.isa(), sweep))
    }

    /// Fires error counts: `E = gate * clamp(round_half_away(g * multiplier / threshold), -127, 127)`.
    ///
    /// `clipped` counts only where the gate is 1. The gate is left as it is.
    /// Source: SpikeGrad's error compartment, summed over an example.
    ///
    /// # Errors
    /// [`KernelError::Length`].
    pub fn fire_errors(
        &self,
        divisor: &Divisor,
        totals: &[i32],
        gate: &[u8],
        errors: &mut [i8],
    ) -> Result<FiringStatistics, KernelError> {
        check_length("fire_errors", "gate", &[totals.len()], gate.len())?;
        check_length("fire_errors", "errors", &[totals.len()], errors.len())?;
        check_channels("fire_errors", divisor, totals)?;
        let sweep = Sweep { divisor, totals, rule: Backward { gate, errors } };
        Ok(vectorised(self.isa(), sweep))
    }
}

/// Totals must hold whole sets of channels.
fn check_channels(operation: &'static str, divisor: &Divisor, totals: &[i32]) -> Result<(), KernelError> {
    let channels = divisor.channels();
    if totals.len().is_multiple_of(channels) {
        return Ok(());
    }
    let expected = totals.len().next_multiple_of(channels);
    Err(KernelError::Length { operation, what: "totals", expected, found: totals.len() })
}
