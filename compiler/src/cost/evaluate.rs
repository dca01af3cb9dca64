//! From counts to a report.

use super::breakdown::Breakdown;
use super::converter::{lossless_bits, with_lossless_converters};
use super::energy::{self, has_scale_array};
use super::report::{Comparison, CostReport, MatchedDesign, PartCost, REPORT_FORMAT, SourceOf, StageCost};
use super::workload::Workload;
use super::{area, latency};
use crate::CompilerError;
use crate::hardware::{Component, HardwareSpecification};
use crate::program::Layout;
use crate::statistics::RunStatistics;

/// Energy of one addition of the accumulate-only proxy.
const ACCUMULATE_PJ: f64 = 0.1;
const ACCUMULATE_SOURCE: &str = "0.1 pJ for a 32-bit integer addition at 45 nm, Horowitz, ISSCC 2014, \
    times active inputs times outputs [from memory - verify]; arrays, converters, memory and movement are left out";

/// What no number covers, whatever the constants.
const NEVER_COUNTED: [&str; 6] = [
    "writing the weights and scale factors into the arrays",
    "memory and links outside the chip, and the sensor",
    "clock tree, control and instruction fetch, unless a constant's source says otherwise",
    "congestion of the interconnect",
    "area of the interconnect beyond that of tiles",
    "change of the currents with the programmed levels: the constant of an array stands for an average cell",
];

/// Cost of a compiled network for what it did in a simulation.
///
/// # Errors
/// [`CompilerError::Samples`] if the statistics are of no example or of another network.
pub fn cost(layout: &Layout, statistics: &RunStatistics) -> Result<CostReport, CompilerError> {
    Ok(evaluate(&layout.hardware, &Workload::of(layout, statistics)?))
}

/// Cost of a workload on a chip, beside the accumulate-only proxy and the same chip with lossless
/// converters.
pub fn evaluate(hardware: &HardwareSpecification, workload: &Workload) -> CostReport {
    let own = design(hardware, workload);
    let matched = with_lossless_converters(hardware);
    let other = design(&matched, workload);
    let energy_pj = own.energy.total();
    let comparison = Comparison {
        accumulate_only_pj: workload.accumulations() * ACCUMULATE_PJ,
        accumulate_only_source: ACCUMULATE_SOURCE.to_owned(),
        all_components_pj: energy_pj,
        lossless_converters: MatchedDesign {
            bits: lossless_bits(hardware),
            columns_per_converter: matched.periphery.columns_per_converter,
            source: matched.cost.converter.source.clone(),
            energy_pj: other.energy.total(),
            pipeline_ns: other.latency.pipeline_ns,
            area_um2: other.area.total(),
            energy_ratio: ratio(other.energy.total(), energy_pj),
            latency_ratio: ratio(other.latency.pipeline_ns, own.latency.pipeline_ns),
            area_ratio: ratio(other.area.total(), own.area.total()),
            energy: other.energy,
        },
    };
    CostReport {
        format: REPORT_FORMAT,
        hardware: hardware.name.clone(),
        technology_nm: hardware.cost.technology_nm,
        timing: hardware.cost.timing,
        basis: workload.basis,
        arrays: workload.arrays(),
        energy_pj: own.energy,
        latency: own.latency,
        area_um2: own.area,
        stages: own.stages,
        comparison,
        not_counted: not_counted(hardware),
        sources: sources(hardware),
    }
}

struct Design {
    energy: Breakdown,
    latency: latency::Latency,
    area: Breakdown,
    stages: Vec<StageCost>,
}

fn design(hardware: &HardwareSpecification, workload: &Workload) -> Design {
    let times: Vec<f64> = workload.stages.iter().map(|stage| latency::stage(hardware, stage)).collect();
    let latency = latency::example(workload, &times);
    let mut stages = Vec::with_capacity(workload.stages.len());
    for (stage, &latency_ns) in workload.stages.iter().zip(&times) {
        let crossbars = stage.crossbars.iter().map(|work| {
            let mut energy = energy::crossbar(hardware, work);
            energy.leakage = energy::leakage(hardware, work.arrays(), latency.pipeline_ns);
            PartCost {
                projection: work.name.clone(),
                arrays: work.arrays(),
                conversions: work.conversions,
                active_row_share: ratio(work.active_rows, (work.positions * work.streams * work.fan_in) as f64),
                zero_share: work.zero_share,
                energy_pj: energy,
                latency_ns: latency::crossbar(hardware, work),
            }
        });
        let digital = stage.digital.iter().map(|work| PartCost {
            projection: work.name.clone(),
            arrays: 0,
            conversions: 0.0,
            active_row_share: 0.0,
            zero_share: 0.0,
            energy_pj: energy::digital(hardware, work),
            latency_ns: work.additions_per_channel as f64 * hardware.cost.accumulator.latency_ns,
        });
        let projections: Vec<PartCost> = crossbars.chain(digital).collect();
        let neurons = hardware.cost.neuron.energy_pj * stage.updates;
        let own = Breakdown { neurons, ..Breakdown::default() };
        let energy_pj = projections.iter().fold(own, |sum, part| sum + part.energy_pj);
        stages.push(StageCost { population: stage.name.clone(), energy_pj, latency_ns, projections });
    }
    let energy = stages.iter().fold(Breakdown::default(), |sum, stage| sum + stage.energy_pj);
    Design { energy, latency, area: area::chip(hardware, workload), stages }
}

/// a / b, or 0 where nothing divides.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

fn components(hardware: &HardwareSpecification) -> Vec<(&'static str, &Component)> {
    let cost = &hardware.cost;
    let mut components = vec![
        ("array", &cost.array),
        ("row drivers", &cost.row_driver),
        ("converters", &cost.converter),
        ("accumulators", &cost.accumulator),
        ("buffers", &cost.buffer_bit),
        ("interconnect", &cost.interconnect_bit),
        ("tiles", &cost.tile),
        ("neurons", &cost.neuron),
    ];
    if has_scale_array(hardware) {
        components.insert(3, ("scale factors", &cost.scale_factor));
    }
    components
}

fn not_counted(hardware: &HardwareSpecification) -> Vec<String> {
    let mut list = Vec::new();
    for (name, component) in components(hardware) {
        let values = [("energy", component.energy_pj), ("latency", component.latency_ns), ("area", component.area_um2)];
        let missing: Vec<&str> = values.iter().filter(|(_, value)| *value == 0.0).map(|&(what, _)| what).collect();
        if !missing.is_empty() {
            list.push(format!("{name}: {} (no constant)", missing.join(", ")));
        }
    }
    if hardware.cost.leakage_nw == 0.0 {
        list.push("leakage: energy (no constant)".to_owned());
    }
    list.extend(NEVER_COUNTED.map(str::to_owned));
    list
}

fn sources(hardware: &HardwareSpecification) -> Vec<SourceOf> {
    let components = components(hardware).into_iter().filter(|(_, component)| !component.source.is_empty());
    components
        .map(|(component, constants)| SourceOf {
            component: component.to_owned(),
            energy_pj: constants.energy_pj,
            latency_ns: constants.latency_ns,
            area_um2: constants.area_um2,
            source: constants.source.clone(),
        })
        .collect()
}
