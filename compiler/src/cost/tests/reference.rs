//! The same cost, event by event.

use crate::cost::{Breakdown, Workload};
use crate::hardware::{Granularity, HardwareSpecification, Quantiser, SignedWeights};

/// Energy in pJ without leakage: walks through every position, stream, row tile and output of a
/// workload without fractions of events, and adds up the energy of each event.
pub(super) fn energy(hardware: &HardwareSpecification, workload: &Workload) -> Breakdown {
    let cost = &hardware.cost;
    let mut sum = Breakdown::default();
    let is_scaled = match hardware.quantiser {
        Quantiser::Sign {} | Quantiser::Ternary {} => {
            [Granularity::Column, Granularity::ColumnStream].contains(&hardware.scale_factors.granularity)
        }
        _ => false,
    };
    let has_reference = hardware.weights.signed == SignedWeights::ReferenceColumn;
    for stage in &workload.stages {
        sum.neurons += cost.neuron.energy_pj * stage.updates;
        for work in &stage.crossbars {
            let reads = work.positions * work.streams * work.row_tiles;
            let active = work.active_rows / reads as f64;
            let factor = cost.zero_share_energy.at(work.zero_share);
            for _position in 0..work.positions {
                for _stream in 0..work.streams {
                    for _row in 0..work.fan_in {
                        sum.buffers += cost.buffer_bit.energy_pj;
                        for _column_tile in 0..work.column_tiles {
                            sum.interconnect += cost.interconnect_bit.energy_pj;
                        }
                    }
                    for _row_tile in 0..work.row_tiles {
                        for column_tile in 0..work.column_tiles {
                            let outputs_per_array = work.columns_per_array / work.slices;
                            let outputs = (work.outputs - column_tile * outputs_per_array).min(outputs_per_array);
                            let mut columns = outputs * work.slices * hardware.weights.columns_per_slice();
                            if has_reference {
                                columns += 1;
                                sum.converters += cost.converter.energy_pj;
                                sum.accumulators += cost.accumulator.energy_pj;
                            }
                            let share = columns as f64 / hardware.array.columns as f64;
                            sum.array += cost.array.energy_pj * share * active / (hardware.array.rows as f64 / 2.0);
                            sum.row_drivers += cost.row_driver.energy_pj * active;
                            sum.tiles += cost.tile.energy_pj / cost.arrays_per_tile.max(1) as f64;
                            for _column in 0..outputs * work.slices {
                                sum.converters += cost.converter.energy_pj;
                                if is_scaled {
                                    sum.scale_factors += cost.scale_factor.energy_pj * factor;
                                } else {
                                    sum.accumulators += cost.accumulator.energy_pj;
                                }
                            }
                        }
                    }
                }
            }
            for _delivery in 0..work.deliveries as usize {
                for _sum in 0..work.row_tiles * work.outputs {
                    sum.interconnect +=
                        cost.interconnect_bit.energy_pj * f64::from(hardware.periphery.accumulator_bits);
                    if is_scaled {
                        sum.accumulators += cost.accumulator.energy_pj * work.slices as f64;
                    }
                }
            }
        }
        for work in &stage.digital {
            for _addition in 0..work.additions {
                sum.accumulators += cost.accumulator.energy_pj;
                sum.buffers += cost.buffer_bit.energy_pj * f64::from(work.count_bits);
                sum.interconnect += cost.interconnect_bit.energy_pj * f64::from(work.count_bits);
            }
        }
    }
    sum
}
