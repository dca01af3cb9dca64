use std::path::Path;

use compiler::cost::CostReport;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::is_drawable;
use super::canvas::{Area, Drawn, paint};
use super::epochs::empty;
use super::error::PlotError;
use super::figure::headed;
use super::quantity::energy;
use super::style::{self, BLUE, GREY, GRID, INK, SMALL, TEXT, VERMILION};

const ROW: u32 = 58;

/// Energy of one example by component, beside that of the same arrays with lossless converters.
///
/// # Errors
/// [`PlotError::Empty`] if no component takes energy, [`PlotError::Write`] if the file cannot be
/// written.
pub fn cost_breakdown(report: &CostReport, path: &Path) -> Result<(), PlotError> {
    let matched = &report.comparison.lossless_converters;
    let pairs = report.energy_pj.entries().zip(matched.energy.values());
    let rows: Vec<(&str, [f64; 2])> = pairs
        .map(|((name, own), other)| (name, [own, other]))
        .filter(|(_, values)| values.iter().all(|&value| is_drawable(value)) && values.iter().any(|&value| value > 0.0))
        .collect();
    if rows.is_empty() {
        return Err(empty(path, "a component that takes energy", "none"));
    }
    let subtitle = format!(
        "one example on {}: {}; lossless {}-bit converters: {}",
        report.hardware,
        energy(report.energy_pj.total()),
        matched.bits,
        energy(matched.energy_pj)
    );
    paint(path, (1200, 130 + ROW * rows.len() as u32), |root| {
        let body = headed(root, "Energy by component", &subtitle)?;
        bars(&body, &rows, matched.bits)
    })
}

fn bars(area: &Area<'_>, rows: &[(&str, [f64; 2])], bits: u32) -> Drawn {
    let legend = [(VERMILION, format!("lossless {bits}-bit converters")), (BLUE, "this chip".to_owned())];
    let middle = |horizontal| style::text(SMALL, &INK, horizontal, VPos::Center);
    let mut right = area.dim_in_pixel().0 as i32;
    for (color, label) in legend {
        right -= style::text_width(area, &label, SMALL)?;
        area.draw(&Text::new(label, (right, 14), middle(HPos::Left)))?;
        area.draw(&Rectangle::new([(right - 44, 4), (right - 12, 24)], color.filled()))?;
        right -= 90;
    }
    let mut widest = 0;
    for (name, _) in rows {
        widest = widest.max(style::text_width(area, name, TEXT)?);
    }
    let (left, top, height) = (widest + 30, 52, 2 * ROW as i32);
    let length = area.dim_in_pixel().0 as i32 - left - 200;
    let largest = rows.iter().flat_map(|(_, values)| values).copied().fold(0.0, f64::max);
    for (index, (name, values)) in rows.iter().enumerate() {
        let y = top + index as i32 * height;
        let label = style::text(TEXT, &INK, HPos::Right, VPos::Center);
        area.draw(&Text::new((*name).to_owned(), (left - 16, y + height / 2), label))?;
        area.draw(&PathElement::new(
            vec![(left, y + height - 1), (left + length, y + height - 1)],
            GRID.stroke_width(2),
        ))?;
        for (bar, (&value, color)) in values.iter().zip([BLUE, VERMILION]).enumerate() {
            let y = y + 12 + bar as i32 * (height / 2 - 8);
            let end = left + (value / largest * f64::from(length)).round() as i32;
            area.draw(&Rectangle::new([(left, y), (end.max(left + 2), y + height / 2 - 14)], color.filled()))?;
            area.draw(&Text::new(energy(value), (end + 14, y + height / 4 - 7), middle(HPos::Left)))?;
        }
    }
    let bottom = top + rows.len() as i32 * height;
    area.draw(&PathElement::new(vec![(left, top), (left, bottom)], GREY.stroke_width(3)))
}
