//! One step of momentum descent, neuron by neuron.

use rayon::prelude::*;
use snn::Network;

use super::{Master, row_length, standardise, unit};
use crate::pass::Gradients;
use crate::plan::Plan;
use crate::settings::{Gradient, Normalisation, TrainingSettings};

/// Weights that one task updates, at least.
const TASK_WEIGHTS: usize = 16_384;

/// Rates of one update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpdateRates {
    pub learning_rate: f64,
    /// Examples in the batch.
    pub examples: usize,
}

/// What all neurons of a projection share.
#[derive(Clone, Copy)]
struct Step {
    momentum: f32,
    rate: f32,
    decay: f32,
    /// The root mean square that the weights keep.
    target: Option<f32>,
}

impl Step {
    /// Updates the weights of one neuron from their gradient, which is changed.
    fn apply(&self, gradient: &mut [f32], weights: &mut [f32], velocities: &mut [f32]) {
        if let Some(target) = self.target {
            standardise::project(gradient, weights, target);
        }
        for ((weight, velocity), &gradient) in weights.iter_mut().zip(velocities).zip(gradient.iter()) {
            *velocity = self.momentum * *velocity + (gradient + self.decay * *weight);
            *weight -= self.rate * *velocity;
        }
        if let Some(target) = self.target {
            standardise::standardise(weights, target);
        }
    }
}

impl Master {
    /// Momentum descent with the gradients summed over all shards, in shard order:
    /// `v = momentum * v + gradient + weight_decay * w ; w -= learning_rate * v`, then the
    /// constraint of [`Normalisation::Weights`].
    ///
    /// The gradient with respect to a real weight is `E S 2^f / (threshold * kept)`, averaged
    /// over the batch and divided by alpha.
    pub fn update(
        &mut self,
        network: &Network,
        plan: &Plan,
        settings: &TrainingSettings,
        rates: UpdateRates,
        shards: &[&Gradients],
    ) {
        let is_float = shards.first().is_some_and(|shard| shard.is_float());
        let alpha = if settings.gradient == Gradient::Spike { settings.alpha } else { 1.0 };
        let share = 1.0 / (alpha * rates.examples.max(1) as f64);
        let (momentum, rate) = (settings.momentum as f32, rates.learning_rate as f32);
        for (index, projection) in network.projections().iter().enumerate() {
            if projection.weights.is_none() {
                continue;
            }
            let target = &plan.populations[projection.to];
            let population = &network.populations()[projection.to];
            let unit = f64::from(unit(population));
            let factor = |channel: usize| {
                (share * unit * target.error_scale.reciprocal(channel) / target.kept.value()) as f32
            };
            let factors: Vec<f32> = (0..population.thresholds.len()).map(factor).collect();
            let is_constrained = settings.normalisation == Normalisation::Weights;
            let target = if is_constrained { standardise::target(network, population) } else { None };
            let step = Step { momentum, rate, decay: settings.weight_decay as f32, target };
            let row = row_length(&projection.connection).max(1);
            let rows = TASK_WEIGHTS.div_ceil(row);
            let weights = self.weights[index].par_chunks_mut(rows * row);
            let tasks = weights.zip(self.weight_momentum[index].par_chunks_mut(rows * row));
            tasks.enumerate().for_each(|(task, (weights, velocities))| {
                let mut gradient = vec![0.0f32; row];
                let neurons = weights.chunks_exact_mut(row).zip(velocities.chunks_exact_mut(row));
                for (offset, (weights, velocities)) in neurons.enumerate() {
                    let neuron = task * rows + offset;
                    let range = neuron * row..(neuron + 1) * row;
                    if is_float {
                        gradient.fill(0.0);
                        for shard in shards {
                            let part = &shard.float_weights[index][range.clone()];
                            gradient.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
                        }
                    } else {
                        add_integers(&mut gradient, shards.iter().map(|shard| &shard.weights[index][range.clone()]));
                    }
                    let factor = factors[neuron % factors.len()];
                    gradient.iter_mut().for_each(|gradient| *gradient *= factor);
                    step.apply(&mut gradient, weights, velocities);
                }
            });
        }
        let rate = (rates.learning_rate * settings.bias_rate) as f32;
        for (index, (bias, velocities)) in self.bias.iter_mut().zip(&mut self.bias_momentum).enumerate() {
            for (channel, (bias, velocity)) in bias.iter_mut().zip(velocities).enumerate() {
                let sum = if is_float {
                    shards.iter().map(|shard| f64::from(shard.float_bias[index][channel])).sum::<f64>()
                } else {
                    shards.iter().map(|shard| shard.bias[index][channel]).sum::<i64>() as f64
                };
                *velocity = momentum * *velocity + (sum * share) as f32;
                *bias -= rate * *velocity;
            }
        }
    }
}

/// The sums of the parts as floats; exact before the one rounding.
fn add_integers<'s>(sums: &mut [f32], mut parts: impl Iterator<Item = &'s [i32]> + Clone) {
    let mut rest = parts.clone();
    match (rest.next(), rest.next(), rest.next()) {
        (Some(first), None, _) => sums.iter_mut().zip(first).for_each(|(sum, &value)| *sum = value as f32),
        (Some(first), Some(second), None) => {
            for ((sum, &first), &second) in sums.iter_mut().zip(first).zip(second) {
                *sum = (i64::from(first) + i64::from(second)) as f32;
            }
        }
        _ => {
            let mut wide: Vec<i64> = vec![0; sums.len()];
            parts.by_ref().for_each(|part| wide.iter_mut().zip(part).for_each(|(sum, &v)| *sum += i64::from(v)));
            sums.iter_mut().zip(wide).for_each(|(sum, value)| *sum = value as f32);
        }
    }
}
