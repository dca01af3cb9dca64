//! One pair of axes with lines.

use plotters::coord::cartesian::Cartesian2d;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, is_drawable};
use super::canvas::{Area, DrawError, Drawn};
use super::style::{self, GREY, GRID, INK, SMALL, TEXT};

/// More points than this are drawn without markers.
const MOST_MARKERS: usize = 40;
/// More points than this are drawn without joins.
const MOST_JOINS: usize = 200;

/// Plotting area with its two axes.
pub(super) type Chart<'a, 'b> = ChartContext<'a, BitMapBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Points joined by straight lines; a point that cannot be drawn leaves a gap.
pub(super) struct Line {
    pub color: RGBColor,
    pub points: Vec<(f64, f64)>,
}

/// What one panel shows.
pub(super) struct Panel<'a> {
    pub heading: &'a str,
    pub x_label: &'a str,
    pub y_label: &'a str,
    pub x: Axis,
    pub y: Axis,
    /// Room for the tick labels on the left in drawn pixels; what they need when absent.
    pub label_width: Option<i32>,
}

impl Panel<'_> {
    /// Draws heading, grid and axes.
    pub fn draw<'a, 'b>(self, area: &'a Area<'b>) -> Result<Chart<'a, 'b>, DrawError> {
        if !self.heading.is_empty() {
            area.draw(&Text::new(self.heading.to_owned(), (0, 0), style::bold(TEXT, &INK, HPos::Left, VPos::Top)))?;
        }
        let widest = match self.label_width {
            Some(width) => width,
            None => widest_label(area, &self.y)?,
        };
        let mut chart = ChartBuilder::on(area)
            .margin_top(if self.heading.is_empty() { 16 } else { 56 })
            .margin_right(28)
            .margin_bottom(if self.x_label.is_empty() { 0 } else { 20 })
            .x_label_area_size(if self.x_label.is_empty() { 20 } else { 92 })
            .y_label_area_size(widest + 76)
            .build_cartesian_2d(self.x, self.y)?;
        let mut mesh = chart.configure_mesh();
        mesh.light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(2))
            .axis_style(GREY.stroke_width(2))
            .axis_desc_style(style::text(TEXT, &INK, HPos::Left, VPos::Top))
            .label_style(style::text(SMALL, &INK, HPos::Left, VPos::Top))
            .set_all_tick_mark_size(10)
            .x_desc(self.x_label)
            .y_desc(self.y_label);
        if self.x_label.is_empty() {
            mesh.x_label_formatter(&|_| String::new()).draw()?;
        } else {
            mesh.draw()?;
        }
        Ok(chart)
    }
}

/// Width of the widest tick label in drawn pixels.
pub(super) fn widest_label(area: &Area<'_>, axis: &Axis) -> Result<i32, DrawError> {
    let mut widest = 0;
    for label in axis.labels() {
        widest = widest.max(style::text_width(area, &label, SMALL)?);
    }
    Ok(widest)
}

/// Draws one unbroken line. Segments are joined by dots, since mitred joins would overshoot the
/// points; a dense line is thinner and needs none.
pub(super) fn draw_path(chart: &mut Chart<'_, '_>, points: &[(f64, f64)], style: ShapeStyle) -> Drawn {
    let segment = |style: ShapeStyle| move |pair: &[(f64, f64)]| PathElement::new(pair.to_vec(), style);
    if points.len() > MOST_JOINS {
        chart.draw_series(points.windows(2).map(segment(ShapeStyle { stroke_width: 3, ..style })))?;
    } else {
        chart.draw_series(points.windows(2).map(segment(style)))?;
        let dot = ShapeStyle { filled: true, ..style };
        chart.draw_series(points.iter().map(|&point| Circle::new(point, style.stroke_width / 2, dot)))?;
    }
    Ok(())
}

/// Draws lines over a panel, with a marker at each point where there are few. Earlier lines
/// are thicker, so that they show under later ones of the same value.
pub(super) fn draw_lines(chart: &mut Chart<'_, '_>, lines: &[Line]) -> Drawn {
    for (index, line) in lines.iter().enumerate() {
        let above = index as f64 / (lines.len() - 1).max(1) as f64;
        let (width, radius) = ((6.0 - above) as u32, (10.0 - 3.0 * above) as u32);
        let drawable = |point: &(f64, f64)| is_drawable(point.0) && is_drawable(point.1);
        for stretch in line.points.split(|point| !drawable(point)).filter(|stretch| !stretch.is_empty()) {
            let markers = if stretch.len() == 1 || line.points.len() <= MOST_MARKERS { stretch } else { &[] };
            draw_path(chart, stretch, line.color.stroke_width(width))?;
            chart.draw_series(markers.iter().map(|&point| Circle::new(point, radius, line.color.filled())))?;
        }
    }
    Ok(())
}
