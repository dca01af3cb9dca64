//! Counts times energies.

use super::breakdown::Breakdown;
use super::workload::{CrossbarWork, DigitalWork};
use crate::hardware::{Granularity, HardwareSpecification, Quantiser, SignedWeights};

/// Whether a digital array beside the crossbar adds a scale factor for every quantised partial
/// sum, and so accumulates over the streams.
pub(super) fn has_scale_array(hardware: &HardwareSpecification) -> bool {
    let granularity = hardware.scale_factors.granularity;
    matches!(hardware.quantiser, Quantiser::Sign {} | Quantiser::Ternary {})
        && matches!(granularity, Granularity::Column | Granularity::ColumnStream)
}

/// Energy of a projection in crossbar arrays in pJ, without leakage.
pub(super) fn crossbar(hardware: &HardwareSpecification, work: &CrossbarWork) -> Breakdown {
    let constants = &hardware.cost;
    let reference = usize::from(hardware.weights.signed == SignedWeights::ReferenceColumn) * work.column_tiles;
    let columns = work.outputs * work.slices * hardware.weights.columns_per_slice() + reference;
    let half_of_array = hardware.array.rows as f64 / 2.0 * hardware.array.columns as f64;
    let conversions = work.conversions + work.reads() * reference as f64;
    let sums = work.deliveries * (work.row_tiles * work.outputs) as f64;
    let (scaled, additions) = match has_scale_array(hardware) {
        true => (work.conversions * constants.zero_share_energy.at(work.zero_share), sums * work.slices as f64),
        false => (0.0, conversions),
    };
    let counts = (work.positions * work.streams) as f64 * work.fan_in as f64;
    let moved = counts * work.column_tiles as f64 + sums * f64::from(hardware.periphery.accumulator_bits);
    Breakdown {
        array: constants.array.energy_pj * work.active_rows * columns as f64 / half_of_array,
        row_drivers: constants.row_driver.energy_pj * work.active_rows * work.column_tiles as f64,
        converters: constants.converter.energy_pj * conversions,
        scale_factors: constants.scale_factor.energy_pj * scaled,
        accumulators: constants.accumulator.energy_pj * additions,
        buffers: constants.buffer_bit.energy_pj * counts,
        interconnect: constants.interconnect_bit.energy_pj * moved,
        tiles: constants.tile.energy_pj * work.reads() * work.column_tiles as f64
            / constants.arrays_per_tile.max(1) as f64,
        neurons: 0.0,
        leakage: 0.0,
    }
}

/// Energy of a projection with fixed weights in pJ: each synapse reads, moves and adds one count.
pub(super) fn digital(hardware: &HardwareSpecification, work: &DigitalWork) -> Breakdown {
    let constants = &hardware.cost;
    let bits = work.additions as f64 * f64::from(work.count_bits);
    Breakdown {
        accumulators: constants.accumulator.energy_pj * work.additions as f64,
        buffers: constants.buffer_bit.energy_pj * bits,
        interconnect: constants.interconnect_bit.energy_pj * bits,
        ..Breakdown::default()
    }
}

/// Energy in pJ that leaks in `time_ns`.
pub(super) fn leakage(hardware: &HardwareSpecification, arrays: usize, time_ns: f64) -> f64 {
    const PJ_PER_NW_NS: f64 = 1e-6;
    hardware.cost.leakage_nw * arrays as f64 * time_ns * PJ_PER_NW_NS
}
