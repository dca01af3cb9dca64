//! The event-driven simulation equals the rounded pass: every count, total and gate.

use proptest::prelude::*;
use snn::description::WeightFormat;
use snn::simulator::reference::{ReferencePass, reference_counts};
use snn::simulator::{EventOrder, InputEncoding, Simulation, SimulationOptions, Simulator, State, Totals};
use snn::testing::Generator;
use snn::{Network, Weights, operations};

fn options() -> impl Strategy<Value = SimulationOptions> {
    let order = prop_oneof![
        Just(EventOrder::FirstInFirstOut),
        any::<u64>().prop_map(|seed| EventOrder::Random { seed }),
        Just(EventOrder::InputTime),
    ];
    let input = prop_oneof![Just(InputEncoding::Graded), Just(InputEncoding::UnitSpikes)];
    (order, input).prop_map(|(order, input)| SimulationOptions { order, input, residual_spikes: true })
}

fn assert_equal(network: &Network, simulation: &Simulation<'_>, reference: &ReferencePass) {
    for (index, population) in network.populations().iter().enumerate() {
        let name = &population.name;
        assert_eq!(simulation.counts(index), reference.counts[index], "counts of {name}");
        let totals: Vec<i64> = match simulation.totals(index) {
            Totals::Integer(values) => values.iter().map(|&value| value.into()).collect(),
            Totals::Float(values) => values.iter().map(|&value| value as i64).collect(),
        };
        assert_eq!(totals, reference.totals[index], "totals of {name}");
        assert_eq!(simulation.gates(index).collect::<Vec<_>>(), reference.gates[index], "gates of {name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn integer_weights(seed: u64, wide: bool, options in options()) {
        let mut generator = Generator::new(seed);
        let format = if wide { WeightFormat::I16 } else { WeightFormat::I8 };
        let network = generator.network(format).unwrap();
        let simulator = Simulator::new(&network).unwrap();
        let mut state = State::new();
        // The second example shows that nothing of the first stays in the state.
        for _ in 0..2 {
            let inputs = generator.inputs(&network);
            let views: Vec<_> = inputs.iter().map(|input| input.view()).collect();
            let reference = reference_counts(&network, &views).unwrap();
            let simulation = simulator.run(&views, &options, &mut state, None).unwrap();
            assert_equal(&network, &simulation, &reference);
        }
    }

    #[test]
    fn float_weights_with_exact_sums(seed: u64, options in options()) {
        let mut generator = Generator::new(seed);
        let integers = generator.network(WeightFormat::I16).unwrap();
        let inputs = generator.inputs(&integers);
        let views: Vec<_> = inputs.iter().map(|input| input.view()).collect();
        let reference = reference_counts(&integers, &views).unwrap();
        let mut description = integers.description().clone();
        description.weights = WeightFormat::F32;
        let mut floats = Network::build(&description).unwrap();
        for (index, projection) in integers.projections().iter().enumerate() {
            if let Some(Weights::I16(values)) = &projection.weights {
                let values = values.iter().map(|&value| value.into()).collect();
                floats.set_weights(index, Weights::F32(values)).unwrap();
            }
        }
        for (index, population) in integers.populations().iter().enumerate() {
            if let Some(snn::Bias::Integer(values)) = &population.bias {
                let values = values.iter().map(|&value| value as f32).collect();
                floats.set_bias(index, snn::Bias::Float(values)).unwrap();
            }
        }
        let simulator = Simulator::new(&floats).unwrap();
        let mut state = State::new();
        let simulation = simulator.run(&views, &options, &mut state, None).unwrap();
        assert_equal(&integers, &simulation, &reference);
    }

    #[test]
    fn operations_follow_the_fan_out(seed: u64, options in options()) {
        let mut generator = Generator::new(seed);
        let network = generator.network(WeightFormat::I8).unwrap();
        let inputs = generator.inputs(&network);
        let views: Vec<_> = inputs.iter().map(|input| input.view()).collect();
        let simulator = Simulator::new(&network).unwrap();
        let mut state = State::new();
        let simulation = simulator.run(&views, &options, &mut state, None).unwrap();
        let statistics = simulation.statistics();
        for (projection, counted) in network.projections().iter().zip(&statistics.projections) {
            let fan_out = operations::fan_out(&projection.connection);
            let fan_in = operations::fan_in(&projection.connection);
            let sum = |values: &[u32]| values.iter().map(|&value| u64::from(value)).sum::<u64>();
            prop_assert_eq!(sum(&fan_out), sum(&fan_in));
            prop_assert!(sum(&fan_out) <= projection.connection.dense_operations());
            let needed = operations::accumulations(simulation.counts(projection.from), &fan_out);
            let source = statistics.populations[projection.from];
            prop_assert!(counted.synaptic_operations >= needed);
            if source.spikes == source.minimum_spikes {
                prop_assert_eq!(counted.synaptic_operations, needed);
            }
            prop_assert!(counted.additions <= counted.synaptic_operations);
            prop_assert!(counted.events <= source.spikes);
        }
        for (index, population) in statistics.populations.iter().enumerate() {
            let net: u64 = simulation.counts(index).iter().map(|count| u64::from(count.unsigned_abs())).sum();
            prop_assert_eq!(population.minimum_spikes, net);
            prop_assert!(population.spikes >= net);
            prop_assert!((population.spikes - net).is_multiple_of(2), "redundant spikes come in pairs");
        }
    }
}
