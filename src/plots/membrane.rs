use std::path::Path;

use plotters::prelude::*;

use super::axis::{Axis, is_drawable};
use super::canvas::{Area, Drawn, paint};
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{LegendEntry, headed, with_legend};
use super::panel::{Panel, draw_path, widest_label};
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
/// in steps, since it changes with events only, up to the last event of all. Up to ten traces that have a finite point are shown.
///
/// # Errors
/// [`PlotError::Empty`] if no trace has a finite point, [`PlotError::Write`] if the file cannot be
/// written.
pub fn membrane(traces: &[MembraneTrace], path: &Path) -> Result<(), PlotError> {
    let finite = |trace: &&MembraneTrace| trace.points.iter().any(|&point| can_draw(point));
    let drawable: Vec<&MembraneTrace> = traces.iter().filter(finite).collect();
    let shown = &drawable[..drawable.len().min(MOST_TRACES)];
    let times: Vec<f64> = shown.iter().flat_map(|trace| drawable_points(trace)).map(|point| point.0).collect();
    let Some(x) = Axis::linear(times.iter().copied()) else {
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
        let mut common = Common { x, end: times.into_iter().fold(f64::NEG_INFINITY, f64::max), label_width: 0 };
        for trace in shown {
            common.label_width = common.label_width.max(widest_label(&body, &potential_axis(trace))?);
        }
        let labels = 92;
        let each = (body.dim_in_pixel().1 as i32 - labels) / shown.len() as i32;
        let mut rest = body;
        for (index, trace) in shown.iter().enumerate() {
            let last = index + 1 == shown.len();
            let (panel, below) = rest.split_vertically(if last { each + labels } else { each });
            draw(&panel, trace, &common, last)?;
            rest = below;
        }
        Ok(())
    })
}

fn can_draw((time, potential): (f64, f64)) -> bool {
    is_drawable(time) && is_drawable(potential)
}

fn drawable_points(trace: &MembraneTrace) -> Vec<(f64, f64)> {
    trace.points.iter().copied().filter(|&point| can_draw(point)).collect()
}

fn potential_axis(trace: &MembraneTrace) -> Axis {
    let potentials = drawable_points(trace).into_iter().map(|point| point.1);
    let y = Axis::linear(potentials.chain([trace.threshold, -trace.threshold]));
    y.unwrap_or_else(|| Axis::spanning(-1.0, 1.0))
}

/// What the panels of a figure have in common.
struct Common {
    x: Axis,
    end: f64,
    label_width: i32,
}

fn draw(area: &Area<'_>, trace: &MembraneTrace, common: &Common, last: bool) -> Drawn {
    let panel = Panel {
        heading: &trace.label,
        x_label: if last { "time (number of the delivered event)" } else { "" },
        y_label: "V (grid units)",
        x: common.x.clone(),
        y: potential_axis(trace),
        label_width: Some(common.label_width),
    };
    let mut chart = panel.draw(area)?;
    let range = chart.x_range();
    for threshold in [trace.threshold, -trace.threshold].into_iter().filter(|&threshold| is_drawable(threshold)) {
        let line = [(range.start, threshold), (range.end, threshold)];
        chart.draw_series(DashedLineSeries::new(line, 14, 10, VERMILION.stroke_width(3)))?;
    }
    let points = drawable_points(trace);
    let corners = points.windows(2).flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    let end = points.last().into_iter().flat_map(|&point| [point, (common.end.max(point.0), point.1)]);
    draw_path(&mut chart, &corners.chain(end).collect::<Vec<_>>(), BLUE.stroke_width(4))
}
