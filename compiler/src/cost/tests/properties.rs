//! Properties over random workloads and layouts.

use proptest::prelude::*;
use snn::NeuronKind;

use super::reference;
use crate::CompilerError;
use crate::HardwareSpecification;
use crate::cost::{
    Assumption, Breakdown, CostReport, LayerShape, Workload, cost, evaluate, with_lossless_converters, write,
};
use crate::hardware::{Timing, presets};
use crate::program::{
    CrossbarLayout, DigitalKind, FORMAT, Geometry, Layout, PopulationLayout, ProjectionKind, ProjectionLayout,
    StreamLayout,
};
use crate::statistics::{PopulationStatistics, ProjectionStatistics, RunStatistics};

fn preset(index: usize) -> HardwareSpecification {
    presets::PRESETS[index % presets::PRESETS.len()].specification().expect("a preset")
}

/// A convolution of 2 x 3 x 3 to 5 x 2 x 2 whose maps are pooled and joined: counts of 7 examples.
fn compiled(hardware: &HardwareSpecification) -> (Layout, RunStatistics) {
    let population = |name: &str, shape, neuron, maximum_count| PopulationLayout {
        name: name.to_owned(),
        shape,
        neuron,
        minimum_count: 0,
        maximum_count,
        thresholds: vec![8],
        bias: Vec::new(),
    };
    let projection = |name: &str, from, to, kind| ProjectionLayout { name: name.to_owned(), from, to, kind };
    let crossbar = CrossbarLayout {
        geometry: Geometry::Convolution { kernel: [2, 2], stride: [1, 1], padding: [0, 0] },
        fan_in: 8,
        outputs: 5,
        row_tiles: 2,
        column_tiles: 3,
        outputs_per_array: 2,
        slices: vec![1, 2, 4],
        streams: (0..4).map(|index| StreamLayout { weight: 1 << index, index }).collect(),
        unit: 1,
        reference_weight: 0,
        replicas: 3,
        first_array: 0,
    };
    let pooling = DigitalKind::SumPooling { window: [2, 2], stride: [2, 2], weight: 1 };
    let layout = Layout {
        format: FORMAT,
        hardware: hardware.clone(),
        populations: vec![
            population("input", [2, 3, 3], NeuronKind::Input, 15),
            population("convolution", [5, 2, 2], NeuronKind::Relu, 15),
            population("output", [5, 1, 1], NeuronKind::Readout, 127),
        ],
        projections: vec![
            projection("convolution", 0, 1, ProjectionKind::Crossbar(crossbar)),
            projection("pooling", 1, 2, ProjectionKind::Digital(pooling)),
        ],
        arrays: Vec::new(),
        routes: Vec::new(),
    };
    let reads = 7 * 4 * 2 * 4;
    let counted = ProjectionStatistics {
        reads,
        empty_reads: 3,
        active_rows: 420,
        conversions: reads * 15,
        zero_codes: reads * 5,
        clipped: 0,
    };
    let fired = |spikes| PopulationStatistics { spikes, active_neurons: spikes.min(20), clipped: 0 };
    let statistics = RunStatistics {
        examples: 7,
        projections: vec![counted, ProjectionStatistics::default()],
        populations: vec![fired(900), fired(70), fired(0)],
    };
    (layout, statistics)
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * left.abs().max(right.abs()).max(1e-12)
}

fn same(left: &Breakdown, right: &Breakdown) -> bool {
    left.values().iter().zip(right.values()).all(|(&left, right)| close(left, right))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn energy_is_the_sum_over_events(
        index in 0usize..64,
        channels in 1usize..40,
        kernel in 1usize..3,
        outputs in 1usize..40,
        map in [1usize..4, 1usize..4],
        density in 0.0..=1.0f64,
        zero_share in 0.0..=1.0f64,
        streams in 1usize..4,
        integrates_every_read in any::<bool>(),
    ) {
        let mut hardware = preset(index);
        hardware.cost.row_driver.energy_pj = 0.125;
        let layers = [LayerShape::convolution("first", channels, kernel, outputs, map), LayerShape::dense("last", outputs, 3)];
        let assumption = Assumption { density, zero_share, streams, integrates_every_read };
        let workload = Workload::assumed(&hardware, &layers, &assumption).unwrap();
        let report = evaluate(&hardware, &workload);
        let mut found = report.energy_pj;
        let leakage = hardware.cost.leakage_nw * workload.arrays() as f64 * report.latency.pipeline_ns * 1e-6;
        prop_assert!(close(found.leakage, leakage));
        found.leakage = 0.0;
        let expected = reference::energy(&hardware, &workload);
        prop_assert!(same(&found, &expected), "{found:?}\n{expected:?}");
        let parts = report.stages.iter().fold(Breakdown::default(), |sum, stage| sum + stage.energy_pj);
        prop_assert!(close(parts.total(), report.energy_pj.total()));
        prop_assert!(report.latency.pipeline_ns <= report.latency.single_example_ns * (1.0 + 1e-12));
        let slowest = report.stages.iter().map(|stage| stage.latency_ns).fold(0.0, f64::max);
        prop_assert_eq!(slowest, report.latency.pipeline_ns);
        let matched = evaluate(&with_lossless_converters(&hardware), &workload);
        prop_assert!(close(matched.energy_pj.total(), report.comparison.lossless_converters.energy_pj));
        let json = serde_json::to_string(&report).unwrap();
                let again: CostReport = serde_json::from_str(&json).unwrap();
        prop_assert!(same(&again.energy_pj, &report.energy_pj) && again.stages.len() == report.stages.len());
    }

    #[test]
    fn more_zeros_and_fewer_active_rows_never_cost_more(
        index in 0usize..64,
        density in [0.0..=1.0f64, 0.0..=1.0f64],
        zeros in [0.0..=1.0f64, 0.0..=1.0f64],
    ) {
        let hardware = preset(index);
        let total = |density: f64, zero_share: f64| {
            let assumption = Assumption { density, zero_share, streams: 2, integrates_every_read: false };
            let workload = Workload::assumed(&hardware, &[LayerShape::dense("one", 300, 20)], &assumption).unwrap();
            evaluate(&hardware, &workload).energy_pj.total()
        };
        let cheap = total(density[0].min(density[1]), zeros[0].max(zeros[1]));
        let dear = total(density[0].max(density[1]), zeros[0].min(zeros[1]));
        prop_assert!(cheap <= dear * (1.0 + 1e-12));
    }
}

#[test]
fn simulated_counts_are_weighed() {
    for index in 0..presets::PRESETS.len() {
        let hardware = preset(index);
        let (layout, statistics) = compiled(&hardware);
        let report = cost(&layout, &statistics).expect("a report");
        let workload = Workload::of(&layout, &statistics).expect("a workload");
        let mut found = report.energy_pj;
        found.leakage = 0.0;
        assert!(same(&found, &reference::energy(&hardware, &workload)), "{}", hardware.name);
        assert_eq!(report.arrays, 18);
        // 420 active rows times 5 outputs in 7 examples.
        assert!(close(report.comparison.accumulate_only_pj, 30.0));
        assert!(close(report.energy_pj.neurons, hardware.cost.neuron.energy_pj * (20.0 + 10.0 + 5.0)));
        assert!(close(workload.stages[2].digital[0].additions as f64, 20.0));
        let part = &report.stages[1].projections[0];
        assert!(close(part.zero_share, 1.0 / 3.0) && close(part.active_row_share, 420.0 / 7.0 / (4.0 * 4.0 * 8.0)));
    }
}

#[test]
fn physical_time_by_hand() {
    let mut hardware = preset(0);
    hardware.cost.timing = Timing::Physical;
    hardware.periphery.columns_per_converter = 4;
    let cost_of = &mut hardware.cost;
    (cost_of.array.latency_ns, cost_of.converter.latency_ns, cost_of.row_driver.latency_ns) = (10.0, 3.0, 1.0);
    (cost_of.accumulator.latency_ns, cost_of.neuron.latency_ns) = (2.0, 5.0);
    (cost_of.buffer_bit.latency_ns, cost_of.interconnect_bit.latency_ns) = (0.5, 0.25);
    let (layout, statistics) = compiled(&hardware);
    let report = cost(&layout, &statistics).expect("a report");
    // Two positions for the slowest of three replicas, four streams, four turns, ceil(log2(6)) = 3.
    let convolution = 2.0 * (4.0 * (1.0 + 10.0 + 4.0 * 3.0) + 3.0 * 2.0 + 5.0 + 0.5 + 0.25);
    assert!(close(report.stages[1].latency_ns, convolution));
    assert!(close(report.stages[2].latency_ns, 4.0 * 2.0));
    assert!(close(report.latency.single_example_ns, convolution + 8.0));
    assert_eq!(report.latency.slowest_stage, "convolution");
}

#[test]
fn statistics_of_another_network_are_refused() {
    let (layout, statistics) = compiled(&preset(0));
    let changes: [fn(&mut RunStatistics); 4] = [
        |statistics| statistics.examples = 0,
        |statistics| statistics.examples = 8,
        |statistics| statistics.projections.truncate(1),
        |statistics| statistics.populations.push(PopulationStatistics::default()),
    ];
    for change in changes {
        let mut changed = statistics.clone();
        change(&mut changed);
        assert!(matches!(cost(&layout, &changed), Err(CompilerError::Samples { .. })), "{changed:?}");
    }
}

#[test]
fn wrong_assumptions_are_refused() {
    let hardware = preset(0);
    let good = Assumption { density: 0.5, zero_share: 0.5, streams: 1, integrates_every_read: false };
    let layer = LayerShape::dense("one", 4, 4);
    let wrong = [
        Assumption { density: 1.5, ..good },
        Assumption { density: f64::NAN, ..good },
        Assumption { zero_share: -0.1, ..good },
        Assumption { streams: 0, ..good },
    ];
    for assumption in wrong {
        assert!(Workload::assumed(&hardware, std::slice::from_ref(&layer), &assumption).is_err(), "{assumption:?}");
    }
    assert!(Workload::assumed(&hardware, &[layer.clone().replicated(0)], &good).is_err());
    let mut narrow = hardware;
    narrow.array.columns = 3;
    assert!(matches!(Workload::assumed(&narrow, &[layer], &good), Err(CompilerError::Mapping { .. })));
}

#[test]
fn reports_are_written_and_say_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, expected) in [("ideal", "array: energy, latency, area"), ("hcim-a-ternary", "row drivers: energy")] {
        let hardware = HardwareSpecification::named(name).expect("a preset");
        let (layout, statistics) = compiled(&hardware);
        let report = cost(&layout, &statistics).expect("a report");
        write(&report, folder.path()).expect("files");
        let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).expect("a file");
        let again: CostReport = serde_json::from_str(&read("report.json")).expect("JSON");
        assert_eq!(again.hardware, report.hardware);
        let text = read("report.md");
        assert!(text.contains("7 simulated examples") && text.contains(expected), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        for stage in &layout.populations {
            assert!(text.contains(&format!("| {} |", stage.name)));
        }
    }
    let (layout, statistics) = compiled(&preset(0));
    let missing = folder.path().join("missing");
    assert!(write(&cost(&layout, &statistics).expect("a report"), &missing).is_err());
}
