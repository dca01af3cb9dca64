use std::path::Path;

use compiler::learning::device::PulseResponse;
use plotters::prelude::*;

use super::axis::{Axis, is_drawable};
use super::canvas::paint;
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{LegendEntry, headed, with_legend};
use super::panel::{Panel, draw_path};
use super::style::{BLUE, VERMILION};

/// Colour of single devices; they lie below the mean.
const SINGLE: RGBColor = RGBColor(170, 196, 214);

/// Weights of devices against pulses: single devices, and their mean on the way up and down.
///
/// # Errors
/// [`PlotError::Empty`] without a finite weight, [`PlotError::Write`] if the file cannot be written.
pub fn pulse_response(response: &PulseResponse, name: &str, subtitle: &str, path: &Path) -> Result<(), PlotError> {
    let all = response.weights.iter().flatten().map(|&weight| f64::from(weight)).chain(response.mean.iter().copied());
    let pulses = response.pulses.iter().map(|&pulses| pulses as f64);
    let (Some(x), Some(y)) = (Axis::linear(pulses.clone()), Axis::linear(all)) else {
        return Err(empty(path, "at least one finite weight", "none"));
    };
    let legend = [("mean, upwards", BLUE), ("mean, downwards", VERMILION), ("single devices", SINGLE)];
    let legend = legend.map(|(label, color)| LegendEntry { label: label.to_owned(), color });
    let points = |weights: &mut dyn Iterator<Item = f64>| -> Vec<(f64, f64)> {
        pulses.clone().zip(weights).filter(|point| is_drawable(point.1)).collect()
    };
    let mean = points(&mut response.mean.iter().copied());
    let turn = mean.len() / 2;
    paint(path, (1200, 720), |root| {
        let body = headed(root, &format!("Response of {name} to pulses"), subtitle)?;
        let body = with_legend(&body, &legend)?;
        let labels = ("pulses given", "weight (1 = unit of the state)");
        let panel = Panel { heading: "", x_label: labels.0, y_label: labels.1, x, y, label_width: None };
        let mut chart = panel.draw(&body)?;
        for weights in &response.weights {
            let line = points(&mut weights.iter().map(|&weight| f64::from(weight)));
            draw_path(&mut chart, &line, SINGLE.stroke_width(2))?;
        }
        for (line, color) in [(mean.get(..=turn), BLUE), (mean.get(turn..), VERMILION)] {
            let line = line.unwrap_or_default();
            draw_path(&mut chart, line, color.stroke_width(5))?;
        }
        Ok(())
    })
}
