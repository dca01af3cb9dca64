//! Curves over the epochs of a run.

use std::path::Path;

use spikegrad::{EpochReport, PopulationReport};

use super::axis::{Axis, is_drawable};
use super::error::PlotError;
use super::figure::LegendEntry;
use super::panel::Line;
use super::style::series_color;

/// The axis of epochs; an error without any epoch.
pub(super) fn epoch_axis(epochs: &[EpochReport], path: &Path) -> Result<Axis, PlotError> {
    let numbers = || epochs.iter().map(|report| f64::from(report.epoch));
    let first = numbers().fold(f64::INFINITY, f64::min);
    let last = numbers().fold(f64::NEG_INFINITY, f64::max);
    if epochs.is_empty() {
        return Err(empty(path, "the reports of at least one epoch", "none"));
    }
    Ok(Axis::whole(first, last))
}

/// The error of a plot without anything to draw.
pub(super) fn empty(path: &Path, expected: &'static str, found: &str) -> PlotError {
    PlotError::Empty { path: path.to_owned(), expected, found: found.to_owned() }
}

/// One value of every epoch.
pub(super) fn curve(epochs: &[EpochReport], value: impl Fn(&EpochReport) -> f64) -> Vec<(f64, f64)> {
    epochs.iter().map(|report| (f64::from(report.epoch), value(report))).collect()
}

/// Values of some lines, for the range of their axis.
pub(super) fn values(lines: &[Line]) -> impl Iterator<Item = f64> {
    lines.iter().flat_map(|line| line.points.iter().map(|point| point.1))
}

/// One line per population of the first epoch, and the legend of all of them. Populations whose
/// value is zero throughout are in the legend only.
pub(super) fn population_lines(
    epochs: &[EpochReport],
    value: impl Fn(&PopulationReport) -> f64,
) -> (Vec<Line>, Vec<LegendEntry>) {
    let populations = epochs.first().map_or(&[][..], |report| &report.populations);
    let mut lines = Vec::new();
    let mut legend = Vec::new();
    for (index, first) in populations.iter().enumerate() {
        let points = curve(epochs, |report| {
            let at_index = report.populations.get(index).filter(|population| population.name == first.name);
            let found = at_index.or_else(|| report.populations.iter().find(|population| population.name == first.name));
            found.map_or(f64::NAN, &value)
        });
        let silent = points.iter().all(|point| point.1 == 0.0);
        let color = series_color(index, populations.len());
        let label = if silent { format!("{} (no spikes)", first.name) } else { first.name.clone() };
        legend.push(LegendEntry { label, color });
        if !silent {
            lines.push(Line { color, points });
        }
    }
    (lines, legend)
}

/// An axis of counts for the lines, from 0 to 1 if all are zero; an error if nothing is finite.
pub(super) fn count_axis(lines: &[Line], path: &Path, expected: &'static str) -> Result<Axis, PlotError> {
    if lines.is_empty() {
        return Ok(Axis::spanning(0.0, 1.0));
    }
    if !values(lines).any(is_drawable) {
        return Err(empty(path, expected, "only values that are not finite"));
    }
    Ok(Axis::counts(values(lines)).unwrap_or_else(|| Axis::spanning(0.0, 1.0)))
}
