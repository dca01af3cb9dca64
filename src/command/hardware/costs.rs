//! The cost of a compiled network as figures, files and plots.

use std::path::Path;

use compiler::Program;
use compiler::cost::{CostReport, cost, write};
use compiler::hardware::Timing;
use compiler::statistics::RunStatistics;
use serde::Serialize;

use crate::CommandError;
use crate::plots;

/// The totals of a cost report, for one example.
#[derive(Clone, Debug, Serialize)]
pub(in crate::command) struct CostFigures {
    pub(in crate::command) arrays: usize,
    pub(in crate::command) energy_pj: f64,
    pub(in crate::command) accumulate_only_pj: f64,
    pub(in crate::command) lossless_converters_pj: f64,
    pub(in crate::command) pipeline_ns: f64,
    pub(in crate::command) single_example_ns: f64,
    pub(in crate::command) area_um2: f64,
    pub(in crate::command) timing: Timing,
}

impl CostFigures {
    pub(in crate::command) fn of(report: &CostReport) -> Self {
        Self {
            arrays: report.arrays,
            energy_pj: report.energy_pj.total(),
            accumulate_only_pj: report.comparison.accumulate_only_pj,
            lossless_converters_pj: report.comparison.lossless_converters.energy_pj,
            pipeline_ns: report.latency.pipeline_ns,
            single_example_ns: report.latency.single_example_ns,
            area_um2: report.area_um2.total(),
            timing: report.timing,
        }
    }
}

/// Costs what was counted, and writes `report.json`, `report.md`, `breakdown.png` where a component
/// takes energy, and `floor_plan.png` where the arrays can be drawn. The folder, which the flag
/// names, is made.
///
/// # Errors
/// When folder or files cannot be written, or the counts are of another network.
pub(in crate::command) fn write_cost(
    program: &Program,
    statistics: &RunStatistics,
    folder: &Path,
    flag: &str,
) -> anyhow::Result<CostReport> {
    let report = cost(&program.layout, statistics)?;
    std::fs::create_dir_all(folder).map_err(|error| folder_error(flag, folder, &error))?;
    write(&report, folder)?;
    if report.energy_pj.total() > 0.0 {
        plots::cost_breakdown(&report, &folder.join("breakdown.png"))?;
    }
    if !program.layout.arrays.is_empty() && program.layout.arrays.len() <= plots::LARGEST_ARRAY_COUNT {
        plots::floor_plan(&program.layout, &folder.join("floor_plan.png"))?;
    }
    Ok(report)
}

/// The error for a folder that cannot be made.
pub(super) fn folder_error(flag: &str, path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::usage(flag, "a folder that can be written to", format!("{}: {error}", path.display()))
}
