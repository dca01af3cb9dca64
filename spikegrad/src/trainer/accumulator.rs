//! Sums over an epoch, and the report made of them.

use serde::{Deserialize, Serialize};
use snn::{Network, NeuronKind};

use super::diagnosis;
use super::report::{EpochReport, OperationReport, PopulationReport};
use crate::inference::Score;
use crate::pass::Statistics;
use crate::plan::Plan;
use crate::settings::TrainingSettings;

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
            figures: std::collections::BTreeMap::new(),
            histograms: std::collections::BTreeMap::new(),
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
                active_share: if population.neuron == NeuronKind::Readout {
                    1.0
                } else {
                    sums.active as f64 / all_neurons
                },
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
        let crossed = trained.filter(|projection| !context.plan.is_input(projection.from));
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
