//! One share of a batch: its buffers and its passes.

use super::channels::ChannelSums;
use super::retained::{Retained, RetentionPlan};
use crate::error::SpikegradError;
use crate::loss::{cross_entropy, round_half_away};
use crate::pass::{Activity, DropoutPosition, Gradients, PassContext, Statistics, group_size};
use crate::samples::Samples;
use crate::settings::{Gradient, Normalisation, TrainingSettings};

/// What all shards of a step share.
pub(super) struct ShardTask<'a> {
    pub samples: &'a dyn Samples,
    pub epoch: u32,
    pub settings: &'a TrainingSettings,
}

#[derive(Debug)]
pub(super) struct Shard {
    pub activity: Activity,
    pub gradients: Gradients,
    pub retained: Retained,
    /// Kept when the normalisation needs them.
    pub channels: Option<ChannelSums>,
    pub losses: Vec<f64>,
    pub correct: u64,
    input: Vec<u8>,
    derivative: Vec<f64>,
}

impl Shard {
    pub fn new(
        context: &PassContext<'_>,
        settings: &TrainingSettings,
        retention: &RetentionPlan,
        share: usize,
        is_float: bool,
    ) -> Self {
        let group = group_size(context.plan.largest_population(), share);
        let input = context.plan.populations[context.plan.input].neurons;
        Self {
            activity: Activity::new(context, group, true, is_float),
            gradients: Gradients::new(context.network, is_float, retention.projections()),
            channels: (settings.normalisation == Normalisation::Homeostatic).then(|| ChannelSums::new(context.plan)),
            retained: Retained::new(context.plan, retention, share),
            losses: Vec::with_capacity(share),
            correct: 0,
            input: vec![0; input * group],
            derivative: vec![0.0; context.plan.classes],
        }
    }

    /// Forward and backward passes over `indices`; gradients, losses and statistics add up here.
    pub fn run(
        &mut self,
        context: &PassContext<'_>,
        task: &ShardTask<'_>,
        indices: &[u32],
    ) -> Result<(), SpikegradError> {
        self.gradients.clear();
        context.clear_carried(&mut self.activity.carried);
        self.retained.clear();
        self.channels.iter_mut().for_each(ChannelSums::clear);
        self.losses.clear();
        self.correct = 0;
        let length = context.plan.populations[context.plan.input].neurons;
        for group in indices.chunks(self.activity.capacity) {
            for (&index, slot) in group.iter().zip(self.input.chunks_exact_mut(length)) {
                task.samples.fill(Some(task.epoch), index as usize, slot);
            }
            let dropout = DropoutPosition { seed: task.settings.seed, epoch: task.epoch, samples: group };
            let input = &self.input[..length * group.len()];
            context.forward(&mut self.activity, input, group.len(), Some(dropout))?;
            self.channels.iter_mut().for_each(|channels| channels.add(context.engine, context.plan, &self.activity));
            self.inject(context, task, group);
            if self.gradients.is_float() {
                let is_rounded = task.settings.gradient == Gradient::Spike;
                context.float_backward(&mut self.activity, &mut self.gradients, is_rounded)?;
            } else {
                context.backward(&mut self.activity, &mut self.gradients, Some(group))?;
                self.retained.keep(context.plan, &self.activity);
            }
        }
        Ok(())
    }

    /// Loss and top errors: `E = round_half_away(alpha * dL/dlogit)` per example, not clipped.
    fn inject(&mut self, context: &PassContext<'_>, task: &ShardTask<'_>, group: &[u32]) {
        let classes = context.plan.classes;
        let readout = context.plan.readout;
        for (example, &index) in group.iter().enumerate() {
            let label = task.samples.label(index as usize);
            let range = example * classes..(example + 1) * classes;
            let (loss, prediction) = cross_entropy(&self.activity.logits[range.clone()], label, &mut self.derivative);
            self.losses.push(loss);
            self.correct += u64::from(prediction == label);
            for (place, &derivative) in range.zip(&self.derivative) {
                let error = round_half_away(task.settings.alpha * derivative);
                self.activity.readout_errors[place] = error;
                if let Some(float) = self.activity.float.errors.get_mut(readout) {
                    float[place] = match task.settings.gradient {
                        Gradient::Spike => error as f32,
                        Gradient::Float => derivative as f32,
                    };
                }
            }
        }
    }

    pub fn take_statistics(&mut self) -> Vec<Statistics> {
        self.activity.take_statistics()
    }

    /// Forgets the work of a step that is not used.
    pub fn discard(&mut self) {
        self.take_statistics();
        self.gradients.clear();
    }
}
