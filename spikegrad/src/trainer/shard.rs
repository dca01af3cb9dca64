//! One share of a batch: its buffers and its passes.

use super::channels::ChannelSums;
use super::retained::{Retained, RetentionPlan};
use crate::error::SpikegradError;
use crate::loss::{cross_entropy, round_half_away, squared_distance};
use crate::pass::{Activity, DropoutPosition, Gradients, PassContext, Statistics, group_size};
use crate::samples::{Objective, Samples};
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
    targets: Vec<Option<i16>>,
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
        let (input, outputs) = (context.plan.input_length(), context.plan.output_length());
        Self {
            activity: Activity::new(context, group, true, is_float),
            gradients: Gradients::new(context.network, is_float, retention.projections()),
            channels: (settings.normalisation == Normalisation::Homeostatic).then(|| ChannelSums::new(context.plan)),
            retained: Retained::new(context.plan, retention, share),
            losses: Vec::with_capacity(share),
            correct: 0,
            input: vec![0; input * group],
            derivative: vec![0.0; outputs],
            targets: vec![None; outputs],
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
        let length = context.plan.input_length();
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
        let outputs = context.plan.output_length();
        for (example, &index) in group.iter().enumerate() {
            let index = index as usize;
            let logits = &self.activity.logits[example * outputs..(example + 1) * outputs];
            let (loss, is_right) = match task.samples.objective() {
                Objective::Class => {
                    let label = task.samples.label(index);
                    let (loss, prediction) = cross_entropy(logits, label, &mut self.derivative);
                    (loss, prediction == label)
                }
                Objective::Counts { largest } => {
                    task.samples.targets(Some(task.epoch), index, &mut self.targets);
                    let loss = squared_distance(logits, &self.targets, largest, &mut self.derivative);
                    (loss, task.samples.is_right(Some(task.epoch), index, logits))
                }
            };
            self.losses.push(loss);
            self.correct += u64::from(is_right);
            self.inject_example(context, task.settings, example);
        }
    }

    fn inject_example(&mut self, context: &PassContext<'_>, settings: &TrainingSettings, example: usize) {
        let Activity { output_errors, float, .. } = &mut self.activity;
        for part in &context.plan.outputs {
            let first = example * part.range.len();
            for (place, &derivative) in self.derivative[part.range.clone()].iter().enumerate() {
                let error = round_half_away(settings.alpha * derivative);
                output_errors[part.population][first + place] = error;
                if let Some(float) = float.errors.get_mut(part.population) {
                    float[first + place] = match settings.gradient {
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
