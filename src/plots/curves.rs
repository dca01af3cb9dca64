use std::path::Path;

use plotters::prelude::*;

use super::axis::{Axis, is_drawable};
use super::canvas::paint;
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{LegendEntry, headed, with_legend};
use super::inferred::Series;
use super::panel::{Line, Panel, draw_lines};
use super::style::series_color;

/// A figure of lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// Title.
    pub title: String,
    /// What the numbers are of.
    pub subtitle: String,
    /// Labels of the axes.
    pub labels: [String; 2],
    /// Whether numbers above 0 that span decades get a logarithmic axis upward.
    pub counts: bool,
    /// Lines.
    pub series: Vec<Series>,
}

/// Lines through points, one for each series.
///
/// # Errors
/// [`PlotError::Empty`] without a finite point, [`PlotError::Write`] if the file cannot be written.
pub fn curves(figure: &Curves, path: &Path) -> Result<(), PlotError> {
    draw(figure, true, path)
}

/// Dots without lines.
///
/// # Errors
/// As [`curves`].
pub fn points(figure: &Curves, path: &Path) -> Result<(), PlotError> {
    draw(figure, false, path)
}

fn draw(figure: &Curves, is_joined: bool, path: &Path) -> Result<(), PlotError> {
    let points = || figure.series.iter().flat_map(|series| &series.points);
    let drawable = || points().filter(|point| is_drawable(point.0) && is_drawable(point.1));
    let heights = || drawable().map(|point| point.1);
    let y = if figure.counts { Axis::counts(heights()) } else { Axis::linear(heights()) };
    let (Some(x), Some(y)) = (Axis::linear(drawable().map(|point| point.0)), y) else {
        return Err(empty(path, "at least one finite point", "none"));
    };
    let color = |index| series_color(index, figure.series.len());
    let entry = |(index, series): (usize, &Series)| LegendEntry { label: series.label.clone(), color: color(index) };
    let legend: Vec<LegendEntry> = figure.series.iter().enumerate().map(entry).collect();
    let line = |(index, series): (usize, &Series)| Line { color: color(index), points: series.points.clone() };
    let lines: Vec<Line> = figure.series.iter().enumerate().map(line).collect();
    paint(path, (1200, 720), |root| {
        let body = headed(root, &figure.title, &figure.subtitle)?;
        let body = with_legend(&body, &legend)?;
        let [x_label, y_label] = &figure.labels;
        let mut chart = Panel { heading: "", x_label, y_label, x, y, label_width: None }.draw(&body)?;
        if is_joined {
            return draw_lines(&mut chart, &lines);
        }
        for line in &lines {
            let drawable = line.points.iter().filter(|point| is_drawable(point.0) && is_drawable(point.1));
            chart.draw_series(drawable.map(|&point| Circle::new(point, 12, line.color.filled())))?;
        }
        Ok(())
    })
}
