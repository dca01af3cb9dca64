//! Weight gradients of large projections, computed once a batch, a block of rows at a time.
//!
//! A gradient matrix of millions of weights does not fit a cache. Adding to it for every group of
//! examples, once for every thread, costs as much as the products themselves. Instead the spike
//! and error counts of the whole batch are kept, a byte each, and the update computes the gradient
//! of a block of rows right before it uses it.

use std::ops::Range;

use kernels::{Store, Workspace};
use snn::{Connection, Network, WeightFormat};

use super::channels::ChannelSums;
use super::shard::Shard;
use crate::error::SpikegradError;
use crate::master::{ChannelActivity, RowGradients, RowScratch, convert, replace};
use crate::pass::{Activity, PassContext, counts_of};
use crate::plan::Plan;

/// Weights from which on the gradient of a projection is computed in blocks.
const SMALLEST: usize = 1 << 16;

/// Which projections have their gradients computed in blocks.
#[derive(Clone, Debug)]
pub(super) struct RetentionPlan {
    projections: Vec<bool>,
    /// Whether the gradient of the whole batch fits 32 bits.
    narrow: Vec<bool>,
    /// Populations whose spike counts, and whose error counts, are kept.
    counts: Vec<bool>,
    errors: Vec<bool>,
}

impl RetentionPlan {
    /// Large trained projections that do not end in an output, whose error counts exceed a byte.
    pub fn new(network: &Network, plan: &Plan, batch: usize, is_float: bool) -> Self {
        let populations = network.populations().len();
        let mut retention = Self {
            projections: Vec::new(),
            narrow: Vec::new(),
            counts: vec![false; populations],
            errors: vec![false; populations],
        };
        let is_integer = !is_float && network.weight_format() != WeightFormat::F32;
        for projection in network.projections() {
            let is_large = projection.weights.as_ref().is_some_and(|weights| weights.len() >= SMALLEST);
            let is_kept = is_integer && is_large && !plan.is_output(projection.to);
            retention.projections.push(is_kept);
            let largest = plan.largest_gradient(projection).saturating_mul(batch as i128);
            retention.narrow.push(largest <= i128::from(i32::MAX));
            if is_kept {
                retention.counts[projection.from] = true;
                retention.errors[projection.to] = true;
            }
        }
        retention
    }

    /// Per projection: whether its gradient is computed in blocks.
    pub fn projections(&self) -> &[bool] {
        &self.projections
    }
}

/// Spike and error counts of a shard's examples.
#[derive(Debug)]
pub(super) struct Retained {
    examples: usize,
    counts: Vec<Vec<u8>>,
    errors: Vec<Vec<i8>>,
}

impl Retained {
    /// Buffers for `share` examples.
    pub fn new(plan: &Plan, retention: &RetentionPlan, share: usize) -> Self {
        let size = |kept: bool, index: usize| if kept { plan.populations[index].neurons * share } else { 0 };
        let counts = retention.counts.iter().enumerate().map(|(index, &kept)| vec![0; size(kept, index)]);
        let errors = retention.errors.iter().enumerate().map(|(index, &kept)| vec![0; size(kept, index)]);
        Self { examples: 0, counts: counts.collect(), errors: errors.collect() }
    }

    /// Forgets all examples.
    pub fn clear(&mut self) {
        self.examples = 0;
    }

    /// Takes over the counts of a group of examples.
    pub fn keep(&mut self, plan: &Plan, activity: &Activity) {
        for (index, population) in plan.populations.iter().enumerate() {
            let length = population.neurons * activity.examples;
            let range = population.neurons * self.examples..population.neurons * self.examples + length;
            if let Some(counts) = self.counts[index].get_mut(range.clone()) {
                counts.copy_from_slice(&activity.counts[index][..length]);
            }
            if let Some(errors) = self.errors[index].get_mut(range) {
                errors.copy_from_slice(&activity.errors[index][..length]);
            }
        }
        self.examples += activity.examples;
    }
}

/// The weight gradients of a batch by rows, whichever way they are kept.
pub(super) struct BatchGradients<'a> {
    pub context: PassContext<'a>,
    pub retention: &'a RetentionPlan,
    pub shards: &'a [Shard],
    /// Spike counts by channel, when the normalisation needs them.
    pub channels: Option<ChannelSums>,
}

impl BatchGradients<'_> {
    /// Whether gradients are sums of floats.
    fn is_float(&self) -> bool {
        self.shards.iter().any(|shard| shard.gradients.is_float())
    }

    /// Whether the gradient of a projection is computed here, a block at a time.
    fn is_computed_in_blocks(&self, projection: usize) -> bool {
        let is_carried = self.context.own_denominator(projection).is_some();
        self.retention.projections[projection] && !is_carried && !self.is_float()
    }

    /// The gradient of some rows over the examples of one shard.
    fn block(
        &self,
        projection: usize,
        rows: Range<usize>,
        retained: &Retained,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), SpikegradError> {
        let engine = &self.context.engine;
        let examples = retained.examples;
        let projection = &self.context.network.projections()[projection];
        let (source, target) =
            (&self.context.plan.populations[projection.from], &self.context.plan.populations[projection.to]);
        let counts = counts_of(&retained.counts[projection.from], source, examples);
        let errors = &retained.errors[projection.to][..target.neurons * examples];
        match &projection.connection {
            Connection::Dense { inputs, outputs } => {
                workspace.reserve(engine.dense_gradient_rows_workspace(examples, *inputs, rows.len()));
                engine.dense_gradient_rows(examples, errors, *outputs, counts, *inputs, rows, store, out, workspace)?;
            }
            Connection::Convolution(shape) => {
                workspace.reserve(engine.convolution_gradient_rows_workspace(shape, examples, rows.len()));
                engine.convolution_gradient_rows(shape, examples, errors, counts, rows, store, out, workspace)?;
            }
            Connection::SumPooling { .. } | Connection::Identity { .. } => {}
        }
        Ok(())
    }
}

impl RowGradients for BatchGradients<'_> {
    fn prepare_rows(
        &self,
        projection: usize,
        rows: Range<usize>,
        length: usize,
        scratch: &mut RowScratch,
    ) -> Result<(), SpikegradError> {
        let RowScratch { first, sums, part, workspace } = scratch;
        *first = rows.start * length;
        if !self.is_computed_in_blocks(projection) {
            return Ok(());
        }
        let count = rows.len() * length;
        if part.len() < count {
            part.resize(count, 0);
        }
        let part = &mut part[..count];
        let is_narrow = self.retention.narrow[projection];
        if !is_narrow {
            sums.clear();
            sums.resize(count, 0);
        }
        for (index, shard) in self.shards.iter().enumerate() {
            let store = Store { accumulate: is_narrow && index > 0, scale: 1 };
            self.block(projection, rows.clone(), &shard.retained, store, part, workspace)?;
            if !is_narrow {
                sums.iter_mut().zip(&*part).for_each(|(sum, &part)| *sum += i64::from(part));
            }
        }
        Ok(())
    }

    fn write(&self, projection: usize, places: Range<usize>, factor: f32, scratch: &mut RowScratch, out: &mut [f32]) {
        let engine = self.context.engine;
        let RowScratch { first, sums, part, .. } = scratch;
        let prepared = places.start - *first..places.end - *first;
        if self.context.own_denominator(projection).is_some() {
            for (place, out) in places.zip(out) {
                let parts = self.shards.iter().map(|shard| shard.activity.carried.sums[projection].weights[place]);
                *out = parts.sum::<i64>() as f32 * factor;
            }
        } else if self.is_float() {
            out.fill(0.0);
            for shard in self.shards {
                let part = &shard.gradients.float_weights[projection][places.clone()];
                out.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
            replace(engine, out, |gradient| gradient * factor);
        } else if !self.retention.projections[projection] {
            sums.clear();
            sums.resize(out.len(), 0);
            for shard in self.shards {
                let part = &shard.gradients.weights[projection][places.clone()];
                sums.iter_mut().zip(part).for_each(|(sum, &part)| *sum += i64::from(part));
            }
            convert(engine, sums, out, |sum| sum as f32 * factor);
        } else if self.retention.narrow[projection] {
            convert(engine, &part[prepared], out, |sum| sum as f32 * factor);
        } else {
            convert(engine, &sums[prepared], out, |sum| sum as f32 * factor);
        }
    }

    fn denominator(&self, projection: usize) -> f64 {
        self.context.own_denominator(projection).unwrap_or(1) as f64
    }

    fn activity(&self, population: usize, channel: usize) -> ChannelActivity {
        let channels = self.channels.as_ref();
        channels.map_or_else(ChannelActivity::default, |sums| sums.activity(self.context.plan, population, channel))
    }

    fn bias(&self, population: usize, channel: usize) -> f64 {
        if self.is_float() {
            self.shards.iter().map(|shard| f64::from(shard.gradients.float_bias[population][channel])).sum()
        } else {
            self.shards.iter().map(|shard| shard.gradients.bias[population][channel]).sum::<i64>() as f64
        }
    }
}
