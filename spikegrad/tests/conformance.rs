//! Integer pass, plain reference and event simulation agree in both directions, bit for bit.

mod common;

use common::networks::{Generator, cut, inputs, outputs};
use common::reference;
use kernels::{Counts, Isa, as_signed};
use proptest::prelude::*;
use snn::simulator::reference::reference_counts;
use snn::{EventOrder, InputEncoding, Network, SimulationOptions, Simulator, State, WeightFormat};
use spikegrad::events::{ErrorOptions, ErrorOrder, ErrorSimulator};
use spikegrad::{ErrorPass, ForwardResult, Inference, SpikegradError};

fn format(wide: bool) -> WeightFormat {
    if wide { WeightFormat::I16 } else { WeightFormat::I8 }
}

fn views<'a>(network: &Network, input: &'a [u8]) -> Vec<Counts<'a>> {
    let inputs = inputs(network);
    let view = |(&index, bytes): (&usize, &'a [u8])| match network.populations()[index].is_signed() {
        true => Counts::Signed(as_signed(bytes)),
        false => Counts::Unsigned(bytes),
    };
    inputs.iter().zip(cut(network, &inputs, input)).map(view).collect()
}

fn orders() -> impl Strategy<Value = ErrorOptions> {
    let order =
        prop_oneof![Just(ErrorOrder::FirstInFirstOut), any::<u64>().prop_map(|seed| ErrorOrder::Random { seed })];
    (order, any::<bool>()).prop_map(|(order, unit_spikes)| ErrorOptions { order, unit_spikes })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn forward_equals_reference_and_events(seed: u64, wide: bool, order: u64, unit: bool) {
        let mut generator = Generator::new(seed);
        let network = generator.network(format(wide));
        let inputs: Vec<Vec<u8>> = (0..3).map(|_| generator.input(&network)).collect();
        let simulator = Simulator::new(&network).unwrap();
        let mut state = State::new();
        for isa in Isa::available() {
            let mut inference = Inference::new(&network, isa, 3).unwrap();
            inference.run(&inputs.concat(), 3).unwrap();
            for (example, input) in inputs.iter().enumerate() {
                let result = ForwardResult::from_inference(&network, &inference, example).unwrap();
                let judge = reference_counts(&network, &views(&network, input)).unwrap();
                prop_assert_eq!(&result.counts, &judge.counts, "{} example {}", isa, example);
                prop_assert_eq!(&result.gates, &judge.gates);
                let logits = outputs(&network).into_iter().flat_map(|index| {
                    let population = &network.populations()[index];
                    let unit = if population.fires() { 1 } else { 1u64 << population.fraction_bits } as f64;
                    let counts = judge.counts[index].iter().map(|&count| f64::from(count));
                    let totals = judge.totals[index].iter().map(|&total| total as f64 / unit);
                    if population.fires() { counts.collect::<Vec<f64>>() } else { totals.collect() }
                });
                prop_assert_eq!(&result.logits, &logits.collect::<Vec<f64>>());

                let input_encoding = if unit { InputEncoding::UnitSpikes } else { InputEncoding::Graded };
                let order = EventOrder::Random { seed: order };
                let options = SimulationOptions { order, input: input_encoding, residual_spikes: true };
                let simulation = simulator.run(&views(&network, input), &options, &mut state, None).unwrap();
                prop_assert_eq!(&ForwardResult::from_simulation(&network, &simulation).unwrap(), &result);
            }
        }
    }

    #[test]
    fn backward_equals_reference_and_events(seed: u64, wide: bool, scale in 0usize..5, options in orders()) {
        let mut generator = Generator::new(seed);
        let network = generator.network(format(wide));
        let input = generator.input(&network);
        let largest = [3, 100, 127, 2000, 30_000][scale];
        let errors = generator.errors(&network, largest);
        let simulator = ErrorSimulator::new(&network);
        if simulator.is_err() {
            // Thresholds without a usable common denominator: both sides refuse.
            let refused = ErrorPass::new(&network, Isa::Scalar).unwrap().backward(&input, &errors);
            prop_assert!(matches!(refused, Err(error) if error.to_string().contains("no common denominator")));
            return Ok(());
        }
        let mut passes = Vec::new();
        for isa in Isa::available() {
            let mut pass = ErrorPass::new(&network, isa).unwrap();
            let forward = pass.forward(&input).unwrap();
            passes.push((forward, pass.backward(&input, &errors).unwrap()));
        }
        let (forward, pass) = &passes[0];
        prop_assert_eq!(&reference::backward(&network, forward, &errors), pass, "reference");
        for (other_forward, other) in &passes[1..] {
            prop_assert_eq!(other_forward, forward);
            prop_assert_eq!(other, pass, "instruction sets");
        }
        let options = ErrorOptions { unit_spikes: options.unit_spikes && largest <= 127, ..options };
        let simulation = simulator.unwrap().run(forward, &errors, &options).unwrap();
        prop_assert_eq!(&simulation.pass, pass, "events");
        for (index, population) in network.populations().iter().enumerate() {
            let statistics = simulation.statistics.populations[index];
            let net: u64 = pass.errors[index].iter().map(|error| u64::from(error.unsigned_abs())).sum();
            prop_assert_eq!(statistics.minimum_error_spikes, net);
            prop_assert!(statistics.error_spikes >= net && (statistics.error_spikes - net).is_multiple_of(2));
            prop_assert!(statistics.residual_spikes <= population.shape.neurons() as u64);
            let masked = pass.errors[index].iter().zip(&forward.gates[index]).filter(|(_, gate)| !**gate);
            prop_assert!(masked.clone().all(|(&error, _)| error == 0), "masked neurons transmit nothing");
        }
        for (index, projection) in network.projections().iter().enumerate() {
            let fan_in = snn::operations::fan_in(&projection.connection);
            let least = snn::operations::accumulations(&pass.errors[projection.to], &fan_in);
            let counted = simulation.statistics.projections[index];
            prop_assert!(projection.weights.is_none() || counted.update_operations >= least);
            let is_crossed = network.populations()[projection.from].fires();
            prop_assert_eq!(counted.synaptic_operations >= least, is_crossed || least == 0);
        }
    }
}

/// The strategies above must reach the cases that they are meant for.
#[test]
fn random_networks_cover_the_hard_cases() {
    let (mut clipped, mut halves, mut joined, mut per_channel, mut powers, mut closed) = (0, 0, 0, 0, 0, 0);
    let (mut several_inputs, mut several_outputs, mut firing_outputs) = (0, 0, 0);
    for seed in 0..150 {
        let mut generator = Generator::new(seed);
        let network = generator.network(format(seed % 2 == 0));
        several_inputs += usize::from(inputs(&network).len() > 1);
        several_outputs += usize::from(outputs(&network).len() > 1);
        firing_outputs += usize::from(outputs(&network).iter().any(|&index| network.populations()[index].fires()));
        let input = generator.input(&network);
        let errors = generator.errors(&network, 100);
        let mut pass = ErrorPass::new(&network, Isa::Scalar).unwrap();
        let forward = pass.forward(&input).unwrap();
        let Ok(simulator) = ErrorSimulator::new(&network) else { continue };
        let result = pass.backward(&input, &errors).unwrap();
        let statistics = simulator.run(&forward, &errors, &ErrorOptions::default()).unwrap().statistics;
        clipped += statistics.populations.iter().filter(|population| population.clipped > 0).count();
        closed += forward.gates.iter().flatten().filter(|gate| !**gate).count();
        for population in network.populations() {
            let targets = population.outgoing.iter().map(|&index| network.projections()[index].to);
            let thresholds = targets.map(|to| network.populations()[to].thresholds.clone());
            let thresholds: Vec<Vec<i64>> = thresholds.collect();
            joined += usize::from(population.fires() && thresholds.windows(2).any(|pair| pair[0] != pair[1]));
            for thresholds in thresholds.iter().filter(|thresholds| thresholds.len() > 1) {
                per_channel += 1;
                let exact = reference::reciprocals(thresholds);
                powers += usize::from(exact.iter().zip(thresholds).any(|(r, &t)| r.0 * i128::from(t) != r.1));
            }
        }
        // A half that is rounded away from zero differs from one rounded towards zero.
        halves += usize::from(has_tie(&network, &forward, &result.errors));
    }
    for (case, count) in [
        ("clipped errors", clipped),
        ("exact halves", halves),
        ("joined thresholds", joined),
        ("thresholds per channel", per_channel),
        ("power-of-two factors", powers),
        ("closed gates", closed),
        ("several inputs", several_inputs),
        ("several outputs", several_outputs),
        ("outputs that fire", firing_outputs),
    ] {
        assert!(count >= 5, "{case}: {count}");
    }
}

/// Whether an open neuron's error sum is an odd multiple of one half.
fn has_tie(network: &Network, forward: &ForwardResult, errors: &[Vec<i32>]) -> bool {
    network.populations().iter().enumerate().filter(|(_, population)| population.fires()).any(|(index, population)| {
        let mut sums = vec![0.0; population.shape.neurons()];
        for &outgoing in &population.outgoing {
            let projection = &network.projections()[outgoing];
            let target = &network.populations()[projection.to];
            for (neuron, source, place) in reference::synapses(&projection.connection) {
                let threshold = target.threshold(neuron % target.shape.channels) as f64;
                sums[source] +=
                    reference::weight(network, outgoing, place) * f64::from(errors[projection.to][neuron]) / threshold;
            }
        }
        sums.iter().zip(&forward.gates[index]).any(|(sum, &gate)| gate && (sum.abs() % 1.0 - 0.5).abs() < 1e-9)
    })
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut generator = Generator::new(1);
    let network = generator.network(WeightFormat::I8);
    let input = generator.input(&network);
    let errors = generator.errors(&network, 100);
    let mut pass = ErrorPass::new(&network, Isa::Scalar).unwrap();
    let forward = pass.forward(&input).unwrap();
    let simulator = ErrorSimulator::new(&network).unwrap();
    let options = ErrorOptions::default();

    assert!(matches!(pass.forward(&input[1..]), Err(SpikegradError::Samples { .. })));
    assert!(matches!(pass.backward(&input[1..], &errors), Err(SpikegradError::Samples { .. })));
    assert!(matches!(pass.backward(&input, &errors[1..]), Err(SpikegradError::Samples { .. })));
    assert!(matches!(simulator.run(&forward, &errors[1..], &options), Err(SpikegradError::Samples { .. })));
    let mut cut = forward.clone();
    cut.gates[1].pop();
    assert!(matches!(simulator.run(&cut, &errors, &options), Err(SpikegradError::Samples { .. })));

    // A gradient of 2^31 times a count of up to 127 or 255 exceeds 32 bits in the integer pass.
    let huge = vec![i32::MAX; errors.len()];
    let refused = pass.backward(&input, &huge).unwrap_err().to_string();
    assert!(refused.contains("32 bits") && refused.contains("alpha"), "{refused}");

    let mut description = network.description().clone();
    description.weights = WeightFormat::F32;
    let floats = Network::build(&description).unwrap();
    let refused = ErrorSimulator::new(&floats).unwrap_err().to_string();
    assert!(refused.contains("floats") && refused.contains("i8"), "{refused}");
    let mut pass = ErrorPass::new(&floats, Isa::Scalar).unwrap();
    assert!(matches!(pass.backward(&input, &errors), Err(SpikegradError::Network { .. })));
}
