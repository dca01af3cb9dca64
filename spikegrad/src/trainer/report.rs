//! What every epoch reports.

use serde::{Deserialize, Serialize};
use snn::{Network, NeuronKind};

use super::diagnosis::{self, Diagnosis};
use crate::pass::Statistics;
use crate::plan::Plan;
use crate::settings::TrainingSettings;

/// Mean loss and accuracy on a set of samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean softmax cross-entropy in nats.
    pub loss: f64,
    /// Share of examples whose largest logit is their label's.
    pub accuracy: f64,
}

/// Means over the training examples of an epoch for one population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PopulationReport {
    /// Name of the population.
    pub name: String,
    /// Number of neurons.
    pub neurons: usize,
    /// sum |S| per example.
    pub spikes: f64,
    /// Share of neurons with an open gate.
    pub active_share: f64,
    /// Share of spike counts that the clamp changed.
    pub clipped_spike_share: f64,
    /// sum |E| per example.
    pub error_spikes: f64,
    /// Share of error counts that the clamp changed.
    pub clipped_error_share: f64,
    /// Share of incoming weights beyond the limit of their mantissa, at the end of the epoch.
    pub clipped_weight_share: f64,
}

/// Operations per example of the three phases, over all projections with trained weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationReport {
    /// Multiply-accumulates of the dense network's forward pass.
    pub dense: f64,
    /// Multiply-accumulates of the dense backward pass: the first projections need none.
    pub dense_backward: f64,
    /// sum |S| * fan-out; the input counts once per nonzero value.
    pub forward: f64,
    /// sum |E| * fan-in over projections that errors cross.
    pub backward: f64,
    /// sum |E| * fan-in over all trained projections.
    pub update: f64,
    /// forward / dense.
    pub forward_ratio: f64,
    /// backward / dense_backward.
    pub backward_ratio: f64,
    /// update / dense.
    pub update_ratio: f64,
}

/// Everything an epoch reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Epoch, counted from 1.
    pub epoch: u32,
    /// Base learning rate at its end, before division by alpha.
    pub learning_rate: f64,
    /// On the training examples as they were learned, dropout and augmentation included.
    pub train: Score,
    /// On the validation examples, after the epoch.
    pub validation: Score,
    /// Whether the validation accuracy is the highest so far.
    pub is_best: bool,
    /// One entry per population, in topological order.
    pub populations: Vec<PopulationReport>,
    /// Accumulations relative to the dense network's multiply-accumulates.
    pub operations: OperationReport,
    /// What looks wrong, with the remedy.
    pub diagnoses: Vec<Diagnosis>,
    /// Training examples per second of the epoch's updates; `None` unless the caller timed it.
    pub samples_per_second: Option<f64>,
}

/// Sums over the examples of the current epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Accumulator {
    pub examples: u64,
    pub correct: u64,
    pub loss: f64,
    pub statistics: Vec<Statistics>,
}

pub(super) struct Context<'a> {
    pub network: &'a Network,
    pub plan: &'a Plan,
    pub settings: &'a TrainingSettings,
    pub epoch: u32,
    pub learning_rate: f64,
    pub validation: Score,
    pub is_best: bool,
    pub clipped_weights: &'a [u64],
}

impl Accumulator {
    pub fn new(populations: usize) -> Self {
        Self { statistics: vec![Statistics::default(); populations], ..Self::default() }
    }

    pub fn add(&mut self, statistics: &[Statistics]) {
        self.statistics.iter_mut().zip(statistics).for_each(|(sum, part)| sum.add(part));
    }

    pub fn report(&self, context: Context<'_>) -> EpochReport {
        let examples = self.examples.max(1) as f64;
        let populations = self.populations(&context, examples);
        let operations = self.operations(&context, examples);
        let train = Score { loss: self.loss / examples, accuracy: self.correct as f64 / examples };
        let diagnoses = diagnosis::diagnose(context.network, context.settings, &populations, train, context.epoch);
        EpochReport {
            epoch: context.epoch,
            learning_rate: context.learning_rate,
            train,
            validation: context.validation,
            is_best: context.is_best,
            populations,
            operations,
            diagnoses,
            samples_per_second: None,
        }
    }

    fn populations(&self, context: &Context<'_>, examples: f64) -> Vec<PopulationReport> {
        let all = context.network.populations().iter().zip(&self.statistics);
        all.map(|(population, sums)| {
            let neurons = population.shape.neurons();
            let all_neurons = neurons as f64 * examples;
            let incoming = population.incoming.iter();
            let (clipped, weights) = incoming.fold((0, 0), |(clipped, weights), &index| {
                let count = context.network.projections()[index].connection.weight_count();
                (clipped + context.clipped_weights[index], weights + count)
            });
            PopulationReport {
                name: population.name.clone(),
                neurons,
                spikes: sums.spikes as f64 / examples,
                active_share: if population.neuron == NeuronKind::Readout { 1.0 } else { sums.active as f64 / all_neurons },
                clipped_spike_share: sums.clipped_spikes as f64 / all_neurons,
                error_spikes: sums.error_spikes as f64 / examples,
                clipped_error_share: sums.clipped_errors as f64 / all_neurons,
                clipped_weight_share: clipped as f64 / weights.max(1) as f64,
            }
        })
        .collect()
    }

    fn operations(&self, context: &Context<'_>, examples: f64) -> OperationReport {
        let sum = |part: fn(&Statistics) -> u64| self.statistics.iter().map(part).sum::<u64>() as f64 / examples;
        let trained = context.network.projections().iter().filter(|projection| projection.weights.is_some());
        let crossed = trained.filter(|projection| projection.from != context.plan.input);
        let dense_backward = crossed.map(|projection| projection.connection.dense_operations()).sum::<u64>() as f64;
        let dense = context.network.dense_operations() as f64;
        let forward = sum(|s| s.forward_accumulations);
        let backward = sum(|s| s.backward_accumulations);
        let update = sum(|s| s.update_accumulations);
        OperationReport {
            dense,
            dense_backward,
            forward,
            backward,
            update,
            forward_ratio: forward / dense.max(1.0),
            backward_ratio: backward / dense_backward.max(1.0),
            update_ratio: update / dense.max(1.0),
        }
    }
}
