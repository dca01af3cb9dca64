//! Numbers that publications state.

use snn::Network;

use crate::hardware::{Granularity, ScaleFactors};
use crate::mapping::plan;
use crate::mapping::published::{ScaleFactorArray, arrays};
use crate::testing::ideal;

/// Weights of 4 one-bit slices, one column each, in arrays of 64 x 64.
fn adc_less() -> crate::HardwareSpecification {
    let mut hardware = ideal(64, 64);
    hardware.weights.bits = 4;
    hardware
}

/// Channels in, kernel, channels out of the convolutions of the optical-flow network.
const FLOW: [(usize, usize, usize); 15] = [
    (4, 3, 64),
    (64, 3, 128),
    (128, 3, 256),
    (256, 3, 512),
    (512, 3, 512),
    (512, 3, 512),
    (512, 3, 512),
    (512, 3, 512),
    (512, 4, 128),
    (512, 4, 32),
    (416, 4, 64),
    (416, 4, 32),
    (224, 4, 4),
    (224, 4, 32),
    (100, 4, 32),
];

#[test]
fn arrays_of_the_optical_flow_network() {
    let found: Vec<usize> =
        FLOW.iter().map(|&(inputs, kernel, outputs)| arrays(&adc_less(), inputs * kernel * kernel, outputs)).collect();
    // The first nine are printed; the others follow from the same rule:
    // ceil(416 * 16 / 64) = 104 row tiles, ceil(224 * 16 / 64) = 56, ceil(100 * 16 / 64) = 25.
    assert_eq!(found, [4, 72, 288, 1152, 2304, 2304, 2304, 2304, 1024, 256, 416, 208, 14, 112, 50]);
}

#[test]
fn a_plan_takes_as_many_arrays_where_outputs_fill_them() {
    for (inputs, kernel, outputs) in FLOW {
        let network = network(inputs, kernel, outputs);
        let found = plan(&network, &adc_less()).arrays;
        let published = arrays(&adc_less(), inputs * kernel * kernel, outputs);
        if outputs % 16 == 0 {
            assert_eq!(found, published, "{inputs} {kernel} {outputs}");
        } else {
            assert!(found > published, "{inputs} {kernel} {outputs}");
        }
    }
}

fn network(inputs: usize, kernel: usize, outputs: usize) -> Network {
    let shape = snn::PopulationDescription {
        name: "input".to_owned(),
        shape: vec![inputs, kernel, kernel],
        neuron: snn::NeuronKind::Input,
        fraction_bits: 0,
        threshold: None,
        bias: false,
        minimum_count: None,
        maximum_count: Some(1),
    };
    let target = snn::PopulationDescription {
        name: "readout".to_owned(),
        shape: vec![outputs, 1, 1],
        neuron: snn::NeuronKind::Readout,
        maximum_count: None,
        ..shape.clone()
    };
    let projection = snn::ProjectionDescription {
        name: "convolution".to_owned(),
        from: "input".to_owned(),
        to: "readout".to_owned(),
        kind: snn::ProjectionKindDescription::Convolution { kernel: [kernel, kernel], stride: [1, 1], padding: [0, 0] },
    };
    let description = snn::NetworkDescription {
        format: snn::description::FORMAT,
        weights: snn::WeightFormat::I8,
        populations: vec![shape, target],
        projections: vec![projection],
    };
    Network::build(&description).unwrap()
}

/// Both configurations of HCiM: 4-bit scale factors, 8-bit partial sums, 4 input streams.
#[test]
fn scale_factor_array_of_hcim() {
    for columns in [128, 64] {
        let mut hardware = ideal(columns, columns);
        hardware.scale_factors = ScaleFactors { granularity: Granularity::ColumnStream, bits: 4 };
        hardware.periphery.accumulator_bits = 8;
        let array = ScaleFactorArray::of(&hardware, 4);
        assert_eq!((array.scale_factor_rows, array.partial_sum_rows), (16, 8));
        assert_eq!((array.rows(), array.columns), (24, columns));
        assert_eq!((array.operations_per_stream, array.cycles_per_stream), (8, 10));
    }
}
