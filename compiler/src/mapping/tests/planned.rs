//! Plans, count ranges and copies against direct computation.

use std::collections::BTreeSet;

use kernels::Counts;
use proptest::prelude::*;
use snn::testing::Generator;
use snn::{Network, NeuronKind, SimulationOptions, Simulator, State, WeightFormat};

use crate::CompilerError;
use crate::mapping::replication::{Stage, copies};
use crate::mapping::{Calibration, compile, count_ranges, plan};
use crate::testing::{any_hardware, ideal};

/// Final counts of every population for one example, event by event.
fn counts(network: &Network, seed: u64) -> Vec<Vec<i32>> {
    let inputs = Generator::new(seed ^ 77).inputs(network);
    let views: Vec<Counts<'_>> = inputs.iter().map(snn::testing::OwnedCounts::view).collect();
    let simulator = Simulator::new(network).unwrap();
    let mut state = State::new();
    let simulation = simulator.run(&views, &SimulationOptions::default(), &mut state, None).unwrap();
    (0..network.populations().len()).map(|index| simulation.counts(index).to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn counts_stay_in_their_range(seed in any::<u64>()) {
        let network = Generator::new(seed).network(WeightFormat::I8).unwrap();
        let ranges = count_ranges(&network);
        for ((population, range), counts) in network.populations().iter().zip(ranges).zip(counts(&network, seed)) {
            prop_assert!(range.low >= population.minimum_count.min(0) && range.high <= population.maximum_count);
            for count in counts {
                prop_assert!((range.low..=range.high).contains(&count), "{} {count} {range:?}", population.name);
            }
        }
    }

    #[test]
    fn a_plan_counts_what_compilation_places(seed in any::<u64>(), hardware in any_hardware()) {
        let network = Generator::new(seed).network(WeightFormat::I8).unwrap();
        let plan = plan(&network, &hardware);
        prop_assert!(plan.problems.is_empty(), "{:?}", plan.problems);
        let calibration = crate::testing::calibration(&plan, &hardware, seed);
        let program = compile(&network, &hardware, &calibration).unwrap();
        let placed = &program.layout.arrays;
        prop_assert_eq!(plan.arrays, placed.len());
        prop_assert_eq!(plan.tiles, placed.iter().map(|array| array.tile).collect::<BTreeSet<_>>().len());
        for (index, planned) in plan.projections.iter().enumerate() {
            prop_assert_eq!(planned.arrays, placed.iter().filter(|array| array.projection == index).count());
            prop_assert!(planned.replicas <= hardware.periphery.largest_replication);
        }
        let used: usize = placed.iter().map(|array| array.rows * array.columns).sum();
        let all = placed.len() * hardware.array.rows * hardware.array.columns;
        prop_assert!((plan.utilisation - used as f64 / all as f64).abs() < 1e-12);
    }

    #[test]
    fn copies_shorten_the_slowest_stage(
        stages in proptest::collection::vec((1usize..5, 1usize..40, 1usize..9), 1..5),
        largest in 1usize..7,
        budget in proptest::option::of(1usize..60),
    ) {
        let stages: Vec<Stage> =
            stages.into_iter().map(|(arrays, positions, reads)| Stage { arrays, positions, reads }).collect();
        let found = copies(&stages, largest, budget);
        let arrays = |copies: &[usize]| stages.iter().zip(copies).map(|(stage, copies)| stage.arrays * copies).sum::<usize>();
        let slowest = |copies: &[usize]| {
            stages.iter().zip(copies).map(|(stage, &copies)| stage.positions.div_ceil(copies) * stage.reads).max().unwrap()
        };
        prop_assert!(found.iter().all(|&copies| copies <= largest));
        let single = vec![1; stages.len()];
        if found != single {
            prop_assert!(budget.is_none_or(|budget| arrays(&found) <= budget));
        }
        // The fewest copies of every stage that are at most as slow, for each possible time.
        let time = slowest(&found);
        let best = (1..time).filter_map(|time| {
            let copies: Option<Vec<usize>> = stages.iter().map(|stage| {
                (1..=largest).find(|&copies| stage.positions.div_ceil(copies) * stage.reads <= time)
            }).collect();
            copies.filter(|copies| budget.is_none_or(|budget| arrays(copies) <= budget))
        }).next();
        prop_assert_eq!(best, None, "a faster choice than {:?} of {:?}", found, stages);
    }
}

fn mapping_problem(error: CompilerError) -> String {
    assert!(matches!(error, CompilerError::Mapping { .. }), "{error}");
    error.to_string()
}

#[test]
fn what_does_not_fit_is_named() {
    let network = Generator::new(3).network(WeightFormat::I8).unwrap();
    let refused = |hardware: &crate::HardwareSpecification| {
        mapping_problem(compile(&network, hardware, &Calibration::none()).unwrap_err())
    };
    let mut small = ideal(8, 8);
    small.periphery.arrays = Some(1);
    let plan = plan(&network, &small);
    assert_eq!(plan.spilled_arrays, plan.arrays - 1);
    assert_eq!(plan.projections.iter().map(|projection| projection.spilled_arrays).sum::<usize>(), plan.arrays - 1);
    let message = refused(&small);
    assert!(message.contains("periphery.arrays") && message.contains(&plan.arrays.to_string()), "{message}");

    let mut narrow = ideal(8, 6);
    narrow.weights.bits = 7;
    assert!(refused(&narrow).contains("array.columns"));

    let mut few_bits = ideal(8, 8);
    few_bits.input.bits = 2;
    let hidden = network.populations().iter().any(|p| p.neuron != NeuronKind::Input && !p.outgoing.is_empty());
    assert!(hidden, "the network has a hidden population");
    assert!(refused(&few_bits).contains("--max-spikes 3"));
    few_bits.input.image_bits = Some(3);
    assert!(refused(&few_bits).contains("image_bits"));
}
