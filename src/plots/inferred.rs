use std::path::Path;

use plotters::prelude::*;

use super::axis::{Axis, is_drawable};
use super::canvas::paint;
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{LegendEntry, headed, with_legend};
use super::panel::{Line, Panel, draw_lines};
use super::style::{BLUE, GREY, VERMILION, series_color};

/// What was inferred of one variable.
#[derive(Clone, Debug, PartialEq)]
pub struct InferredPanel {
    /// Heading of its panel.
    pub heading: String,
    /// True and inferred value of each example.
    pub values: Vec<[f64; 2]>,
}

/// Inferred against true values, a panel for each variable; a line marks where both are the same.
///
/// # Errors
/// [`PlotError::Empty`] without a panel or a finite pair, [`PlotError::Write`] if the file cannot be written.
pub fn inferred(panels: &[InferredPanel], title: &str, subtitle: &str, path: &Path) -> Result<(), PlotError> {
    let all = || panels.iter().flat_map(|panel| &panel.values).flatten().copied().filter(|&value| is_drawable(value));
    let (Some(x), Some(y)) = (Axis::linear(all()), Axis::linear(all())) else {
        return Err(empty(path, "at least one variable with finite values", "none"));
    };
    let width = (460 * panels.len() as u32).clamp(700, 1800);
    paint(path, (width, 620), |root| {
        let body = headed(root, title, subtitle)?;
        for (area, panel) in body.split_evenly((1, panels.len())).iter().zip(panels) {
            let labels = ("true value", "inferred value");
            let drawn = Panel {
                heading: &panel.heading,
                x_label: labels.0,
                y_label: labels.1,
                x: x.clone(),
                y: y.clone(),
                label_width: None,
            };
            let mut chart = drawn.draw(area)?;
            let range = chart.x_range();
            chart.draw_series(DashedLineSeries::new(
                [(range.start, range.start), (range.end, range.end)],
                14,
                10,
                GREY.stroke_width(3),
            ))?;
            let drawable = panel.values.iter().filter(|pair| is_drawable(pair[0]) && is_drawable(pair[1]));
            chart.draw_series(drawable.map(|pair| Circle::new((pair[0], pair[1]), 5, BLUE.mix(0.35).filled())))?;
        }
        Ok(())
    })
}

/// A series of points in a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub label: String,
    /// Its points in order.
    pub points: Vec<(f64, f64)>,
}

/// Error against the number of neurons, a line for each series.
///
/// # Errors
/// [`PlotError::Empty`] without a finite point, [`PlotError::Write`] if the file cannot be written.
pub fn error_by_neurons(series: &[Series], subtitle: &str, path: &Path) -> Result<(), PlotError> {
    let points = || series.iter().flat_map(|series| &series.points);
    let (x, y) = (Axis::counts(points().map(|point| point.0)), Axis::counts(points().map(|point| point.1)));
    let (Some(x), Some(y)) = (x, y) else {
        return Err(empty(path, "at least one network with a finite error", "none"));
    };
    let color = |index| series_color(index, series.len());
    let entry = |(index, series): (usize, &Series)| LegendEntry { label: series.label.clone(), color: color(index) };
    let legend: Vec<LegendEntry> = series.iter().enumerate().map(entry).collect();
    let line = |(index, series): (usize, &Series)| Line { color: color(index), points: series.points.clone() };
    let lines: Vec<Line> = series.iter().enumerate().map(line).collect();
    paint(path, (1200, 720), |root| {
        let body = headed(root, "Error against neurons", subtitle)?;
        let body = with_legend(&body, &legend)?;
        let labels = ("neurons between codes", "error, mean over all directions");
        let panel = Panel { heading: "", x_label: labels.0, y_label: labels.1, x, y, label_width: None };
        draw_lines(&mut panel.draw(&body)?, &lines)
    })
}

/// Weight of a cue in the estimate against that of the best estimate; a line marks where both are the same.
///
/// # Errors
/// As [`inferred`].
pub fn cue_weights(series: &[Series], subtitle: &str, path: &Path) -> Result<(), PlotError> {
    let points = || series.iter().flat_map(|series| &series.points);
    if !points().any(|point| is_drawable(point.0) && is_drawable(point.1)) {
        return Err(empty(path, "at least one pair of cues", "none"));
    }
    let y = Axis::linear(points().map(|point| point.1).chain([0.0, 1.0]));
    let y = y.unwrap_or_else(|| Axis::spanning(0.0, 1.0));
    let color = |index: usize| if index == 0 { VERMILION } else { series_color(index, series.len() + 1) };
    let entry = |(index, series): (usize, &Series)| LegendEntry { label: series.label.clone(), color: color(index) };
    let legend: Vec<LegendEntry> = series.iter().enumerate().map(entry).collect();
    paint(path, (1100, 760), |root| {
        let body = headed(root, "Cue weights against reliability", subtitle)?;
        let body = with_legend(&body, &legend)?;
        let labels = ("weight in the best estimate", "weight in the network's estimate");
        let x = Axis::spanning(0.0, 1.0);
        let mut chart =
            Panel { heading: "", x_label: labels.0, y_label: labels.1, x, y, label_width: None }.draw(&body)?;
        chart.draw_series(DashedLineSeries::new([(0.0, 0.0), (1.0, 1.0)], 14, 10, GREY.stroke_width(3)))?;
        for (index, series) in series.iter().enumerate() {
            let dot = |&point: &(f64, f64)| Circle::new(point, 11, color(index).filled());
            chart.draw_series(series.points.iter().filter(|point| is_drawable(point.1)).map(dot))?;
        }
        Ok(())
    })
}
