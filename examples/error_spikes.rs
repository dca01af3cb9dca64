//! One example, forward and backward, spike by spike, beside the integer pass.
//! Expected: both lines end in "0 differ", whatever the order of events.
//!
//!     cargo run --release --example error_spikes

use kernels::{Counts, Isa};
use snn::simulator::{EventOrder, SimulationOptions, Simulator, State};
use snn::{Network, Shorthand, ShorthandPadding, WeightFormat};
use spikegrad::events::{ErrorOptions, ErrorOrder, ErrorSimulator};
use spikegrad::{ErrorPass, ForwardResult, Resources, Trainer, TrainingSettings, readout_errors};

const LABEL: usize = 3;

fn main() -> anyhow::Result<()> {
    let network = initialised_network()?;
    let image: Vec<u8> = (0..28 * 28).map(|pixel| (pixel * 37 % 256) as u8).collect();

    let mut pass = ErrorPass::new(&network, Isa::detect())?;
    let forward = pass.forward(&image)?;
    let errors = readout_errors(&forward.logits, LABEL, 100.0)?;
    let backward = pass.backward(&image, &errors)?;

    let simulator = Simulator::new(&network)?;
    let error_simulator = ErrorSimulator::new(&network)?;
    let mut state = State::new();
    for seed in 0..2 {
        let options = SimulationOptions { order: EventOrder::Random { seed }, ..SimulationOptions::default() };
        let simulation = simulator.run(&[Counts::Unsigned(&image)], &options, &mut state, None)?;
        let spikes: u64 = simulation.statistics().populations.iter().map(|population| population.spikes).sum();
        let by_events = ForwardResult::from_simulation(&network, &simulation)?;
        let options = ErrorOptions { order: ErrorOrder::Random { seed }, unit_spikes: true };
        let phase = error_simulator.run(&by_events, &errors, &options)?;
        let counts = differing(&forward.counts, &by_events.counts) + differing(&backward.errors, &phase.pass.errors);
        let gradients = differing(&backward.weight_gradients, &phase.pass.weight_gradients);
        let error_spikes: u64 = phase.statistics.populations.iter().map(|population| population.error_spikes).sum();
        println!(
            "order {seed}: {spikes} spikes forward, {error_spikes} error spikes; of all counts and gradients {} differ",
            counts + gradients
        );
    }
    Ok(())
}

/// The paper's network for MNIST with initial weights.
fn initialised_network() -> anyhow::Result<Network> {
    let shorthand = Shorthand {
        topology: "28x28-15C5-P2-40C5-P2-300-10",
        channels: 1,
        padding: Some(ShorthandPadding::Valid),
        weights: WeightFormat::I8,
        input_maximum: 255,
        input_minimum: 0,
        input_gain: 1.0,
        output_gain: 1.0,
        maximum_count: None,
        fraction_bits: None,
    };
    let network = Network::build(&shorthand.describe()?)?;
    let resources = Resources { threads: 1, isa: Isa::detect() };
    Ok(Trainer::new(network, TrainingSettings::default(), resources)?.network().clone())
}

fn differing<T: PartialEq>(one: &[Vec<T>], other: &[Vec<T>]) -> usize {
    let pairs = one.iter().flatten().zip(other.iter().flatten());
    pairs.filter(|(one, other)| one != other).count()
}
