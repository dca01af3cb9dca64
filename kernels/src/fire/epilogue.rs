//! Firing a panel of totals at a time, while they are in a near cache.

use super::rule::{Backward, Forward};
use super::sweep::Sweep;
use super::{Divisor, FiringRule, FiringStatistics};
use crate::dispatch::vectorised;
use crate::error::{check_length, checked_size};
use crate::{Isa, KernelError};

/// What becomes of the totals of a population.
pub(crate) enum Epilogue<'a> {
    /// Spike counts and gates.
    Counts {
        /// The firing rule.
        rule: &'a FiringRule,
        /// The counts to write.
        counts: &'a mut [u8],
        /// The gates to write.
        gates: &'a mut [u8],
    },
    /// Error counts.
    Errors {
        /// The threshold.
        divisor: &'a Divisor,
        /// The gates of the forward pass.
        gates: &'a [u8],
        /// The errors to write.
        errors: &'a mut [i8],
    },
}

impl Epilogue<'_> {
    /// Checks the rule, and the lengths for `sizes` sets of `channels` totals, each of them whole sets of the divisor's.
    pub(crate) fn check(&self, operation: &'static str, sizes: &[usize], channels: usize) -> Result<(), KernelError> {
        let sets = checked_size(operation, "totals", sizes)?;
        let divisor = match self {
            Epilogue::Counts { rule, counts, gates } => {
                rule.check()?;
                check_length(operation, "counts", &[sets, channels], counts.len())?;
                check_length(operation, "gates", &[sets, channels], gates.len())?;
                &rule.divisor
            }
            Epilogue::Errors { divisor, gates, errors } => {
                check_length(operation, "gates", &[sets, channels], gates.len())?;
                check_length(operation, "errors", &[sets, channels], errors.len())?;
                divisor
            }
        };
        if channels.is_multiple_of(divisor.channels()) {
            return Ok(());
        }
        Err(KernelError::Length {
            operation,
            what: "channels of the divisor",
            expected: channels,
            found: divisor.channels(),
        })
    }

    /// Whether all neurons share one threshold.
    pub(crate) fn is_uniform(&self) -> bool {
        match self {
            Epilogue::Counts { rule, .. } => rule.divisor.channels() == 1,
            Epilogue::Errors { divisor, .. } => divisor.channels() == 1,
        }
    }

    /// Number of neurons.
    pub(crate) fn len(&self) -> usize {
        match self {
            Epilogue::Counts { counts, .. } => counts.len(),
            Epilogue::Errors { errors, .. } => errors.len(),
        }
    }

    /// Fires the neurons from `start` on, which must be the first channel unless the threshold is uniform.
    pub(crate) fn apply(&mut self, isa: Isa, start: usize, totals: &[i32]) -> FiringStatistics {
        let range = start..start + totals.len();
        match self {
            Epilogue::Counts { rule, counts, gates } => {
                let forward = Forward::new(rule, &mut counts[range.clone()], &mut gates[range]);
                vectorised(isa, Sweep { divisor: &rule.divisor, totals, rule: forward })
            }
            Epilogue::Errors { divisor, gates, errors } => {
                let backward = Backward { gate: &gates[range.clone()], errors: &mut errors[range] };
                vectorised(isa, Sweep { divisor, totals, rule: backward })
            }
        }
    }
}

impl<'a> Epilogue<'a> {
    /// The first `middle` neurons, or all if there are fewer, and the rest.
    pub(crate) fn split_at(self, middle: usize) -> (Epilogue<'a>, Epilogue<'a>) {
        let middle = middle.min(self.len());
        match self {
            Epilogue::Counts { rule, counts, gates } => {
                let (counts, other_counts) = counts.split_at_mut(middle);
                let (gates, other_gates) = gates.split_at_mut(middle);
                (
                    Epilogue::Counts { rule, counts, gates },
                    Epilogue::Counts { rule, counts: other_counts, gates: other_gates },
                )
            }
            Epilogue::Errors { divisor, gates, errors } => {
                let (gates, other_gates) = gates.split_at(middle);
                let (errors, other_errors) = errors.split_at_mut(middle);
                (
                    Epilogue::Errors { divisor, gates, errors },
                    Epilogue::Errors { divisor, gates: other_gates, errors: other_errors },
                )
            }
        }
    }
}
