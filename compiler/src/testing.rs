//! Random hardware and calibrations for the tests of this crate.

use proptest::prelude::*;
use snn::random::{Purpose, Stream};

use crate::columns::Slicing;
use crate::hardware::{
    Array, Cost, Device, Granularity, HardwareSpecification, InputCoding, Inputs, NonIdealities, Periphery, Quantiser,
    Range, ScaleFactors, SignedWeights, WeightCells,
};
use crate::mapping::{Calibration, MappingPlan, ProjectionCalibration, ScaleValues};
use crate::program::Broadcast;

/// A chip with an ideal quantiser that holds every i8 network.
pub fn ideal(rows: usize, columns: usize) -> HardwareSpecification {
    HardwareSpecification {
        name: "test".to_owned(),
        description: "for tests".to_owned(),
        sources: vec!["none".to_owned()],
        array: Array { rows, columns, cell_bits: 1 },
        weights: WeightCells {
            bits: 7,
            signed: SignedWeights::DifferentialPair,
            largest: None,
            pair_shares_column: true,
        },
        input: Inputs { coding: InputCoding::BitSerial, bits: 7, image_bits: Some(8) },
        quantiser: Quantiser::Ideal {},
        scale_factors: ScaleFactors { granularity: Granularity::ColumnStream, bits: 8 },
        periphery: Periphery { accumulator_bits: 32, ..Periphery::default() },
        device: Device {
            cell: "rram".to_owned(),
            technology_nm: 65.0,
            on_resistance_ohm: 6e3,
            off_resistance_ohm: Some(9e5),
            read_voltage_v: 0.5,
            read_pulse_ns: 10.0,
            wire_resistance_ohm: 0.3,
            driver_resistance_ohm: 0.1,
            sense_resistance_ohm: 0.7,
        },
        non_idealities: NonIdealities::default(),
        cost: Cost { technology_nm: 65.0, arrays_per_tile: 3, ..Cost::default() },
    }
}

/// Any chip that takes i8 networks: small arrays, every sign, coding, cell and quantiser.
pub fn any_hardware() -> impl Strategy<Value = HardwareSpecification> {
    let weights = (any::<bool>(), any::<bool>(), 1u32..=8, 1u32..=4, 0usize..24);
    let inputs = (any::<bool>(), any::<bool>());
    let quantiser = (0usize..6, 1u32..=9, 0usize..4, 1u32..=16);
    (1usize..40, weights, inputs, quantiser, 1usize..5).prop_map(
        |(rows, weights, (spikes, _), quantiser, replication)| {
            let (is_pair, pair_shares_column, bits, cell_bits, more_columns) = weights;
            let (kind, converter_bits, granularity, scale_bits) = quantiser;
            let mut hardware = ideal(rows, 1);
            // A magnitude of 8 bits exceeds i8; a reference column needs the sign and one bit more.
            hardware.weights = WeightCells {
                bits: if is_pair { bits.min(7) } else { bits.max(2) },
                signed: if is_pair { SignedWeights::DifferentialPair } else { SignedWeights::ReferenceColumn },
                largest: None,
                pair_shares_column: is_pair && pair_shares_column,
            };
            hardware.array.cell_bits = cell_bits.min(hardware.weights.bits);
            let columns = Slicing::of(&hardware).count() * hardware.weights.columns_per_slice();
            hardware.array.columns = columns + usize::from(!is_pair) + more_columns;
            hardware.input.coding = if spikes { InputCoding::Spikes } else { InputCoding::BitSerial };
            let uniform = |range| Quantiser::Uniform { bits: converter_bits, range };
            hardware.quantiser = match kind {
                0 => uniform(Range::Full),
                1 => uniform(Range::Unit),
                2 => uniform(Range::Calibrated),
                3 if is_pair => Quantiser::Sign {},
                4 if is_pair => Quantiser::Ternary {},
                _ => Quantiser::Ideal {},
            };
            let all = [Granularity::Layer, Granularity::Channel, Granularity::Column, Granularity::ColumnStream];
            if hardware.quantiser.has_scale_factors() {
                hardware.scale_factors = ScaleFactors { granularity: all[granularity], bits: scale_bits };
            }
            hardware.periphery.largest_replication = replication;
            hardware
        },
    )
}

/// A random calibration of what the hardware's quantiser takes.
pub fn calibration(plan: &MappingPlan, hardware: &HardwareSpecification, seed: u64) -> Calibration {
    let mut stream = Stream::new(seed, Purpose::Test, 3);
    let takes_scales = matches!(hardware.quantiser, Quantiser::Sign {} | Quantiser::Ternary {});
    let is_calibrated = matches!(hardware.quantiser, Quantiser::Uniform { range: Range::Calibrated, .. });
    let takes_levels = is_calibrated || hardware.quantiser == Quantiser::Ternary {};
    let mut of_projection = |sizes: [usize; 4]| {
        let shape = hardware.scale_factors.granularity.shape(sizes);
        let count = shape.iter().product::<usize>();
        let scales = (0..count).map(|_| f64::from(stream.below(1000)) / 37.0).collect();
        let level_shape = if stream.below(2) == 0 { [1; 4] } else { [sizes[0], 1, 1, sizes[3]] };
        let levels = (0..level_shape.iter().product::<usize>()).map(|_| 1 + stream.below(9) as i32).collect();
        ProjectionCalibration {
            step: None,
            scale_factors: takes_scales.then_some(ScaleValues { shape, values: scales }),
            common_factor: None,
            quantiser_levels: takes_levels.then_some(Broadcast { shape: level_shape, values: levels }),
            rest: None,
        }
    };
    let projections = plan.projections.iter().map(|projection| match &projection.layout {
        Some(layout) => of_projection(layout.sizes()),
        None => ProjectionCalibration::default(),
    });
    Calibration { projections: projections.collect() }
}
