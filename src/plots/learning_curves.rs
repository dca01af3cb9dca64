use std::path::Path;

use plotters::prelude::*;
use spikegrad::{EpochReport, Objective};

use super::axis::{Axis, is_drawable};
use super::canvas::paint;
use super::epochs::{curve, empty, epoch_axis, values};
use super::error::PlotError;
use super::figure::{LegendEntry, headed, with_legend};
use super::panel::{Line, Panel, draw_lines};
use super::style::{BLUE, GREY, VERMILION};

/// Loss (mean cross-entropy in nats, or mean distance of counts) and accuracy (%) of training and validation over the
/// epochs; a dashed line marks the best epoch.
///
/// # Errors
/// [`PlotError::Empty`] without an epoch or without a finite value, [`PlotError::Write`] if the
/// file cannot be written.
pub fn learning_curves(epochs: &[EpochReport], objective: Objective, path: &Path) -> Result<(), PlotError> {
    let x = epoch_axis(epochs, path)?;
    let pair = |train: Vec<(f64, f64)>, validation: Vec<(f64, f64)>| {
        [Line { color: BLUE, points: train }, Line { color: VERMILION, points: validation }]
    };
    let losses = pair(curve(epochs, |report| report.train.loss), curve(epochs, |report| report.validation.loss));
    let accuracies = pair(
        curve(epochs, |report| report.train.accuracy * 100.0),
        curve(epochs, |report| report.validation.accuracy * 100.0),
    );
    if !values(&losses).chain(values(&accuracies)).any(is_drawable) {
        return Err(empty(path, "a finite loss or accuracy", "only values that are not finite"));
    }
    let nothing = || Axis::spanning(0.0, 1.0);
    let loss_axis = Axis::counts(values(&losses)).unwrap_or_else(nothing);
    let accuracy_axis = Axis::linear(values(&accuracies)).unwrap_or_else(nothing);
    let best = epochs.iter().rev().find(|report| report.is_best);
    let subtitle = best.map_or_else(
        || format!("{} epochs", epochs.len()),
        |best| match objective {
            Objective::Class => {
                format!("best validation accuracy {:.2} % in epoch {}", best.validation.accuracy * 100.0, best.epoch)
            }
            Objective::Counts { .. } => {
                format!("least validation loss {:.2} in epoch {}", best.validation.loss, best.epoch)
            }
        },
    );
    let (loss_label, accuracy_label) = match objective {
        Objective::Class => ("cross-entropy (nats per example)", "accuracy (%)"),
        Objective::Counts { .. } => ("distance of counts (per example)", "inferred right (%)"),
    };
    let entry = |label: &str, color| LegendEntry { label: label.to_owned(), color };
    let mut legend = vec![entry("training", BLUE), entry("validation", VERMILION)];
    legend.extend(best.map(|_| entry("best epoch", GREY)));
    paint(path, (1400, 640), |root| {
        let body = headed(root, "Learning curves", &subtitle)?;
        let body = with_legend(&body, &legend)?;
        let panels = body.split_evenly((1, 2));
        let figures =
            [("Loss", loss_label, loss_axis, losses), ("Accuracy", accuracy_label, accuracy_axis, accuracies)];
        for (area, (heading, y_label, y, lines)) in panels.iter().zip(figures) {
            let mut chart =
                Panel { heading, x_label: "epoch", y_label, x: x.clone(), y, label_width: None }.draw(area)?;
            if let Some(best) = best {
                let range = chart.y_range();
                let line = [range.start, range.end].map(|height| (f64::from(best.epoch), height));
                chart.draw_series(DashedLineSeries::new(line, 14, 10, GREY.stroke_width(3)))?;
            }
            draw_lines(&mut chart, &lines)?;
        }
        Ok(())
    })
}
