//! Instances times areas.

use super::breakdown::Breakdown;
use super::energy::has_scale_array;
use super::workload::Workload;
use crate::hardware::HardwareSpecification;

/// Converters or sets of comparators of one array.
pub(super) fn converters_per_array(hardware: &HardwareSpecification) -> usize {
    let columns = hardware.array.columns / hardware.weights.columns_per_slice();
    columns.div_ceil(hardware.periphery.columns_per_converter.max(1))
}

/// Area in square micrometres of `arrays` arrays with what stands beside each.
pub(super) fn arrays(hardware: &HardwareSpecification, arrays: usize) -> Breakdown {
    let constants = &hardware.cost;
    let arrays = arrays as f64;
    let converters = arrays * converters_per_array(hardware) as f64;
    Breakdown {
        array: arrays * constants.array.area_um2,
        row_drivers: arrays * hardware.array.rows as f64 * constants.row_driver.area_um2,
        converters: converters * constants.converter.area_um2,
        scale_factors: if has_scale_array(hardware) { arrays * constants.scale_factor.area_um2 } else { 0.0 },
        accumulators: converters * constants.accumulator.area_um2,
        ..Breakdown::default()
    }
}

/// Area of the whole chip in square micrometres: one adder for each converter, one neuron unit for
/// each channel and replica, one buffer bit for each bit of a population's counts.
pub(super) fn chip(hardware: &HardwareSpecification, workload: &Workload) -> Breakdown {
    let constants = &hardware.cost;
    let count = workload.arrays();
    let mut area = arrays(hardware, count);
    area.tiles = count.div_ceil(constants.arrays_per_tile.max(1)) as f64 * constants.tile.area_um2;
    for stage in &workload.stages {
        let replicas = stage.crossbars.iter().map(|work| work.replicas).max().unwrap_or(1);
        let units = if stage.updates > 0.0 { stage.channels * replicas } else { 0 };
        area.neurons += units as f64 * constants.neuron.area_um2;
        area.buffers += stage.neurons as f64 * f64::from(stage.count_bits) * constants.buffer_bit.area_um2;
    }
    area
}
