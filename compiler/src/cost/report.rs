//! The report of a cost and its files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::breakdown::Breakdown;
use super::latency::Latency;
use super::markdown;
use super::workload::Basis;
use crate::CompilerError;
use crate::hardware::Timing;

/// Version of `report.json`.
pub const REPORT_FORMAT: u32 = 1;

/// What one example costs, and what the chip takes. Energies in pJ, times in ns, areas in square
/// micrometres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostReport {
    /// Version of this form.
    pub format: u32,
    /// Name of the specification.
    pub hardware: String,
    /// Node of the constants; 0 where the specification has none.
    pub technology_nm: f64,
    /// How times were combined.
    pub timing: Timing,
    /// Where counts come from.
    pub basis: Basis,
    /// Arrays in use, replicas included.
    pub arrays: usize,
    /// Energy of one example.
    pub energy_pj: Breakdown,
    /// Time of one example.
    pub latency: Latency,
    /// Area of the chip.
    pub area_um2: Breakdown,
    /// Populations with the projections that enter them.
    pub stages: Vec<StageCost>,
    /// The same network by other measures.
    pub comparison: Comparison,
    /// What the numbers leave out.
    pub not_counted: Vec<String>,
    /// Where the constants come from.
    pub sources: Vec<SourceOf>,
}

/// Cost of a population and of the projections that enter it, for one example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageCost {
    /// Name of the population.
    pub population: String,
    /// Energy of its neurons and projections.
    pub energy_pj: Breakdown,
    /// Time of the stage in the pipeline.
    pub latency_ns: f64,
    /// Projections that enter it.
    pub projections: Vec<PartCost>,
}

/// Cost of one projection for one example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartCost {
    /// Name of the projection.
    pub projection: String,
    /// Arrays, replicas included; 0 for digital projections.
    pub arrays: usize,
    /// Quantised partial sums.
    pub conversions: f64,
    /// Share of rows that were active in a read.
    pub active_row_share: f64,
    /// Share of zeros among the quantised partial sums.
    pub zero_share: f64,
    /// Energy.
    pub energy_pj: Breakdown,
    /// Time.
    pub latency_ns: f64,
}

/// Energy of one example by other measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Accumulations along synapses alone.
    pub accumulate_only_pj: f64,
    /// The constant behind it.
    pub accumulate_only_source: String,
    /// All components, memory and movement included.
    pub all_components_pj: f64,
    /// The same arrays with converters that lose nothing.
    pub lossless_converters: MatchedDesign,
}

/// The same arrays with converters that lose nothing; ratios are its numbers over those of the
/// report, 0 where the report's number is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchedDesign {
    /// Bits of the converter.
    pub bits: u32,
    /// Columns that share one.
    pub columns_per_converter: usize,
    /// Where its energy and area come from.
    pub source: String,
    /// Energy of one example.
    pub energy_pj: f64,
    /// Time between two examples in a full pipeline.
    pub pipeline_ns: f64,
    /// Area of the chip.
    pub area_um2: f64,
    /// Its energy over that of the report.
    pub energy_ratio: f64,
    /// Its time over that of the report.
    pub latency_ratio: f64,
    /// Its area over that of the report.
    pub area_ratio: f64,
    /// Its energy by component.
    pub energy: Breakdown,
}

/// Constants of one component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceOf {
    /// Name of the component.
    pub component: String,
    /// Energy of one use.
    pub energy_pj: f64,
    /// Time of one use.
    pub latency_ns: f64,
    /// Area of one instance.
    pub area_um2: f64,
    /// Where they come from.
    pub source: String,
}

impl CostReport {
    /// The report as text with tables, in Markdown.
    pub fn to_markdown(&self) -> String {
        markdown::text(self)
    }

    /// The report in three lines: energies of one example, its latency, the area of the chip.
    pub fn to_lines(&self) -> String {
        markdown::short(self)
    }
}

/// Writes `report.json` and `report.md` into an existing folder, each atomically.
///
/// # Errors
/// [`CompilerError::Snn`] if a file cannot be written, [`CompilerError::File`] if a number of the
/// report is not finite.
pub fn write(report: &CostReport, folder: &Path) -> Result<(), CompilerError> {
    let path = folder.join("report.json");
    let failed = |error: serde_json::Error| CompilerError::File {
        path: path.clone(),
        field: "report".to_owned(),
        expected: "finite numbers".to_owned(),
        found: error.to_string(),
    };
    let mut json = serde_json::to_string_pretty(report).map_err(failed)?;
    json.push('\n');
    snn::model::write_atomically(&path, json.as_bytes())?;
    Ok(snn::model::write_atomically(&folder.join("report.md"), report.to_markdown().as_bytes())?)
}
