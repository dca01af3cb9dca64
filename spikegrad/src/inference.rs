//! Spike counts and accuracy of a trained network, by the integer pass.

use kernels::{Counts, Engine, Isa, Parallelism};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use snn::{Network, WeightFormat};

use crate::error::SpikegradError;
use crate::loss::{cross_entropy, squared_distance};
use crate::pass::{Activity, PassContext, Statistics, group_size};
use crate::plan::Plan;
use crate::prepared::{Forms, Prepared};
use crate::resources::Resources;
use crate::samples::{self, Objective, Samples};

/// Mean loss and accuracy on a set of samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean softmax cross-entropy in nats, or mean distance of counts ([`crate::Objective::Counts`]).
    pub loss: f64,
    /// Share of examples whose largest logit is their label's, or that [`Samples::is_right`] calls right.
    pub accuracy: f64,
}

/// Outcome of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean loss and accuracy.
    pub score: Score,
    /// Predicted class of each example; empty under [`crate::Objective::Counts`].
    pub predictions: Vec<u16>,
    /// `confusion[label][prediction]` counts examples; empty under [`crate::Objective::Counts`].
    pub confusion: Vec<Vec<u64>>,
    /// Per population: net spikes per example, sum |S| / examples.
    pub spikes_per_example: Vec<f64>,
    /// Per population: share of spike counts that the clamp changed.
    pub clipped_spike_share: Vec<f64>,
    /// Accumulations per example over all projections with trained weights:
    /// sum |S| * fan-out; the input counts once per nonzero value.
    pub accumulations_per_example: f64,
    /// Multiply-accumulates per example of the dense network.
    pub dense_operations: u64,
}

/// A network ready to run groups of examples through the integer pass.
///
/// For a network with float weights the pass sums floats; it then equals the event simulation
/// only up to the order of those sums.
#[derive(Debug)]
pub struct Inference<'a> {
    network: &'a Network,
    plan: Plan,
    prepared: Prepared,
    activity: Activity,
    engine: Engine,
}

impl<'a> Inference<'a> {
    /// Prepares `network` for groups of up to `capacity` examples.
    ///
    /// # Errors
    /// [`SpikegradError::Network`] for a network without inputs or outputs.
    pub fn new(network: &'a Network, isa: Isa, capacity: usize) -> Result<Self, SpikegradError> {
        let engine = Engine::new(isa, Parallelism::Serial)?;
        let plan = Plan::for_inference(network)?;
        let prepared = Prepared::new(network, &plan, Forms { backward: false, float: false }, engine)?;
        let context = PassContext { network, plan: &plan, prepared: &prepared, engine, substrate: None };
        let is_float = network.weight_format() == WeightFormat::F32;
        let activity = Activity::new(&context, capacity.max(1), false, is_float);
        Ok(Self { network, plan, prepared, activity, engine })
    }

    /// Runs `examples` examples whose counts lie one after the other in `input`, those of an example by input
    /// population.
    ///
    /// # Errors
    /// [`SpikegradError::Samples`] when `input` has another length, there are too many examples,
    /// or a count lies outside the range of its input population, on which the 32-bit bounds rest.
    pub fn run(&mut self, input: &[u8], examples: usize) -> Result<(), SpikegradError> {
        let length = self.plan.input_length();
        if examples > self.activity.capacity || input.len() != length * examples {
            return Err(SpikegradError::Samples {
                expected: format!("{length} counts for each of at most {} examples", self.activity.capacity),
                found: format!("{} counts for {examples} examples", input.len()),
            });
        }
        for part in &self.plan.inputs {
            let population = &self.plan.populations[part.population];
            let count = |byte: u8| if population.is_signed { i32::from(byte as i8) } else { i32::from(byte) };
            let range = population.low..=population.high;
            let mut counts = input.chunks_exact(length.max(1)).flat_map(|example| &example[part.range.clone()]);
            if let Some(&wrong) = counts.find(|&&byte| !range.contains(&count(byte))) {
                return Err(SpikegradError::Samples {
                    expected: format!(
                        "counts of {}..={} for '{}'",
                        population.low,
                        population.high,
                        self.network.populations()[part.population].name
                    ),
                    found: count(wrong).to_string(),
                });
            }
        }
        let context = PassContext {
            network: self.network,
            plan: &self.plan,
            prepared: &self.prepared,
            engine: self.engine,
            substrate: None,
        };
        context.forward(&mut self.activity, input, examples, None)
    }

    /// Spike counts of a population in the last run, channels-last, one example after the other.
    pub fn counts(&self, population: usize) -> Counts<'_> {
        let length = self.plan.populations[population].neurons * self.activity.examples;
        let counts = &self.activity.counts[population][..length];
        if self.plan.populations[population].is_signed {
            Counts::Signed(kernels::as_signed(counts))
        } else {
            Counts::Unsigned(counts)
        }
    }

    /// Gates of a population in the last run: 1 where the total input was above zero or the
    /// population is linear; empty for input and readout.
    pub fn gates(&self, population: usize) -> &[u8] {
        let gates = &self.activity.gates[population];
        &gates[..gates.len().min(self.plan.populations[population].neurons * self.activity.examples)]
    }

    /// `[examples][outputs]` of the last run: total inputs of readouts over their thresholds, or spike counts where
    /// outputs fire.
    pub fn logits(&self) -> &[f64] {
        &self.activity.logits[..self.plan.output_length() * self.activity.examples]
    }
}

/// Accuracy, confusion and spike statistics of a network on samples.
///
/// # Errors
/// [`SpikegradError::Samples`] when the samples do not fit the network.
pub fn evaluate(network: &Network, samples: &dyn Samples, resources: Resources) -> Result<Evaluation, SpikegradError> {
    let engine = Engine::new(resources.isa, Parallelism::Serial)?;
    let plan = Plan::for_inference(network)?;
    samples::check(samples, network, &plan)?;
    let prepared = Prepared::new(network, &plan, Forms { backward: false, float: false }, engine)?;
    let context = PassContext { network, plan: &plan, prepared: &prepared, engine, substrate: None };
    let pool = resources.pool()?;
    let is_float = network.weight_format() == WeightFormat::F32;
    let group = group_size(plan.largest_population(), samples.len());
    let mut activities: Vec<Activity> =
        (0..resources.threads.max(1)).map(|_| Activity::new(&context, group, false, is_float)).collect();
    let mut borrowed: Vec<&mut Activity> = activities.iter_mut().collect();
    pool.install(|| evaluate_with(&context, &mut borrowed, samples))
}

/// Outputs of a network for a set of samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// `[examples][output neurons]`: total inputs of readouts over their thresholds, or spike counts where outputs fire.
    pub values: Vec<f64>,
    /// Output neurons of an example.
    pub length: usize,
    /// Per population: net spikes per example, sum |S| / examples.
    pub spikes_per_example: Vec<f64>,
    /// Accumulations per example over all projections with trained weights: sum |S| * fan-out; an input counts once
    /// per nonzero value.
    pub accumulations_per_example: f64,
}

impl Outputs {
    /// The outputs of an example.
    pub fn example(&self, index: usize) -> &[f64] {
        &self.values[index * self.length..(index + 1) * self.length]
    }
}

/// What a network makes of samples.
///
/// # Errors
/// [`SpikegradError::Samples`] when the samples do not fit the network.
pub fn infer(network: &Network, samples: &dyn Samples, resources: Resources) -> Result<Outputs, SpikegradError> {
    let engine = Engine::new(resources.isa, Parallelism::Serial)?;
    let plan = Plan::for_inference(network)?;
    samples::check(samples, network, &plan)?;
    let prepared = Prepared::new(network, &plan, Forms { backward: false, float: false }, engine)?;
    let context = PassContext { network, plan: &plan, prepared: &prepared, engine, substrate: None };
    let is_float = network.weight_format() == WeightFormat::F32;
    let group = group_size(plan.largest_population(), samples.len());
    let (inputs, length, count) = (plan.input_length(), plan.output_length(), samples.len());
    let share = count.div_ceil(resources.threads.max(1)).max(1);
    let mut values = vec![0.0; count * length];
    let parts = resources.pool()?.install(|| {
        let shares = values.par_chunks_mut(share * length).enumerate();
        let run = |(part, values): (usize, &mut [f64])| -> Result<Vec<Statistics>, SpikegradError> {
            let mut activity = Activity::new(&context, group, false, is_float);
            let mut input = vec![0; inputs * group];
            for (number, values) in values.chunks_mut(group * length).enumerate() {
                let (first, examples) = (part * share + number * group, values.len() / length);
                for (place, slot) in input.chunks_exact_mut(inputs).take(examples).enumerate() {
                    samples.fill(None, first + place, slot);
                }
                context.forward(&mut activity, &input[..inputs * examples], examples, None)?;
                values.copy_from_slice(&activity.logits[..values.len()]);
            }
            Ok(activity.take_statistics())
        };
        shares.map(run).collect::<Result<Vec<_>, SpikegradError>>()
    })?;
    let mut statistics = vec![Statistics::default(); plan.populations.len()];
    for part in &parts {
        statistics.iter_mut().zip(part).for_each(|(sum, part)| sum.add(part));
    }
    let examples = count as f64;
    Ok(Outputs {
        values,
        length,
        spikes_per_example: statistics.iter().map(|sums| sums.spikes as f64 / examples).collect(),
        accumulations_per_example: statistics.iter().map(|sums| sums.forward_accumulations as f64).sum::<f64>()
            / examples,
    })
}

/// What the outputs of an example were found to be.
struct Judgement {
    loss: f64,
    is_right: bool,
    /// The predicted class; 0 where there are none.
    prediction: u16,
}

pub(crate) fn evaluate_with(
    context: &PassContext<'_>,
    activities: &mut [&mut Activity],
    samples: &dyn Samples,
) -> Result<Evaluation, SpikegradError> {
    let count = samples.len();
    let share = count.div_ceil(activities.len().max(1)).max(1);
    let parts = activities.par_iter_mut().enumerate().map(|(index, activity)| {
        activity.take_statistics();
        judge(context, activity, samples, (index * share).min(count)..((index + 1) * share).min(count))
    });
    let parts: Vec<Vec<Judgement>> = parts.collect::<Result<_, SpikegradError>>()?;
    let has_classes = samples.objective() == Objective::Class;
    let classes = if has_classes { context.plan.output_length() } else { 0 };
    let mut confusion = vec![vec![0u64; classes]; classes];
    let (mut loss, mut correct) = (0.0, 0u64);
    let mut predictions = Vec::with_capacity(if has_classes { count } else { 0 });
    for (index, judgement) in parts.into_iter().flatten().enumerate() {
        loss += judgement.loss;
        correct += u64::from(judgement.is_right);
        if has_classes {
            confusion[samples.label(index)][usize::from(judgement.prediction)] += 1;
            predictions.push(judgement.prediction);
        }
    }
    let mut statistics = vec![Statistics::default(); context.plan.populations.len()];
    for activity in activities.iter() {
        statistics.iter_mut().zip(&activity.statistics).for_each(|(sum, part)| sum.add(part));
    }
    let examples = count as f64;
    let neurons = context.plan.populations.iter().map(|population| population.neurons as f64 * examples);
    Ok(Evaluation {
        score: Score { loss: loss / examples, accuracy: correct as f64 / examples },
        predictions,
        confusion,
        spikes_per_example: statistics.iter().map(|s| s.spikes as f64 / examples).collect(),
        clipped_spike_share: statistics.iter().zip(neurons).map(|(s, n)| s.clipped_spikes as f64 / n).collect(),
        accumulations_per_example: statistics.iter().map(|s| s.forward_accumulations as f64).sum::<f64>() / examples,
        dense_operations: context.network.dense_operations(),
    })
}

fn judge(
    context: &PassContext<'_>,
    activity: &mut Activity,
    samples: &dyn Samples,
    range: std::ops::Range<usize>,
) -> Result<Vec<Judgement>, SpikegradError> {
    let (length, outputs) = (context.plan.input_length(), context.plan.output_length());
    let mut input = vec![0u8; length * activity.capacity];
    let (mut derivative, mut targets) = (vec![0.0; outputs], vec![None; outputs]);
    let mut judged = Vec::with_capacity(range.len());
    let indices: Vec<usize> = range.collect();
    for group in indices.chunks(activity.capacity) {
        for (&index, slot) in group.iter().zip(input.chunks_exact_mut(length)) {
            samples.fill(None, index, slot);
        }
        context.forward(activity, &input[..length * group.len()], group.len(), None)?;
        for (&index, logits) in group.iter().zip(activity.logits.chunks_exact(outputs)) {
            judged.push(match samples.objective() {
                Objective::Class => {
                    let label = samples.label(index);
                    let (loss, prediction) = cross_entropy(logits, label, &mut derivative);
                    Judgement { loss, is_right: prediction == label, prediction: prediction as u16 }
                }
                Objective::Counts { largest } => {
                    samples.targets(None, index, &mut targets);
                    let loss = squared_distance(logits, &targets, largest, &mut derivative);
                    Judgement { loss, is_right: samples.is_right(None, index, logits), prediction: 0 }
                }
            });
        }
    }
    Ok(judged)
}
