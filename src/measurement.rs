//! Operations of a network on samples, and its event-driven simulation beside the integer pass.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::ProgressBar;
use kernels::{Counts, as_signed};
use rayon::prelude::*;
use serde::Serialize;
use snn::operations::{OperationCounter, Report};
use snn::simulator::Statistics;
use snn::{EventOrder, Network, NeuronKind, SimulationOptions, Simulator, State};
use spikegrad::{Inference, Resources, Samples};

/// Examples that pass through the network together.
const GROUP: usize = 16;

/// What [`measure`] found.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// NeuroBench's measures of the integer pass.
    pub operations: Report,
    /// The simulation, where one was asked for.
    pub events: Option<EventReport>,
}

/// Event-driven simulation of every example, compared with the integer pass.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EventReport {
    /// Neurons, over all examples, whose net spike count, or total input for a readout, differs
    /// from the integer pass.
    pub mismatched_counts: u64,
    /// Neurons whose gate differs.
    pub mismatched_gates: u64,
    /// Examples whose predicted class differs.
    pub mismatched_predictions: u64,
    /// Share of examples that the simulation classifies rightly.
    pub event_accuracy: f64,
    /// Events delivered.
    pub events: u64,
    /// Synaptic operations: one per spike and synapse.
    pub synaptic_operations: u64,
    /// Events per second of wall-clock time spent in simulation, over all threads.
    pub events_per_second: f64,
    /// Synaptic operations per second, likewise.
    pub synaptic_operations_per_second: f64,
    /// `(n - n_min) / n_min` over the populations that fire: spikes beyond those that the net
    /// counts need; none when there are no spikes.
    pub redundant_spike_ratio: Option<f64>,
    /// Residual spikes among those emitted.
    pub residual_spikes: u64,
    /// Wall-clock seconds in simulation, summed over threads and divided by their number.
    pub simulation_seconds: f64,
    /// One entry per population, in topological order.
    #[serde(skip)]
    pub statistics: Statistics,
}

/// What one thread's share adds up to.
#[derive(Default)]
struct Share {
    report: EventReport,
    correct: u64,
    time: Duration,
}

/// Counts operations of the first `limit` examples; with `options` also simulates each of them.
/// The seed of a random order of events is increased by the number of the example.
///
/// # Errors
/// [`spikegrad::SpikegradError`] and [`snn::SnnError`] when the samples do not fit the network.
pub fn measure(
    network: &Network,
    samples: &dyn Samples,
    limit: usize,
    resources: Resources,
    options: Option<SimulationOptions>,
    bar: &ProgressBar,
) -> anyhow::Result<Measurement> {
    let count = samples.len().min(limit);
    let simulator = options.map(|_| Simulator::new(network)).transpose()?;
    let counter = Mutex::new(OperationCounter::new(network));
    let task = Task { network, samples, resources, options, simulator: simulator.as_ref(), counter: &counter, bar };
    let share = count.div_ceil(resources.threads.max(1) * 8).next_multiple_of(GROUP).max(GROUP);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(resources.threads)
        .build()
        .with_context(|| format!("could not start {} threads", resources.threads))?;
    let shares: Vec<Share> = pool.install(|| {
        let starts = (0..count).into_par_iter().step_by(share);
        starts.map(|start| task.run(start..(start + share).min(count))).collect::<anyhow::Result<_>>()
    })?;
    let operations = counter.into_inner().unwrap_or_else(PoisonError::into_inner).report();
    let events = options.map(|_| total(network, &shares, count, resources.threads));
    Ok(Measurement { operations, events })
}

struct Task<'a> {
    network: &'a Network,
    samples: &'a dyn Samples,
    resources: Resources,
    options: Option<SimulationOptions>,
    simulator: Option<&'a Simulator>,
    counter: &'a Mutex<OperationCounter>,
    bar: &'a ProgressBar,
}

impl Task<'_> {
    fn run(&self, range: std::ops::Range<usize>) -> anyhow::Result<Share> {
        let mut inference = Inference::new(self.network, self.resources.isa, GROUP)?;
        let (mut state, mut share) = (State::new(), Share::default());
        let length = self.samples.input_length();
        let mut input = vec![0; length * GROUP];
        let indices: Vec<usize> = range.collect();
        for group in indices.chunks(GROUP) {
            for (&index, slot) in group.iter().zip(input.chunks_exact_mut(length)) {
                self.samples.fill(None, index, slot);
            }
            let input = &input[..length * group.len()];
            inference.run(input, group.len())?;
            self.count_operations(&inference, input);
            if let (Some(simulator), Some(options)) = (self.simulator, self.options) {
                for (place, &index) in group.iter().enumerate() {
                    let options = numbered(options, index);
                    let example = &input[place * length..(place + 1) * length];
                    let counts = input_counts(self.network, example);
                    let start = Instant::now();
                    let simulation = simulator.run(&[counts], &options, &mut state, None)?;
                    share.time += start.elapsed();
                    share.report.statistics += simulation.statistics();
                    share.compare(self.network, &inference, &simulation, place, self.samples.label(index));
                }
            }
            self.bar.inc(group.len() as u64);
        }
        Ok(share)
    }

    fn count_operations(&self, inference: &Inference<'_>, input: &[u8]) {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, population) in self.network.populations().iter().enumerate() {
            let counts = match population.neuron {
                NeuronKind::Readout => continue,
                NeuronKind::Input => input_counts(self.network, input),
                _ => inference.counts(index),
            };
            match counts {
                Counts::Unsigned(values) => counter.record(index, values),
                Counts::Signed(values) => counter.record(index, values),
            }
        }
    }
}

impl Share {
    fn compare(
        &mut self,
        network: &Network,
        inference: &Inference<'_>,
        simulation: &snn::Simulation<'_>,
        place: usize,
        label: usize,
    ) {
        for (index, population) in network.populations().iter().enumerate() {
            let neurons = population.shape.neurons();
            let range = place * neurons..(place + 1) * neurons;
            match population.neuron {
                NeuronKind::Input => {}
                NeuronKind::Readout => {
                    // Distinct totals of 32 bits stay distinct as quotients of 64-bit floats.
                    let totals = simulation.totals(index);
                    let thresholds = (0..neurons).map(|n| population.threshold(n % population.shape.channels) as f64);
                    let event_logits: Vec<f64> =
                        thresholds.enumerate().map(|(neuron, threshold)| totals.get(neuron) / threshold).collect();
                    let logits = &inference.logits()[range];
                    self.report.mismatched_counts += differing(event_logits.iter().zip(logits));
                    let prediction = largest(&event_logits);
                    self.report.mismatched_predictions += u64::from(prediction != largest(logits));
                    self.correct += u64::from(prediction == label);
                }
                _ => {
                    let counts = simulation.counts(index).iter();
                    self.report.mismatched_counts += match inference.counts(index) {
                        Counts::Unsigned(all) => differing(counts.zip(&all[range.clone()])),
                        Counts::Signed(all) => differing(counts.zip(&all[range.clone()])),
                    };
                    let gates = simulation.gates(index).map(u8::from);
                    let expected = &inference.gates(index)[range];
                    self.report.mismatched_gates +=
                        gates.zip(expected).filter(|(found, expected)| found != *expected).count() as u64;
                }
            }
        }
    }
}

/// Number of pairs whose values differ.
pub fn differing<'a, A, B>(pairs: impl Iterator<Item = (&'a A, &'a B)>) -> u64
where
    A: Copy + PartialEq + 'a,
    B: Copy + Into<A> + 'a,
{
    pairs.filter(|(found, expected)| **found != (**expected).into()).count() as u64
}

/// Index of the largest value, the lowest among equals.
pub fn largest(values: &[f64]) -> usize {
    let better = |best: usize, index: usize| if values[index] > values[best] { index } else { best };
    (1..values.len()).fold(0, better)
}

/// Bytes of samples as the counts of the network's input population.
pub fn input_counts<'b>(network: &Network, bytes: &'b [u8]) -> Counts<'b> {
    let input = network.single_input().map(|index| &network.populations()[index]);
    if input.is_some_and(snn::Population::is_signed) {
        Counts::Signed(as_signed(bytes))
    } else {
        Counts::Unsigned(bytes)
    }
}

fn numbered(options: SimulationOptions, index: usize) -> SimulationOptions {
    let order = match options.order {
        EventOrder::Random { seed } => EventOrder::Random { seed: seed.wrapping_add(index as u64) },
        order => order,
    };
    SimulationOptions { order, ..options }
}

fn total(network: &Network, shares: &[Share], count: usize, threads: usize) -> EventReport {
    let mut sum = EventReport::default();
    let (mut correct, mut time) = (0, Duration::ZERO);
    for Share { report, correct: right, time: spent } in shares {
        sum.mismatched_counts += report.mismatched_counts;
        sum.mismatched_gates += report.mismatched_gates;
        sum.mismatched_predictions += report.mismatched_predictions;
        sum.statistics += &report.statistics;
        correct += right;
        time += *spent;
    }
    let firing =
        network.populations().iter().zip(&sum.statistics.populations).filter(|(population, _)| population.fires());
    let (spikes, minimum, residual) = firing.fold((0, 0, 0), |(spikes, minimum, residual), (_, s)| {
        (spikes + s.spikes, minimum + s.minimum_spikes, residual + s.residual_spikes)
    });
    let seconds = time.as_secs_f64() / threads.min(count).max(1) as f64;
    sum.event_accuracy = correct as f64 / count.max(1) as f64;
    sum.events = sum.statistics.events;
    sum.synaptic_operations = sum.statistics.synaptic_operations();
    sum.events_per_second = sum.events as f64 / seconds.max(f64::MIN_POSITIVE);
    sum.synaptic_operations_per_second = sum.synaptic_operations as f64 / seconds.max(f64::MIN_POSITIVE);
    sum.redundant_spike_ratio = (minimum > 0).then(|| (spikes - minimum) as f64 / minimum as f64);
    sum.residual_spikes = residual;
    sum.simulation_seconds = seconds;
    sum
}
