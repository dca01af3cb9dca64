//! What `sterna hardware eval` tells, as JSON and as text.

use compiler::Program;
use compiler::simulation::Interval;
use compiler::statistics::RunStatistics;
use serde::Serialize;

use super::compare::Comparison;
use crate::command::hardware::costs::CostFigures;

/// The JSON object of `sterna hardware eval`.
#[derive(Debug, Serialize)]
pub(super) struct EvaluationReport {
    pub(super) folder: String,
    pub(super) hardware: String,
    pub(super) dataset: String,
    pub(super) split: &'static str,
    pub(super) images: usize,
    pub(super) accuracy: f64,
    pub(super) images_per_second: f64,
    #[serde(flatten)]
    pub(super) comparison: Option<Comparison>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chips: Option<ChipReport>,
    pub(super) cost: CostSection,
    pub(super) populations: Vec<PopulationReport>,
    pub(super) projections: Vec<ProjectionReport>,
}

/// Accuracy of chips with deviations.
#[derive(Debug, Serialize)]
pub(super) struct ChipReport {
    pub(super) seed: u64,
    pub(super) accuracies: Vec<f64>,
    #[serde(flatten)]
    pub(super) interval: Interval,
    pub(super) images_per_second: f64,
}

/// The totals of the cost report, and where it lies.
#[derive(Debug, Serialize)]
pub(super) struct CostSection {
    pub(super) folder: String,
    #[serde(flatten)]
    pub(super) figures: CostFigures,
}

/// Spikes of one population.
#[derive(Debug, Serialize)]
pub(super) struct PopulationReport {
    pub(super) name: String,
    pub(super) neurons: usize,
    pub(super) spikes_per_example: f64,
    pub(super) active_share: f64,
    pub(super) clipped_share: f64,
}

/// Reads of the arrays of one projection.
#[derive(Debug, Serialize)]
pub(super) struct ProjectionReport {
    pub(super) name: String,
    pub(super) reads_per_example: f64,
    pub(super) empty_read_share: f64,
    pub(super) active_rows_per_read: f64,
    pub(super) zero_code_share: f64,
    pub(super) clipped_code_share: f64,
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// What was counted, for each population and each projection on crossbars.
pub(super) fn shares(program: &Program, statistics: &RunStatistics) -> (Vec<PopulationReport>, Vec<ProjectionReport>) {
    let examples = statistics.examples;
    let populations = program.layout.populations.iter().zip(&statistics.populations).map(|(population, seen)| {
        let neurons: usize = population.shape.iter().product();
        PopulationReport {
            name: population.name.clone(),
            neurons,
            spikes_per_example: share(seen.spikes, examples),
            active_share: share(seen.active_neurons, examples * neurons as u64),
            clipped_share: share(seen.clipped, examples * neurons as u64),
        }
    });
    let projections = program.layout.projections.iter().zip(&statistics.projections).zip(&program.crossbars);
    let projections =
        projections.filter(|(_, crossbar)| crossbar.is_some()).map(|((projection, seen), _)| ProjectionReport {
            name: projection.name.clone(),
            reads_per_example: share(seen.reads, examples),
            empty_read_share: share(seen.empty_reads, seen.reads),
            active_rows_per_read: share(seen.active_rows, seen.reads),
            zero_code_share: share(seen.zero_codes, seen.conversions),
            clipped_code_share: share(seen.clipped, seen.conversions),
        });
    (populations.collect(), projections.collect())
}

/// The report for a person.
pub(super) fn text(report: &EvaluationReport) -> String {
    use std::fmt::Write as _;
    let mut text = format!(
        "{} on {}: {} {}: accuracy {:.2} % of {} images, {:.0} images/s\n",
        report.folder,
        report.hardware,
        report.dataset,
        report.split,
        100.0 * report.accuracy,
        report.images,
        report.images_per_second
    );
    // Writing to a string cannot fail.
    if let Some(found) = &report.comparison {
        let _ = writeln!(
            text,
            "integer pass of {} ({} weights rounded): {} mismatched counts of {}, {} mismatched predictions, accuracy {:.2} %",
            found.model,
            found.rounded_weights,
            found.mismatched_counts,
            found.compared_counts,
            found.mismatched_predictions,
            100.0 * found.integer_accuracy
        );
    }
    if let Some(chips) = &report.chips {
        let _ = write!(
            text,
            "{} chips of seed {}: mean {:.2} %",
            chips.accuracies.len(),
            chips.seed,
            100.0 * chips.interval.mean
        );
        if let (Some(deviation), Some([low, high])) = (chips.interval.standard_deviation, chips.interval.confidence_95)
        {
            let _ = write!(
                text,
                ", standard deviation {:.2} %, 95 % confidence {:.2} to {:.2} %",
                100.0 * deviation,
                100.0 * low,
                100.0 * high
            );
        }
        let _ = writeln!(text, ", {:.0} images/s", chips.images_per_second);
    }
    let _ =
        writeln!(text, "\n{:<20}{:>9}{:>16}{:>10}{:>12}", "population", "neurons", "spikes/image", "active", "clipped");
    for population in &report.populations {
        let _ = writeln!(
            text,
            "{:<20}{:>9}{:>16.1}{:>8.2} %{:>10.3} %",
            population.name,
            population.neurons,
            population.spikes_per_example,
            100.0 * population.active_share,
            100.0 * population.clipped_share
        );
    }
    let _ = writeln!(
        text,
        "\n{:<28}{:>12}{:>10}{:>12}{:>13}{:>12}",
        "projection", "reads/image", "empty", "rows/read", "zero codes", "clipped"
    );
    for projection in &report.projections {
        let _ = writeln!(
            text,
            "{:<28}{:>12.0}{:>8.2} %{:>12.1}{:>11.2} %{:>10.3} %",
            projection.name,
            projection.reads_per_example,
            100.0 * projection.empty_read_share,
            projection.active_rows_per_read,
            100.0 * projection.zero_code_share,
            100.0 * projection.clipped_code_share
        );
    }
    text.trim_end().to_owned()
}
