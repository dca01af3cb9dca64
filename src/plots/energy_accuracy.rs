use std::path::Path;

use plotters::prelude::*;

use super::axis::{Axis, is_drawable};
use super::canvas::paint;
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{LegendEntry, headed, with_legend};
use super::panel::Panel;
use super::quantity::energy_unit;
use super::style::series_color;

/// One chip of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepPoint {
    /// What to call it.
    pub label: String,
    /// Energy of one example in pJ, all components.
    pub energy_pj: f64,
    /// Share of examples that are classified correctly, 0 to 1.
    pub accuracy: f64,
}

/// Accuracy against the energy of one example, a point for each chip. An energy of 0 stands for
/// unknown cost constants; such a chip is left out.
///
/// # Errors
/// [`PlotError::Empty`] without a finite point of energy above 0, [`PlotError::Write`] if the file cannot be written.
pub fn energy_accuracy(points: &[SweepPoint], subtitle: &str, path: &Path) -> Result<(), PlotError> {
    let is_shown =
        |point: &&SweepPoint| point.energy_pj > 0.0 && is_drawable(point.energy_pj) && is_drawable(point.accuracy);
    let drawable: Vec<&SweepPoint> = points.iter().filter(is_shown).collect();
    let largest = drawable.iter().map(|point| point.energy_pj).fold(0.0, f64::max);
    let (factor, unit) = energy_unit(largest);
    let place = |point: &SweepPoint| (point.energy_pj / factor, point.accuracy * 100.0);
    let x = Axis::counts(drawable.iter().map(|point| place(point).0));
    let y = Axis::linear(drawable.iter().map(|point| place(point).1));
    let (Some(x), Some(y)) = (x, y) else {
        return Err(empty(path, "at least one chip with an energy above 0 and a finite accuracy", "none"));
    };
    let color = |index: usize| series_color(index, drawable.len());
    let entry = |(index, point): (usize, &&SweepPoint)| LegendEntry { label: point.label.clone(), color: color(index) };
    let legend: Vec<LegendEntry> = drawable.iter().enumerate().map(entry).collect();
    let x_label = format!("energy of one example ({unit}), all components");
    paint(path, (1200, 720), |root| {
        let body = headed(root, "Accuracy against energy", subtitle)?;
        let body = with_legend(&body, &legend)?;
        let panel = Panel { heading: "", x_label: &x_label, y_label: "accuracy (%)", x, y, label_width: None };
        let mut chart = panel.draw(&body)?;
        let dots = drawable.iter().enumerate();
        chart.draw_series(dots.map(|(index, point)| Circle::new(place(point), 13, color(index).filled())))?;
        Ok(())
    })
}
