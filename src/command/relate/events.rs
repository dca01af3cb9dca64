//! Inferences event by event.

use kernels::{Counts, as_signed};
use snn::simulator::{SimulationOptions, Simulator, State};
use snn::{InputEncoding, Network, NeuronKind, Trace, WeightFormat};
use spikegrad::Inference;
use spikegrad::relation::{Scene, Task};

use super::super::Context;

/// Inferences that are simulated event by event.
pub(super) const SIMULATED: usize = 50;
/// Most spikes of a raster.
const LARGEST_TRACE: usize = 200_000;

/// What a simulated inference takes, averaged.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct EventFigures {
    /// Inferences simulated.
    pub inferences: usize,
    /// Events delivered, each all spikes that a neuron fires at once.
    pub events: f64,
    /// Spikes of neurons that are driven, redundant ones included.
    pub spikes: f64,
    /// Additions of a weight times spikes.
    pub synaptic_operations: f64,
    /// Spike counts that differ from those of the integer pass: 0 with integer weights.
    pub mismatched_counts: u64,
}

/// Simulates scenes event by event and compares every count with the integer pass.
pub(super) fn simulate(
    task: &Task,
    network: &Network,
    scenes: impl Iterator<Item = Scene>,
    context: &Context,
) -> anyhow::Result<EventFigures> {
    let simulator = Simulator::new(network)?;
    let mut state = State::new();
    let mut inference = Inference::new(network, context.resources.isa, 1)?;
    let mut sums = EventFigures::default();
    let options = SimulationOptions::default();
    for scene in scenes.take(SIMULATED) {
        let bytes = task.inputs(&scene);
        let inputs = views(network, &bytes);
        let simulation = simulator.run(&inputs, &options, &mut state, None)?;
        inference.run(&bytes, 1)?;
        for (index, _) in network.populations().iter().enumerate().filter(|(_, population)| population.fires()) {
            let expected = inference.counts(index);
            let differs = |(neuron, &count): (usize, &i32)| match expected {
                Counts::Unsigned(counts) => i32::from(counts[neuron]) != count,
                Counts::Signed(counts) => i32::from(counts[neuron]) != count,
            };
            let mismatched = simulation.counts(index).iter().enumerate().filter(|&pair| differs(pair)).count() as u64;
            // Sums of float weights depend on their order.
            sums.mismatched_counts += if network.weight_format() == WeightFormat::F32 { 0 } else { mismatched };
            sums.spikes += simulation.statistics().populations[index].spikes as f64;
        }
        sums.inferences += 1;
        sums.events += simulation.statistics().events as f64;
        sums.synaptic_operations += simulation.statistics().synaptic_operations() as f64;
    }
    let count = sums.inferences.max(1) as f64;
    [&mut sums.events, &mut sums.spikes, &mut sums.synaptic_operations].into_iter().for_each(|sum| *sum /= count);
    Ok(sums)
}

/// The spikes of one inference whose inputs arrive one by one over the presentation.
pub(super) fn trace(task: &Task, network: &Network, scene: &Scene) -> anyhow::Result<Trace> {
    let simulator = Simulator::new(network)?;
    let bytes = task.inputs(scene);
    let inputs = views(network, &bytes);
    let options = SimulationOptions { input: InputEncoding::UnitSpikes, ..SimulationOptions::default() };
    let mut trace = Trace::new(LARGEST_TRACE);
    simulator.run(&inputs, &options, &mut State::new(), Some(&mut trace))?;
    Ok(trace)
}

/// Counts of all inputs of an example by input population.
fn views<'b>(network: &Network, bytes: &'b [u8]) -> Vec<Counts<'b>> {
    let mut rest = bytes;
    let inputs = network.populations().iter().filter(|population| population.neuron == NeuronKind::Input);
    let view = inputs.map(|population| {
        let (own, others) = rest.split_at(population.shape.neurons());
        rest = others;
        if population.is_signed() { Counts::Signed(as_signed(own)) } else { Counts::Unsigned(own) }
    });
    view.collect()
}
