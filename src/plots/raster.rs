use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, grouped, is_drawable};
use super::canvas::{Area, Drawn, paint};
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{LegendEntry, headed, with_legend};
use super::panel::{Chart, Panel};
use super::style::{self, BLUE, GREY, INK, SMALL, TEXT, VERMILION};

/// With more spikes than this the marks are small.
const DENSE: usize = 3000;

/// A band of a raster: one population.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RasterRow {
    /// Name of the population.
    pub population: String,
    /// Number of its neurons.
    pub neurons: usize,
}

/// One spike of a raster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RasterSpike {
    /// Index into the rows.
    pub row: usize,
    /// Index of the neuron in its population.
    pub neuron: usize,
    /// Number of the delivered event that caused it, as in `snn::trace::SpikeRecord::event`.
    pub time: f64,
    /// Number and sign of spikes emitted at once.
    pub value: i32,
}

/// Every spike of one example: time to the right, neurons upward in one band per population,
/// positive and negative spikes in two colours, the fainter the smaller |value| is within its
/// band. Band heights grow with the square root of the number of neurons.
///
/// # Errors
/// [`PlotError::Empty`] without a row, or if no spike has a finite time although there are some;
/// [`PlotError::Shape`] if a spike names a row or neuron that is not there; [`PlotError::Write`]
/// if the file cannot be written.
pub fn raster(rows: &[RasterRow], spikes: &[RasterSpike], title: &str, path: &Path) -> Result<(), PlotError> {
    raster_over("time (number of the delivered event)", rows, spikes, title, path)
}

/// As [`raster`], with another label of time.
///
/// # Errors
/// As [`raster`].
pub fn raster_over(
    x_label: &str,
    rows: &[RasterRow],
    spikes: &[RasterSpike],
    title: &str,
    path: &Path,
) -> Result<(), PlotError> {
    if rows.is_empty() {
        return Err(empty(path, "at least one population", "none"));
    }
    check(rows, spikes, path)?;
    let times = spikes.iter().map(|spike| spike.time);
    let x = match Axis::linear(times) {
        Some(axis) => axis,
        None if spikes.is_empty() => Axis::spanning(0.0, 1.0).without_ticks(),
        None => return Err(empty(path, "spikes with a finite time", "only times that are not finite")),
    };
    let sums = spikes.iter().fold((0u64, 0u64), |(positive, negative), spike| match spike.value {
        value if value > 0 => (positive + u64::from(value.unsigned_abs()), negative),
        value => (positive, negative + u64::from(value.unsigned_abs())),
    });
    let subtitle =
        format!("{} positive and {} negative spikes", grouped(&sums.0.to_string()), grouped(&sums.1.to_string()));
    let height = (400 + 110 * rows.len() as u32).clamp(700, 1600);
    let legend = [("positive", BLUE), ("negative", VERMILION)];
    let legend = legend.map(|(label, color)| LegendEntry { label: label.to_owned(), color });
    paint(path, (1300, height), |root| {
        let body = headed(root, title, &subtitle)?;
        let body = with_legend(&body, &legend)?;
        draw(&body, rows, spikes, x, x_label)
    })
}

fn check(rows: &[RasterRow], spikes: &[RasterSpike], path: &Path) -> Result<(), PlotError> {
    let wrong = |field: String, expected: String, found: usize| PlotError::Shape {
        path: path.to_owned(),
        field,
        expected,
        found: found.to_string(),
    };
    for (index, spike) in spikes.iter().enumerate() {
        let Some(row) = rows.get(spike.row) else {
            return Err(wrong(format!("row of spike {index}"), format!("below {}", rows.len()), spike.row));
        };
        if spike.neuron >= row.neurons {
            let limit = format!("below {} in population {}", row.neurons, row.population);
            return Err(wrong(format!("neuron of spike {index}"), limit, spike.neuron));
        }
    }
    Ok(())
}

/// Lower edge and height of every band on an axis from 0 to 1; the first band is the lowest.
fn bands(rows: &[RasterRow]) -> Vec<(f64, f64)> {
    let weights: Vec<f64> = rows.iter().map(|row| (row.neurons as f64).sqrt()).collect();
    let total: f64 = weights.iter().sum::<f64>().max(1.0);
    let least = 0.4 / rows.len() as f64;
    let mut lower = 0.0;
    let heights = weights.iter().map(|weight| least + 0.6 * weight / total);
    heights
        .map(|height| {
            lower += height;
            (lower - height, height)
        })
        .collect()
}

fn draw(area: &Area<'_>, rows: &[RasterRow], spikes: &[RasterSpike], x: Axis, x_label: &str) -> Drawn {
    let bands = bands(rows);
    let names: Vec<String> = rows.iter().map(|row| style::shorten(&row.population, 22)).collect();
    let mut widest = 0;
    for (name, row) in names.iter().zip(rows) {
        widest = widest.max(style::text_width(area, name, TEXT)?);
        widest = widest.max(style::text_width(area, &neurons(row), SMALL)?);
    }
    let (labels, plot) = area.split_horizontally(widest + 16);
    let y = Axis::spanning(0.0, bands.last().map_or(1.0, |(lower, height)| lower + height)).without_ticks();
    let panel = Panel { heading: "", x_label, y_label: "", x, y, label_width: None };
    let mut chart = panel.draw(&plot)?;
    draw_bands(&labels, &plot, &mut chart, rows, &names, &bands)?;
    let mut largest = vec![1u32; rows.len()];
    for spike in spikes {
        largest[spike.row] = largest[spike.row].max(spike.value.unsigned_abs());
    }
    let pixels = chart.plotting_area().get_y_axis_pixel_range();
    let pixels = f64::from(pixels.end - pixels.start);
    let (least, across) = if spikes.len() > DENSE { (3, 2) } else { (7, 3) };
    for spike in spikes.iter().filter(|spike| spike.value != 0 && is_drawable(spike.time)) {
        let (lower, height) = bands[spike.row];
        let pitch = height * 0.84 / rows[spike.row].neurons as f64;
        let middle = lower + height * 0.08 + pitch * (spike.neuron as f64 + 0.5);
        let color = if spike.value > 0 { BLUE } else { VERMILION };
        let opacity = 0.35 + 0.65 * f64::from(spike.value.unsigned_abs()) / f64::from(largest[spike.row]);
        let half = ((pitch * pixels * 0.4) as i32).clamp(least, 14);
        let mark = EmptyElement::at((spike.time, middle))
            + Rectangle::new([(-across, -half), (across, half)], color.mix(opacity).filled());
        chart.draw_series([mark])?;
    }
    Ok(())
}

fn neurons(row: &RasterRow) -> String {
    let plural = if row.neurons == 1 { "neuron" } else { "neurons" };
    format!("{} {plural}", grouped(&row.neurons.to_string()))
}

fn draw_bands(
    labels: &Area<'_>,
    plot: &Area<'_>,
    chart: &mut Chart<'_, '_>,
    rows: &[RasterRow],
    names: &[String],
    bands: &[(f64, f64)],
) -> Drawn {
    let range = chart.x_range();
    let offset = plot.get_base_pixel().1;
    for (index, ((row, name), &(lower, height))) in rows.iter().zip(names).zip(bands).enumerate() {
        if index % 2 == 1 {
            let corners = [(range.start, lower), (range.end, lower + height)];
            chart.draw_series([Rectangle::new(corners, BLACK.mix(0.035).filled())])?;
        }
        let middle = chart.plotting_area().map_coordinate(&(range.start, lower + height / 2.0)).1 - offset;
        let right = labels.dim_in_pixel().0 as i32 + 40;
        let named = style::text(TEXT, &INK, HPos::Right, VPos::Bottom);
        labels.draw(&Text::new(name.clone(), (right, middle), named))?;
        let counted = style::text(SMALL, &GREY, HPos::Right, VPos::Top);
        labels.draw(&Text::new(neurons(row), (right, middle + 4), counted))?;
    }
    Ok(())
}
