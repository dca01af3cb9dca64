use crate::cost::{Assumption, LayerShape, LinearMap, LinearPart, Workload, evaluate};
use crate::hardware::HardwareSpecification;
use crate::hardware::presets::PRESETS;

fn presets() -> Vec<HardwareSpecification> {
    PRESETS.iter().map(|preset| preset.specification().unwrap()).collect()
}

fn map(name: &str, parts: Vec<LinearPart>, sources: Vec<usize>) -> LinearMap {
    LinearMap { name: name.to_owned(), outputs: 96, parts, sources }
}

#[test]
fn a_linear_map_of_one_part_costs_what_a_dense_layer_does() {
    for hardware in presets() {
        let layers = [LayerShape::dense("first", 200, 96), LayerShape::dense("second", 96, 96)];
        let assumption = Assumption { density: 0.25, zero_share: 0.0, streams: 4, integrates_every_read: false };
        let part = |inputs: usize| vec![LinearPart { inputs, bits: 4, active_bits: inputs as f64 }];
        let maps = [map("first", part(200), vec![]), map("second", part(96), vec![0])];
        let expected = evaluate(&hardware, &Workload::assumed(&hardware, &layers, &assumption).unwrap());
        let found = evaluate(&hardware, &Workload::of_linear_maps(&hardware, &maps, 7).unwrap());
        assert_eq!(found.energy_pj, expected.energy_pj, "{}", hardware.name);
        assert_eq!(
            (found.arrays, found.latency, found.area_um2),
            (expected.arrays, expected.latency, expected.area_um2)
        );
    }
}

#[test]
fn parts_of_few_bits_are_read_less_often() {
    let hardware = presets().into_iter().find(|hardware| hardware.name == "adc7-a").unwrap();
    let part = |inputs: usize, bits: usize| LinearPart { inputs, bits, active_bits: 0.0 };
    let energy = |parts: Vec<LinearPart>| {
        let workload = Workload::of_linear_maps(&hardware, &[map("q", parts, vec![])], 1).unwrap();
        evaluate(&hardware, &workload).energy_pj.converters
    };
    let rows = hardware.array.rows;
    assert!(energy(vec![part(rows, 4), part(rows, 5)]) < energy(vec![part(2 * rows, 5)]));
}

#[test]
fn contradictions_are_refused() {
    let hardware = presets().into_iter().next().unwrap();
    let part = LinearPart { inputs: 8, bits: 4, active_bits: 33.0 };
    assert!(Workload::of_linear_maps(&hardware, &[map("q", vec![part], vec![])], 1).is_err());
    let part = LinearPart { active_bits: 1.0, ..part };
    assert!(Workload::of_linear_maps(&hardware, &[map("q", vec![part], vec![0])], 1).is_err());
    assert!(Workload::of_linear_maps(&hardware, &[map("q", vec![], vec![])], 1).is_err());
    assert!(Workload::of_linear_maps(&hardware, &[map("q", vec![LinearPart { bits: 0, ..part }], vec![])], 1).is_err());
}
