//! Populations whose currents come from a [`Substrate`], and the gradients it computes.

use kernels::FiringStatistics;

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
        let Activity { carried, counts, gates, .. } = activity;
        let places = carried.totals.iter().zip(counts[index].iter_mut().zip(&mut gates[index]));
        let mut fired = FiringStatistics::default();
        for (position, (&total, (count, gate))) in places.enumerate() {
            let threshold = thresholds[position % thresholds.len()];
            let magnitude = (2 * total.abs() * denominator + threshold) / (2 * threshold);
            let rounded = if total < 0 { -magnitude } else { magnitude };
            let clamped = rounded.clamp(i64::from(rule.low), i64::from(rule.high));
            let open = total > 0 || !rule.rectified;
            *count = clamped as u8;
            *gate = u8::from(open);
            fired.spikes += clamped.unsigned_abs();
            fired.clipped += u64::from(rounded > clamped || (!rule.rectified && rounded < clamped));
            fired.active += u64::from(open);
        }
        fired
    }

    /// Logits from wide totals.
    pub(super) fn carried_read_out(&self, activity: &mut Activity, trains: bool) {
        let index = self.plan.readout;
        let kept = if trains { self.plan.populations[index].kept.denominator as f64 } else { 1.0 };
        let thresholds = self.wide_thresholds(index, trains);
        let Activity { carried, logits, .. } = activity;
        for (position, (logit, &total)) in logits.iter_mut().zip(&carried.totals).enumerate() {
            *logit = total as f64 * kept / thresholds[position % thresholds.len()] as f64;
        }
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
        let Activity { examples, counts, errors, readout_errors, carried, .. } = activity;
        let length = self.plan.populations[index].neurons * *examples;
        carried.errors.clear();
        if index == self.plan.readout {
            carried.errors.extend(&readout_errors[..length]);
        } else {
            carried.errors.extend(errors[index][..length].iter().map(|&error| i32::from(error)));
        }
        let scratch = carried.scratch.get_or_insert_with(|| substrate.scratch());
        for &incoming in &self.network.populations()[index].incoming {
            let Some(how) = self.carried(incoming) else { continue };
            let from = self.network.projections()[incoming].from;
            let source = &self.plan.populations[from];
            let takes_errors = how.denominator.is_some() && from != self.plan.input;
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
