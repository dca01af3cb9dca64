//! The course of one simulation: deliver, fire, repeat; then round with residual spikes.

use kernels::Counts;

use super::fan_out::FanOut;
use super::input::{self, InputRange};
use super::population::{Neurons, PreparedPopulation};
use super::queue::Event;
use super::state::Scratch;
use super::total::Total;
use super::{EventOrder, SimulationOptions};
use crate::description::NeuronKind;
use crate::error::SnnError;
use crate::network::{Bias, Network};
use crate::trace::{SpikeRecord, Trace};

/// Populations and projections prepared for totals of type `T`.
#[derive(Clone, Debug)]
pub(super) struct Prepared<T: Total> {
    populations: Vec<PreparedPopulation<T>>,
    projections: Vec<FanOut<T>>,
}

impl<T: Total> Prepared<T> {
    pub(super) fn new(network: &Network, bias: impl Fn(&Bias, usize) -> T) -> Result<Self, SnnError> {
        let populations = network
            .populations()
            .iter()
            .map(|population| {
                PreparedPopulation::new(population, |channel| {
                    population.bias.as_ref().map_or(T::default(), |values| bias(values, channel))
                })
            })
            .collect();
        let projections = network
            .projections()
            .iter()
            .map(|projection| {
                FanOut::new(projection).ok_or_else(|| SnnError::Parameters {
                    what: "weights",
                    name: projection.name.clone(),
                    expected: format!("weights of the format {}", network.weight_format()),
                    found: projection.weights.as_ref().map_or("none".to_owned(), |w| w.format().to_string()),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { populations, projections })
    }

    /// Runs one example with checked inputs.
    pub(super) fn run(
        &self,
        ranges: &[InputRange],
        inputs: &[Counts<'_>],
        options: &SimulationOptions,
        neurons: &mut Vec<Neurons<T>>,
        scratch: &mut Scratch,
        trace: Option<&mut Trace>,
    ) {
        scratch.queue.reset(options.order);
        scratch.inputs.clear();
        scratch.statistics.reset(self.populations.len(), self.projections.len());
        neurons.resize_with(self.populations.len(), Neurons::default);
        for (population, neurons) in self.populations.iter().zip(neurons.iter_mut()) {
            population.reset(neurons);
        }
        for (range, counts) in ranges.iter().zip(inputs) {
            let values = &mut neurons[range.population].counts;
            values.iter_mut().enumerate().for_each(|(neuron, value)| *value = input::count(counts, neuron));
            range.encode(counts, options.input, &mut scratch.inputs);
        }
        input::arrange(options.input, &mut scratch.inputs);
        let Scratch { queue, inputs, crossed, statistics } = scratch;
        let mut course = Course { prepared: self, neurons, queue, crossed, statistics, trace };
        course.start_trace();
        course.fire_biases();
        match options.order {
            EventOrder::FirstInFirstOut | EventOrder::Random { .. } => {
                inputs.iter().for_each(|&event| course.queue.push(event));
                course.settle();
            }
            EventOrder::InputTime => {
                if inputs.first().is_none_or(|first| first.time > 0.0) {
                    course.settle();
                }
                for group in inputs.chunk_by(|a, b| a.time == b.time) {
                    group.iter().for_each(|&event| course.queue.push(event));
                    course.settle();
                }
            }
        }
        if options.residual_spikes {
            course.fire_residuals();
        }
        course.finish();
    }
}

/// Time given to residual spikes: the end of the presentation.
const END: f32 = 1.0;

struct Course<'a, T: Total> {
    prepared: &'a Prepared<T>,
    neurons: &'a mut [Neurons<T>],
    queue: &'a mut super::queue::Queue,
    crossed: &'a mut Vec<u32>,
    statistics: &'a mut super::Statistics,
    trace: Option<&'a mut Trace>,
}

impl<T: Total> Course<'_, T> {
    /// Neurons whose bias reaches the threshold fire before the first input spike.
    fn fire_biases(&mut self) {
        let prepared = self.prepared;
        for (index, population) in prepared.populations.iter().enumerate() {
            for &neuron in &population.biased {
                self.fire(index, neuron, 0.0);
            }
        }
        self.sample(0.0);
    }

    /// Delivers events until none is pending.
    fn settle(&mut self) {
        while let Some(event) = self.queue.pop() {
            self.deliver(event);
        }
    }

    fn deliver(&mut self, event: Event) {
        let prepared = self.prepared;
        let source = &prepared.populations[event.population as usize];
        self.statistics.events += 1;
        if source.neuron == NeuronKind::Input {
            self.record(event, false);
        }
        let magnitude = u64::from(event.spikes.unsigned_abs());
        for &index in &source.outgoing {
            let fan_out = &prepared.projections[index];
            let targets = &mut self.neurons[fan_out.to];
            self.crossed.clear();
            let synapses = fan_out.deliver(event.neuron as usize, event.spikes as i16, targets, self.crossed);
            let statistics = &mut self.statistics.projections[index];
            statistics.events += 1;
            statistics.additions += synapses;
            statistics.synaptic_operations += synapses * magnitude;
            for position in 0..self.crossed.len() {
                self.fire(fan_out.to, self.crossed[position], event.time);
            }
        }
        if self.trace.is_some() {
            self.sample(event.time);
        }
    }

    #[inline]
    fn fire(&mut self, population: usize, neuron: u32, time: f32) {
        let spikes = self.prepared.populations[population].fire(&mut self.neurons[population], neuron as usize);
        if spikes != 0 {
            self.emit(Event { population: population as u32, neuron, spikes, time }, false);
        }
    }

    #[inline]
    fn emit(&mut self, event: Event, residual: bool) {
        self.statistics.populations[event.population as usize].spikes += u64::from(event.spikes.unsigned_abs());
        self.record(event, residual);
        self.queue.push(event);
    }

    /// Populations from the lowest to the highest: each fires its residual spikes, and all they
    /// cause above settles before the next population does so.
    fn fire_residuals(&mut self) {
        let prepared = self.prepared;
        for (index, population) in prepared.populations.iter().enumerate().filter(|(_, p)| p.fires()) {
            for neuron in 0..population.neurons {
                let spikes = population.fire_residual(&mut self.neurons[index], neuron);
                if spikes != 0 {
                    self.statistics.populations[index].residual_spikes += 1;
                    self.emit(Event { population: index as u32, neuron: neuron as u32, spikes, time: END }, true);
                }
            }
            if self.trace.is_some() {
                self.sample(END);
            }
            self.settle();
        }
    }

    fn finish(&mut self) {
        let populations = self.prepared.populations.iter().zip(self.neurons.iter());
        for ((population, neurons), statistics) in populations.zip(&mut self.statistics.populations) {
            statistics.minimum_spikes = neurons.counts.iter().map(|count| u64::from(count.unsigned_abs())).sum();
            if population.neuron == NeuronKind::Input {
                statistics.spikes = statistics.minimum_spikes;
            }
            if population.fires() {
                statistics.saturated = population.saturated(neurons);
            }
        }
    }

    fn record(&mut self, event: Event, residual: bool) {
        if let Some(trace) = &mut self.trace {
            let Event { population, neuron, spikes, time } = event;
            trace.record_spike(SpikeRecord {
                event: self.statistics.events,
                time,
                population,
                neuron,
                spikes,
                residual,
            });
        }
    }

    fn start_trace(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.clear();
        }
        self.sample(0.0);
    }

    /// Records the watched neurons whose state changed.
    fn sample(&mut self, time: f32) {
        let Some(trace) = &mut self.trace else { return };
        let (prepared, neurons) = (self.prepared, &*self.neurons);
        trace.record_potentials(self.statistics.events, time, |population, neuron| {
            let (rules, state) = (&prepared.populations[population], &neurons[population]);
            let count = state.counts[neuron];
            (state.totals[neuron].potential(rules.rule(neuron), count), count)
        });
    }
}
