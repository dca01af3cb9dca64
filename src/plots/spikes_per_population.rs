use std::path::Path;

use spikegrad::EpochReport;

use super::axis::{Axis, is_drawable};
use super::canvas::paint;
use super::epochs::{count_axis, empty, epoch_axis, population_lines, values};
use super::error::PlotError;
use super::figure::{headed, with_legend};
use super::panel::{Panel, draw_lines};

/// Spikes per example, sum |S|, and the share of neurons with an open gate (%), of every
/// population over the epochs.
///
/// # Errors
/// [`PlotError::Empty`] without an epoch, a population or a finite value, [`PlotError::Write`] if
/// the file cannot be written.
pub fn spikes_per_population(epochs: &[EpochReport], path: &Path) -> Result<(), PlotError> {
    let x = epoch_axis(epochs, path)?;
    let (spikes, legend) = population_lines(epochs, |population| population.spikes);
    let (shares, _) = population_lines(epochs, |population| population.active_share * 100.0);
    if legend.is_empty() {
        return Err(empty(path, "at least one population", "none"));
    }
    let spike_axis = count_axis(&spikes, path, "a finite number of spikes")?;
    let largest = values(&shares).filter(|&share| is_drawable(share)).fold(100.0, f64::max);
    let share_axis = Axis::spanning(0.0, largest * 1.03);
    paint(path, (1400, 640), |root| {
        let body = headed(root, "Spikes per population", "means over the training examples of each epoch")?;
        let body = with_legend(&body, &legend)?;
        let panels = body.split_evenly((1, 2));
        let figures = [
            ("Spikes", "spikes per example, sum |S|", spike_axis, spikes),
            ("Active neurons", "neurons with an open gate (%)", share_axis, shares),
        ];
        for (area, (heading, y_label, y, lines)) in panels.iter().zip(figures) {
            let mut chart =
                Panel { heading, x_label: "epoch", y_label, x: x.clone(), y, label_width: None }.draw(area)?;
            draw_lines(&mut chart, &lines)?;
        }
        Ok(())
    })
}
