use std::path::Path;

use plotters::prelude::*;

use super::axis::{Axis, is_drawable};
use super::canvas::{Area, Drawn, paint};
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{LegendEntry, headed, with_legend};
use super::panel::{Panel, draw_path};
use super::style::{BLUE, VERMILION};

/// More traces than this are counted in the subtitle and not drawn.
const MOST_TRACES: usize = 10;

/// Membrane potential of one neuron.
#[derive(Clone, Debug, PartialEq)]
pub struct MembraneTrace {
    /// Name of the neuron.
    pub label: String,
    /// Threshold in grid units; a dashed line at plus and minus this value.
    pub threshold: f64,
    /// Number of the delivered event and potential after it, in grid units, in order of time.
    pub points: Vec<(f64, f64)>,
}

/// Membrane potentials of some neurons, one panel each over a common time; the potential is drawn
/// in steps, since it changes with events only. Up to ten traces that have a finite point are shown.
///
/// # Errors
/// [`PlotError::Empty`] if no trace has a finite point, [`PlotError::Write`] if the file cannot be
/// written.
pub fn membrane(traces: &[MembraneTrace], path: &Path) -> Result<(), PlotError> {
    let finite = |trace: &&MembraneTrace| trace.points.iter().any(|&point| can_draw(point));
    let drawable: Vec<&MembraneTrace> = traces.iter().filter(finite).collect();
    let shown = &drawable[..drawable.len().min(MOST_TRACES)];
    let times = shown.iter().flat_map(|trace| trace.points.iter().filter(|&&point| can_draw(point)));
    let Some(x) = Axis::linear(times.map(|point| point.0)) else {
        return Err(empty(path, "a trace with a finite point", &format!("{} traces without one", traces.len())));
    };
    let subtitle = match traces.len() {
        all if all > shown.len() => format!("{} of {all} neurons; potentials after each event", shown.len()),
        _ => "potentials after each event".to_owned(),
    };
    let entry = |label: &str, color| LegendEntry { label: label.to_owned(), color };
    let legend = [entry("potential", BLUE), entry("threshold ±Θ", VERMILION)];
    let height = 250 + 190 * shown.len().max(2) as u32;
    paint(path, (1300, height), |root| {
        let body = headed(root, "Membrane potentials", &subtitle)?;
        let body = with_legend(&body, &legend)?;
        let labels = 92;
        let each = (body.dim_in_pixel().1 as i32 - labels) / shown.len() as i32;
        let mut rest = body;
        for (index, trace) in shown.iter().enumerate() {
            let last = index + 1 == shown.len();
            let (panel, below) = rest.split_vertically(if last { each + labels } else { each });
            draw(&panel, trace, &x, last)?;
            rest = below;
        }
        Ok(())
    })
}

fn can_draw((time, potential): (f64, f64)) -> bool {
    is_drawable(time) && is_drawable(potential)
}

fn draw(area: &Area<'_>, trace: &MembraneTrace, x: &Axis, last: bool) -> Drawn {
    let points: Vec<(f64, f64)> = trace.points.iter().copied().filter(|&point| can_draw(point)).collect();
    let thresholds = [trace.threshold, -trace.threshold];
    let y = Axis::linear(points.iter().map(|point| point.1).chain(thresholds));
    let panel = Panel {
        heading: &trace.label,
        x_label: if last { "time (number of the delivered event)" } else { "" },
        y_label: "V (grid units)",
        x: x.clone(),
        y: y.unwrap_or_else(|| Axis::spanning(-1.0, 1.0)),
    };
    let mut chart = panel.draw(area)?;
    let range = chart.x_range();
    for threshold in thresholds.into_iter().filter(|&threshold| is_drawable(threshold)) {
        let line = [(range.start, threshold), (range.end, threshold)];
        chart.draw_series(DashedLineSeries::new(line, 14, 10, VERMILION.stroke_width(3)))?;
    }
    let corners = points.windows(2).flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    let steps: Vec<(f64, f64)> = corners.chain(points.last().copied()).collect();
    if steps.len() == 1 {
        chart.draw_series([Circle::new(steps[0], 8, BLUE.filled())])?;
    }
    draw_path(&mut chart, &steps, BLUE.stroke_width(4))
}
