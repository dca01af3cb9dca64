//! Time of a read, of a stage, of an example.

use serde::{Deserialize, Serialize};

use super::energy::has_scale_array;
use super::workload::{CrossbarWork, Stage, Workload};
use crate::hardware::{HardwareSpecification, Quantiser, Timing};

/// Clock periods that the published simulator needs for each read of a row tile beyond the turns
/// of its columns.
///
/// Fitted to the four stage latencies of DVSNet (64 and 128 rows, one and five bits) that the
/// authors' configuration of DNN+NeuroSim V1.3 gives with eight copies of the slowest stage:
/// single values lie between 15.2 and 18.1.
const PUBLISHED_PERIODS_PER_ROW_TILE: f64 = 17.0;

/// What the published simulator takes for a column whose single comparator has no delay there.
const PUBLISHED_FLOOR_NS: f64 = 1.0;

/// Times of one example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Time between two examples in a full pipeline: that of the slowest stage.
    pub pipeline_ns: f64,
    /// Name of that stage.
    pub slowest_stage: String,
    /// Time of one example alone: sum of the stages along the longest path.
    pub single_example_ns: f64,
}

/// Columns of a read that follow one another at one converter.
fn turns(hardware: &HardwareSpecification, work: &CrossbarWork) -> f64 {
    hardware.periphery.columns_per_converter.min(work.columns_per_array).max(1) as f64
}

/// Time of a crossbar projection for one example.
pub(super) fn crossbar(hardware: &HardwareSpecification, work: &CrossbarWork) -> f64 {
    let constants = &hardware.cost;
    let positions = work.positions.div_ceil(work.replicas.max(1)) as f64;
    let turns = turns(hardware, work);
    match constants.timing {
        Timing::Published => {
            let is_comparator = matches!(hardware.quantiser, Quantiser::Sign {});
            let own = constants.converter.latency_ns;
            let converter = if is_comparator { own.min(PUBLISHED_FLOOR_NS) } else { own };
            let periods = work.row_tiles as f64 * (turns + PUBLISHED_PERIODS_PER_ROW_TILE);
            positions * work.streams as f64 * periods * (constants.array.latency_ns + converter)
        }
        Timing::Physical => {
            let scale = if has_scale_array(hardware) { constants.scale_factor.latency_ns } else { 0.0 };
            let driver = constants.row_driver.latency_ns;
            let read = driver + constants.array.latency_ns + turns * (constants.converter.latency_ns + scale);
            let depth = (work.row_tiles * work.slices).max(1).next_power_of_two().ilog2();
            let delivery = f64::from(depth) * constants.accumulator.latency_ns
                + constants.neuron.latency_ns
                + constants.buffer_bit.latency_ns
                + constants.interconnect_bit.latency_ns;
            let deliveries = work.deliveries / work.positions.max(1) as f64;
            positions * (work.streams as f64 * read + deliveries * delivery)
        }
    }
}

/// Time of a stage: its projections work side by side.
pub(super) fn stage(hardware: &HardwareSpecification, stage: &Stage) -> f64 {
    let crossbars = stage.crossbars.iter().map(|work| crossbar(hardware, work));
    let digital =
        stage.digital.iter().map(|work| work.additions_per_channel as f64 * hardware.cost.accumulator.latency_ns);
    crossbars.chain(digital).fold(0.0, f64::max)
}

/// Times of an example from those of the stages.
pub(super) fn example(workload: &Workload, stages: &[f64]) -> Latency {
    let mut finished: Vec<f64> = Vec::with_capacity(stages.len());
    for (stage, &time) in workload.stages.iter().zip(stages) {
        let start = stage
            .sources
            .iter()
            .filter_map(|&source| finished.get(source))
            .fold(0.0, |latest: f64, &end| latest.max(end));
        finished.push(start + time);
    }
    let slowest = stages.iter().enumerate().fold(None, |slowest: Option<(usize, f64)>, (index, &time)| match slowest {
        Some((_, longest)) if longest >= time => slowest,
        _ => Some((index, time)),
    });
    Latency {
        pipeline_ns: slowest.map_or(0.0, |(_, time)| time),
        slowest_stage: slowest.map_or_else(String::new, |(index, _)| workload.stages[index].name.clone()),
        single_example_ns: finished.iter().copied().fold(0.0, f64::max),
    }
}
