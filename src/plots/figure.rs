//! Title, legend and colour bar: what stands around the panels of a figure.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Area, DrawError, Drawn};
use super::style::{self, GREY, INK, SMALL, TEXT, TITLE};

const MARGIN: i32 = 40;
const LINE: i32 = 44;
const LONGEST_NAME: usize = 26;
const MOST_ENTRIES: usize = 24;

/// One line of a legend.
pub(super) struct LegendEntry {
    pub label: String,
    pub color: RGBColor,
}

/// Writes a title and a line below it; returns what is left inside the margins.
pub(super) fn headed<'a>(root: &Area<'a>, title: &str, subtitle: &str) -> Result<Area<'a>, DrawError> {
    let inner = root.margin(MARGIN - 8, MARGIN, MARGIN, MARGIN);
    inner.draw(&Text::new(style::shorten(title, 90), (0, 0), style::bold(TITLE, &INK, HPos::Left, VPos::Top)))?;
    let below = TITLE as i32 + 16;
    inner.draw(&Text::new(
        style::shorten(subtitle, 140),
        (0, below),
        style::text(TEXT, &GREY, HPos::Left, VPos::Top),
    ))?;
    Ok(inner.split_vertically(below + TEXT as i32 + 28).1)
}

/// Room that a legend needs, in drawn pixels.
pub(super) fn legend_width(area: &Area<'_>, entries: &[LegendEntry]) -> Result<i32, DrawError> {
    let mut widest = 0;
    for entry in entries {
        widest = widest.max(style::text_width(area, &style::shorten(&entry.label, LONGEST_NAME), SMALL)?);
    }
    Ok(widest.max(120) + 100)
}

/// Draws a legend in a column on the right; returns what is left beside it.
pub(super) fn with_legend<'a>(area: &Area<'a>, entries: &[LegendEntry]) -> Result<Area<'a>, DrawError> {
    let width = legend_width(area, entries)?;
    with_legend_in(area, entries, width)
}

/// The same in a column of a given width, to line up the legends of several panels.
pub(super) fn with_legend_in<'a>(
    area: &Area<'a>,
    entries: &[LegendEntry],
    column_width: i32,
) -> Result<Area<'a>, DrawError> {
    let hidden = entries.len().saturating_sub(MOST_ENTRIES);
    let shown = &entries[..entries.len() - hidden];
    let more = (hidden > 0).then(|| format!("and {hidden} more"));
    let labels = shown.iter().map(|entry| style::shorten(&entry.label, LONGEST_NAME));
    let (rest, column) = area.split_horizontally(area.dim_in_pixel().0 as i32 - column_width);
    let plain = style::text(SMALL, &INK, HPos::Left, VPos::Center);
    let mut y = LINE / 2 + 6;
    for (entry, label) in shown.iter().zip(labels) {
        column.draw(&Rectangle::new([(30, y - 4), (74, y + 4)], entry.color.filled()))?;
        column.draw(&Text::new(label, (88, y), plain.clone()))?;
        y += LINE;
    }
    if let Some(more) = more {
        column.draw(&Text::new(more, (88, y), style::text(SMALL, &GREY, HPos::Left, VPos::Center)))?;
    }
    Ok(rest)
}

/// A vertical colour bar with ticks; `ticks` are (height from 0 to 1, label).
pub(super) struct ColorBar<'a> {
    pub color: &'a dyn Fn(f64) -> RGBColor,
    pub ticks: &'a [(f64, String)],
    pub label: &'a str,
}

impl ColorBar<'_> {
    /// Room that the bar needs, in drawn pixels.
    pub const WIDTH: i32 = 180;

    /// Draws the bar between the heights `top` and `bottom` with its left edge at `left`.
    pub fn draw(&self, area: &Area<'_>, left: i32, top: i32, bottom: i32) -> Drawn {
        let right = left + 36;
        let height = f64::from(bottom - top).max(1.0);
        for y in top..bottom {
            let color = (self.color)(f64::from(bottom - y) / height);
            area.draw(&Rectangle::new([(left, y), (right, y + 1)], color.filled()))?;
        }
        area.draw(&Rectangle::new([(left, top), (right, bottom)], GREY.stroke_width(2)))?;
        let plain = style::text(SMALL, &INK, HPos::Left, VPos::Center);
        for (share, label) in self.ticks {
            let y = bottom - (share * height) as i32;
            area.draw(&PathElement::new(vec![(right, y), (right + 10, y)], GREY.stroke_width(2)))?;
            area.draw(&Text::new(label.clone(), (right + 18, y), plain.clone()))?;
        }
        let along = style::text(SMALL, &INK, HPos::Center, VPos::Bottom).transform(FontTransform::Rotate270);
        area.draw(&Text::new(self.label.to_owned(), (left + Self::WIDTH, (top + bottom) / 2), along))
    }
}
