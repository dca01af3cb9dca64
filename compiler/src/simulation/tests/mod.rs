//! The simulator against the integer pass and against a slow reference.

mod deviations;
#[path = "../../../../spikegrad/tests/common/networks.rs"]
#[allow(dead_code, reason = "a part of it serves here")]
mod networks;
mod reference;

use kernels::{Counts, Isa};
use proptest::prelude::*;
use snn::{Network, NeuronKind, WeightFormat};
use spikegrad::Inference;

use networks::Generator;

use super::{SimulationOptions, SimulationState, Simulator};
use crate::circuit::ChipSeed;
use crate::hardware::{HardwareSpecification, Quantiser};
use crate::mapping::{Calibration, compile, deploy, plan};
use crate::program::Program;
use crate::testing::{any_hardware, calibration};

fn values(counts: Counts<'_>) -> Vec<i32> {
    match counts {
        Counts::Unsigned(counts) => counts.iter().map(|&count| count.into()).collect(),
        Counts::Signed(counts) => counts.iter().map(|&count| count.into()).collect(),
    }
}

/// Inputs of several examples.
fn inputs(generator: &mut Generator, network: &Network, examples: usize) -> Vec<u8> {
    (0..examples).flat_map(|_| generator.input(network)).collect()
}

fn simulate(program: &Program, input: &[u8], examples: usize, exact: bool, chip: Option<ChipSeed>) -> SimulationState {
    let options = SimulationOptions { isa: Isa::detect(), exact_products: exact, count_reads: true, chip };
    let simulator = Simulator::new(program, options).unwrap();
    let mut state = simulator.state(examples);
    simulator.run(&mut state, input, examples, 0).unwrap();
    state
}

/// A random network on random hardware.
fn compiled(seed: u64, hardware: &HardwareSpecification) -> (Generator, Network, Program) {
    let mut generator = Generator::new(seed);
    let network = generator.network(WeightFormat::I8);
    let calibration = calibration(&plan(&network, hardware), hardware, seed);
    let program = compile(&network, hardware, &calibration).unwrap();
    (generator, network, program)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn ideal_hardware_equals_the_integer_pass(seed in any::<u64>(), hardware in any_hardware(), examples in 1usize..4) {
        let hardware = HardwareSpecification { quantiser: Quantiser::Ideal {}, ..hardware };
        let mut generator = Generator::new(seed);
        let network = generator.network(WeightFormat::I8);
        let deployed = deploy(&network, &hardware).unwrap().network;
        let program = compile(&network, &hardware, &Calibration::none()).unwrap();
        let input = inputs(&mut generator, &network, examples);
        let mut inference = Inference::new(&deployed, Isa::detect(), examples).unwrap();
        inference.run(&input, examples).unwrap();
        let fast = simulate(&program, &input, examples, true, None);
        let columns = simulate(&program, &input, examples, false, None);
        let is_readout = |&population: &usize| network.populations()[population].neuron == NeuronKind::Readout;
        for state in [&fast, &columns] {
            for population in (0..network.populations().len()).filter(|population| !is_readout(population)) {
                prop_assert_eq!(values(state.counts(population)), values(inference.counts(population)));
            }
            prop_assert_eq!(state.logits(), inference.logits());
        }
        prop_assert_eq!(fast.statistics(), columns.statistics());
    }

    #[test]
    fn every_quantiser_equals_the_reference(seed in any::<u64>(), hardware in any_hardware(), examples in 1usize..3) {
        let (mut generator, network, program) = compiled(seed, &hardware);
        let input = inputs(&mut generator, &network, examples);
        let state = simulate(&program, &input, examples, true, None);
        let length = input.len() / examples;
        for (example, input) in input.chunks_exact(length).enumerate() {
            let populations = networks::inputs(&network);
            let counts = populations.iter().zip(networks::cut(&network, &populations, input)).map(|(&index, bytes)| {
                let is_signed = network.populations()[index].is_signed();
                bytes.iter().map(|&byte| if is_signed { i32::from(byte as i8) } else { i32::from(byte) }).collect()
            });
            let expected = reference::run(&program, &counts.collect::<Vec<Vec<i32>>>());
            for (population, expected) in expected.iter().enumerate() {
                if network.populations()[population].neuron != NeuronKind::Readout {
                    let found = values(state.counts(population));
                    let found: Vec<i128> = found[example * expected.len()..][..expected.len()].iter().map(|&c| c.into()).collect();
                    prop_assert_eq!(&found, expected);
                }
            }
            let logits: Vec<f64> = networks::outputs(&network).into_iter().flat_map(|population| {
                let fires = network.populations()[population].fires();
                let thresholds = &program.layout.populations[population].thresholds;
                let logit = move |(place, &total): (usize, &i128)| {
                    total as f64 / if fires { 1.0 } else { thresholds[place % thresholds.len()] as f64 }
                };
                expected[population].iter().enumerate().map(logit)
            }).collect();
            prop_assert_eq!(&state.logits()[example * logits.len()..][..logits.len()], &logits[..]);
        }
    }

    #[test]
    fn a_faultless_chip_equals_the_columns(seed in any::<u64>(), hardware in any_hardware(), examples in 1usize..3) {
        let (mut generator, network, program) = compiled(seed, &hardware);
        let input = inputs(&mut generator, &network, examples);
        let digital = simulate(&program, &input, examples, false, None);
        let chip = simulate(&program, &input, examples, false, Some(ChipSeed { seed, chip: 3 }));
        for population in 0..network.populations().len() {
            prop_assert_eq!(values(digital.counts(population)), values(chip.counts(population)));
        }
        prop_assert_eq!(digital.logits(), chip.logits());
        prop_assert_eq!(digital.statistics(), chip.statistics());
    }
}
