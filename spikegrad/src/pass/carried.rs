//! Populations whose currents come from a [`Substrate`], and the gradients it computes.

use kernels::{FiringRule, FiringStatistics, Loop};

use super::forward::counts_of;
use super::{Activity, DropoutPosition, PassContext};
use crate::error::SpikegradError;
use crate::substrate::{Carried, GradientSums, Group, SubstrateScratch};

/// What a group of examples needs for the substrate; empty without one.
#[derive(Debug, Default)]
pub(crate) struct CarriedBuffers {
    pub scratch: Option<SubstrateScratch>,
    /// Total inputs of the population in work, with the substrate's bits after the point.
    pub totals: Vec<i64>,
    pub errors: Vec<i32>,
    /// Per projection.
    pub sums: Vec<GradientSums>,
}

impl PassContext<'_> {
    /// How a projection is carried, if it is.
    pub fn carried(&self, projection: usize) -> Option<Carried> {
        self.substrate.and_then(|substrate| substrate.carries(projection))
    }

    /// What the substrate multiplies errors and weight gradients of a projection with; `None` where
    /// they are those of the exact product.
    pub fn own_denominator(&self, projection: usize) -> Option<i64> {
        self.carried(projection).and_then(|carried| carried.denominator)
    }

    /// Whether the substrate drives a population.
    pub fn is_driven(&self, population: usize) -> bool {
        self.substrate.is_some()
            && self.network.populations()[population].incoming.iter().any(|&index| self.carried(index).is_some())
    }

    /// Zero sums of gradients for the examples to come.
    pub fn clear_carried(&self, buffers: &mut CarriedBuffers) {
        if self.substrate.is_none() {
            return;
        }
        let projections = self.network.projections();
        buffers.sums.resize_with(projections.len(), GradientSums::default);
        for (index, (sums, projection)) in buffers.sums.iter_mut().zip(projections).enumerate() {
            let carried = self.carried(index);
            let weights = carried.and_then(|carried| carried.denominator).map(|_| projection.connection.weight_count());
            zero(&mut sums.parameters, carried.map_or(0, |carried| carried.parameters));
            zero(&mut sums.weights, weights.unwrap_or(0));
            sums.errors.clear();
            sums.factors.clear();
        }
    }

    /// Adds the currents of carried projections to `activity.totals`, which hold the exact ones.
    pub(super) fn carried_totals(
        &self,
        activity: &mut Activity,
        index: usize,
        position: Option<DropoutPosition<'_>>,
    ) -> Result<(), SpikegradError> {
        let Some(substrate) = self.substrate else { return Ok(()) };
        let Activity { examples, totals, counts, carried, .. } = activity;
        let length = self.plan.populations[index].neurons * *examples;
        let bits = substrate.grid_bits(index);
        carried.totals.clear();
        carried.totals.extend(totals[..length].iter().map(|&total| i64::from(total) << bits));
        let scratch = carried.scratch.get_or_insert_with(|| substrate.scratch());
        for &incoming in &self.network.populations()[index].incoming {
            if self.carried(incoming).is_some() {
                let from = self.network.projections()[incoming].from;
                let counts = counts_of(&counts[from], &self.plan.populations[from], *examples);
                let group = Group { counts, examples: *examples, samples: position.map(|position| position.samples) };
                substrate.add_currents(incoming, &group, &mut carried.totals, scratch)?;
            }
        }
        Ok(())
    }

    /// Counts and gates from wide totals: `S = clamp(round_half_away(A / (threshold * kept)), low, high)`.
    pub(super) fn carried_fire(&self, activity: &mut Activity, index: usize, trains: bool) -> FiringStatistics {
        let plan = &self.plan.populations[index];
        let rule = if trains { &plan.training_rule } else { &plan.rule };
        let denominator = if trains { plan.kept.denominator } else { 1 };
        let thresholds = self.wide_thresholds(index, trains);
        let thresholds = thresholds.repeat(PERIOD.div_ceil(thresholds.len()));
        let Activity { carried, counts, gates, .. } = activity;
        let (counts, gates) = (&mut counts[index], &mut gates[index]);
        self.engine.vectorised(Fire {
            totals: &carried.totals,
            thresholds: &thresholds,
            denominator,
            rule,
            counts,
            gates,
        })
    }

    /// Logits of a readout from wide totals.
    pub(super) fn carried_read_out(&self, activity: &mut Activity, index: usize, trains: bool) {
        let kept = if trains { self.plan.populations[index].kept.denominator as f64 } else { 1.0 };
        let thresholds = self.wide_thresholds(index, trains);
        let Activity { examples, carried, logits, .. } = activity;
        self.plan.write_outputs(index, *examples, logits, |position| {
            carried.totals[position] as f64 * kept / thresholds[position % thresholds.len()] as f64
        });
    }

    /// `threshold * kept.numerator * 2^grid_bits`, one or one per channel.
    fn wide_thresholds(&self, index: usize, trains: bool) -> Vec<i64> {
        let bits = self.substrate.map_or(0, |substrate| substrate.grid_bits(index));
        let factor = if trains { self.plan.populations[index].kept.numerator } else { 1 };
        self.network.populations()[index].thresholds.iter().map(|&threshold| (threshold * factor) << bits).collect()
    }

    /// Gradients of the carried projections that enter a population, from its error counts.
    pub(super) fn carried_gradients(
        &self,
        activity: &mut Activity,
        index: usize,
        position: Option<&[u32]>,
    ) -> Result<(), SpikegradError> {
        let Some(substrate) = self.substrate.filter(|_| self.is_driven(index)) else { return Ok(()) };
        let Activity { examples, counts, errors, output_errors, carried, .. } = activity;
        let length = self.plan.populations[index].neurons * *examples;
        carried.errors.clear();
        if self.plan.is_output(index) {
            carried.errors.extend(&output_errors[index][..length]);
        } else {
            carried.errors.extend(errors[index][..length].iter().map(|&error| i32::from(error)));
        }
        let scratch = carried.scratch.get_or_insert_with(|| substrate.scratch());
        for &incoming in &self.network.populations()[index].incoming {
            let Some(how) = self.carried(incoming) else { continue };
            let from = self.network.projections()[incoming].from;
            let source = &self.plan.populations[from];
            let takes_errors = how.denominator.is_some() && !self.plan.is_input(from);
            let sums = &mut carried.sums[incoming];
            zero(&mut sums.errors, if takes_errors { source.neurons * *examples } else { 0 });
            let counts = counts_of(&counts[from], source, *examples);
            let group = Group { counts, examples: *examples, samples: position };
            substrate.add_gradients(incoming, &group, &carried.errors, sums, scratch)?;
        }
        Ok(())
    }
}

fn zero(values: &mut Vec<i64>, length: usize) {
    values.clear();
    values.resize(length, 0);
}

/// Thresholds are repeated to at least this many, so that inner loops stay long.
const PERIOD: usize = 1024;
/// Quotients of integers below this are exact when rounded down from 64-bit floats: they lie further below the next
/// integer than the rounding error.
const EXACT: i128 = 1 << 51;

/// Counts and gates from wide totals.
struct Fire<'a> {
    totals: &'a [i64],
    thresholds: &'a [i64],
    denominator: i64,
    rule: &'a FiringRule,
    counts: &'a mut [u8],
    gates: &'a mut [u8],
}

impl Loop for Fire<'_> {
    type Output = FiringStatistics;

    #[inline(always)]
    fn run(self) -> FiringStatistics {
        let largest = self.totals.iter().fold(0, |largest, total| total.unsigned_abs().max(largest));
        let threshold = self.thresholds.iter().fold(0, |largest, &threshold| threshold.max(largest));
        let numerator = 2 * i128::from(largest) * i128::from(self.denominator) + i128::from(threshold);
        if numerator < EXACT {
            self.sweep(|numerator, divisor| (numerator as f64 / divisor as f64) as i64)
        } else {
            self.sweep(|numerator, divisor| numerator / divisor)
        }
    }
}

impl Fire<'_> {
    #[inline(always)]
    fn sweep(self, quotient: impl Fn(i64, i64) -> i64) -> FiringStatistics {
        let (low, high, is_linear) = (i64::from(self.rule.low), i64::from(self.rule.high), !self.rule.rectified);
        let mut fired = FiringStatistics::default();
        let period = self.thresholds.len();
        let places = self.counts.chunks_mut(period).zip(self.gates.chunks_mut(period));
        for (totals, (counts, gates)) in self.totals.chunks(period).zip(places) {
            let places = totals.iter().zip(self.thresholds).zip(counts.iter_mut().zip(gates));
            for ((&total, &threshold), (count, gate)) in places {
                let magnitude = quotient(2 * total.abs() * self.denominator + threshold, 2 * threshold);
                let rounded = if total < 0 { -magnitude } else { magnitude };
                let clamped = rounded.clamp(low, high);
                let open = (total > 0) | is_linear;
                *count = clamped as u8;
                *gate = u8::from(open);
                fired.spikes += clamped.unsigned_abs();
                fired.clipped += u64::from((rounded > clamped) | (is_linear & (rounded < clamped)));
                fired.active += u64::from(open);
            }
        }
        fired
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Divisor, Engine, Isa, Parallelism};

    use super::*;

    /// Totals around every tie, with numbers that fit floats and with such as do not.
    #[test]
    fn counts_equal_their_definition() {
        for (thresholds, denominator) in [(vec![7], 1), (vec![1000, 3, 64], 3), (vec![(1i64 << 44) + 1, 1 << 43], 5)] {
            let ties =
                |threshold: i64| (-40..40).flat_map(move |half| (-1..=1).map(move |by| half * threshold / 2 + by));
            let totals: Vec<i64> = thresholds.iter().flat_map(|&threshold| ties(threshold / denominator)).collect();
            let totals = &totals[..totals.len() / thresholds.len() * thresholds.len()];
            for rectified in [true, false] {
                let (low, high) = if rectified { (0, 15) } else { (-15, 12) };
                let rule = FiringRule { divisor: Divisor::uniform(1, 1).unwrap(), low, high, rectified };
                let mut expected = (Vec::new(), Vec::new(), FiringStatistics::default());
                for (place, &total) in totals.iter().enumerate() {
                    let threshold = i128::from(thresholds[place % thresholds.len()]);
                    let magnitude =
                        (2 * i128::from(total.abs()) * i128::from(denominator) + threshold) / (2 * threshold);
                    let rounded = if total < 0 { -magnitude } else { magnitude };
                    let clamped = rounded.clamp(low.into(), high.into());
                    let open = total > 0 || !rectified;
                    expected.0.push(clamped as u8);
                    expected.1.push(u8::from(open));
                    expected.2 += FiringStatistics {
                        spikes: clamped.unsigned_abs() as u64,
                        clipped: u64::from(rounded > clamped || (!rectified && rounded < clamped)),
                        active: u64::from(open),
                    };
                }
                for isa in Isa::available() {
                    let (mut counts, mut gates) = (vec![9; totals.len()], vec![9; totals.len()]);
                    let thresholds = &thresholds.repeat(4);
                    let (counts_out, gates_out) = (&mut counts[..], &mut gates[..]);
                    let fire =
                        Fire { totals, thresholds, denominator, rule: &rule, counts: counts_out, gates: gates_out };
                    let statistics = Engine::new(isa, Parallelism::Serial).unwrap().vectorised(fire);
                    assert_eq!((&counts, &gates, statistics), (&expected.0, &expected.1, expected.2), "{isa:?}");
                }
            }
        }
    }
}
