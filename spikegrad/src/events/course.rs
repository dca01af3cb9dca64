//! The course of one backward phase: deliver, fire, repeat; then residual spikes.

use snn::{Network, Projection};

use super::compartment::{Compartment, Rules};
use super::queue::{ErrorEvent, Queue};
use super::statistics::{ErrorPopulationStatistics, ErrorProjectionStatistics, ErrorStatistics};
use super::{ErrorOptions, ErrorSimulation, synapses};
use crate::backward_pass::BackwardPass;
use crate::forward_result::ForwardResult;

pub(super) struct Course<'a> {
    network: &'a Network,
    rules: &'a [Rules],
    forward: &'a ForwardResult,
    compartments: Vec<Compartment>,
    queue: Queue,
    pass: BackwardPass,
    statistics: ErrorStatistics,
}

impl<'a> Course<'a> {
    pub fn new(network: &'a Network, rules: &'a [Rules], forward: &'a ForwardResult, options: &ErrorOptions) -> Self {
        let populations = network.populations();
        Self {
            network,
            rules,
            forward,
            compartments: populations.iter().map(|population| Compartment::new(population.shape.neurons())).collect(),
            queue: Queue::new(options.order, options.unit_spikes),
            pass: BackwardPass::zeros(network),
            statistics: ErrorStatistics {
                events: 0,
                populations: vec![ErrorPopulationStatistics::default(); populations.len()],
                projections: vec![ErrorProjectionStatistics::default(); network.projections().len()],
            },
        }
    }

    /// Emits the error spikes of an output.
    pub fn inject(&mut self, output: usize, errors: &[i32]) {
        for (neuron, &spikes) in errors.iter().enumerate() {
            self.emit(ErrorEvent { population: output, neuron, spikes });
        }
    }

    /// Delivers events until none is pending.
    pub fn settle(&mut self) {
        while let Some(event) = self.queue.pop() {
            self.statistics.events += 1;
            let network = self.network;
            let population = &network.populations()[event.population];
            if let Some(sum) =
                self.pass.bias_gradients[event.population].get_mut(event.neuron % population.shape.channels)
            {
                *sum += i64::from(event.spikes);
            }
            for &index in &population.incoming {
                self.deliver(index, &network.projections()[index], event);
            }
        }
    }

    /// Takes an event down one projection: sources integrate it, weight gradients accumulate it.
    fn deliver(&mut self, index: usize, projection: &'a Projection, event: ErrorEvent) {
        let rules = &self.rules[projection.from];
        let channel = event.neuron % self.network.populations()[event.population].shape.channels;
        let arriving = rules.factor(index, channel) * i128::from(event.spikes);
        let gates = &self.forward.gates[projection.from];
        let counts = &self.forward.counts[projection.from];
        let potentials = &mut self.compartments[projection.from].potentials;
        let gradients = &mut self.pass.weight_gradients[index];
        let (mut synapses, mut updates, mut crossed) = (0u64, 0u64, Vec::new());
        synapses::visit(projection, event.neuron, |synapse| {
            if let Some(place) = synapse.place {
                gradients[place] += i64::from(event.spikes) * i64::from(counts[synapse.source]);
                updates += 1;
            }
            if rules.fires {
                synapses += 1;
                if gates[synapse.source] {
                    let potential = &mut potentials[synapse.source];
                    *potential += i128::from(synapse.weight) * arriving;
                    if potential.abs() >= rules.one {
                        crossed.push(synapse.source);
                    }
                }
            }
        });
        let magnitude = u64::from(event.spikes.unsigned_abs());
        self.statistics.projections[index].synaptic_operations += synapses * magnitude;
        self.statistics.projections[index].update_operations += updates * magnitude;
        for neuron in crossed {
            let spikes = self.compartments[projection.from].drain(rules, neuron);
            self.emit(ErrorEvent { population: projection.from, neuron, spikes });
        }
    }

    fn emit(&mut self, event: ErrorEvent) {
        if event.spikes != 0 {
            self.pass.errors[event.population][event.neuron] += event.spikes;
            self.statistics.populations[event.population].error_spikes += u64::from(event.spikes.unsigned_abs());
            self.queue.push(event);
        }
    }

    /// Fires the residual spikes of one population and delivers all that they cause.
    pub fn fire_residuals(&mut self, population: usize) {
        let rules = &self.rules[population];
        if !rules.fires {
            return;
        }
        for (neuron, _) in self.forward.gates[population].iter().enumerate().filter(|(_, gate)| **gate) {
            let spikes = self.compartments[population].fire_residual(rules, neuron);
            self.statistics.populations[population].residual_spikes += u64::from(spikes.unsigned_abs());
            self.emit(ErrorEvent { population, neuron, spikes });
        }
        self.settle();
    }

    pub fn finish(mut self) -> ErrorSimulation {
        for (index, rules) in self.rules.iter().enumerate() {
            let statistics = &mut self.statistics.populations[index];
            let errors = self.pass.errors[index].iter();
            statistics.minimum_error_spikes = errors.map(|error| u64::from(error.unsigned_abs())).sum();
            let clipped = self.compartments[index].potentials.iter().zip(&self.compartments[index].counts);
            // A potential at or beyond half a threshold after the residual phase is one that the
            // bound on the count kept from firing.
            let is_clipped = |(potential, count): &(&i128, &i32)| {
                rules.fires && count.abs() == 127 && 2 * **potential * i128::from(count.signum()) >= rules.one
            };
            statistics.clipped = clipped.filter(is_clipped).count() as u64;
        }
        ErrorSimulation { pass: self.pass, statistics: self.statistics }
    }
}
