use std::path::Path;

use spikegrad::EpochReport;

use super::canvas::paint;
use super::epochs::{count_axis, curve, empty, epoch_axis, population_lines};
use super::error::PlotError;
use super::figure::{LegendEntry, headed, legend_width, with_legend_in};
use super::panel::{Line, Panel, draw_lines};
use super::style::series_color;

/// Error spikes per example, sum |E|, of every population over the epochs; below it the
/// accumulations of the three phases as a share of the dense network's multiply-accumulates (%).
///
/// # Errors
/// [`PlotError::Empty`] without an epoch, a population or a finite value, [`PlotError::Write`] if
/// the file cannot be written.
pub fn error_spikes(epochs: &[EpochReport], path: &Path) -> Result<(), PlotError> {
    let x = epoch_axis(epochs, path)?;
    let (errors, legend) = population_lines(epochs, |population| population.error_spikes);
    if legend.is_empty() {
        return Err(empty(path, "at least one population", "none"));
    }
    let phases: [Vec<(f64, f64)>; 3] = [
        curve(epochs, |report| report.operations.forward_ratio * 100.0),
        curve(epochs, |report| report.operations.backward_ratio * 100.0),
        curve(epochs, |report| report.operations.update_ratio * 100.0),
    ];
    let colored = phases.into_iter().enumerate();
    let phases: Vec<Line> = colored.map(|(index, points)| Line { color: series_color(index, 3), points }).collect();
    let names = ["forward", "backward", "update"].iter().enumerate();
    let phase_legend: Vec<LegendEntry> =
        names.map(|(index, name)| LegendEntry { label: (*name).to_owned(), color: series_color(index, 3) }).collect();
    let error_axis = count_axis(&errors, path, "a finite number of error spikes")?;
    let phase_axis = count_axis(&phases, path, "a finite share of operations")?;
    paint(path, (1200, 1000), |root| {
        let body = headed(root, "Error spikes", "means over the training examples of each epoch")?;
        let panels = body.split_evenly((2, 1));
        let column = legend_width(&body, &legend)?.max(legend_width(&body, &phase_legend)?);
        let figures = [
            ("Error spikes", "error spikes per example, sum |E|", error_axis, errors, legend),
            (
                "Accumulations relative to the dense network",
                "share of its operations (%)",
                phase_axis,
                phases,
                phase_legend,
            ),
        ];
        for (area, (heading, y_label, y, lines, legend)) in panels.iter().zip(figures) {
            let area = with_legend_in(area, &legend, column)?;
            let mut chart =
                Panel { heading, x_label: "epoch", y_label, x: x.clone(), y, label_width: None }.draw(&area)?;
            draw_lines(&mut chart, &lines)?;
        }
        Ok(())
    })
}
