//! Colours and text of all plots.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, DrawError};

pub(super) const TITLE: u32 = 42;
pub(super) const TEXT: u32 = 28;
pub(super) const SMALL: u32 = 24;
pub(super) const INK: RGBColor = RGBColor(34, 34, 34);
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
pub(super) const GRID: RGBColor = RGBColor(228, 228, 228);
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);

/// The palette of Okabe and Ito without its yellow, which is too light for lines on white.
const OKABE_ITO: [RGBColor; 7] =
    [BLUE, VERMILION, GREEN, RGBColor(204, 121, 167), RGBColor(86, 180, 233), RGBColor(230, 159, 0), INK];
/// Stops of viridis below its lightest part.
const VIRIDIS: [RGBColor; 6] = [
    RGBColor(68, 1, 84),
    RGBColor(65, 68, 135),
    RGBColor(42, 120, 142),
    RGBColor(34, 168, 132),
    RGBColor(122, 209, 81),
    RGBColor(200, 214, 40),
];
const SEQUENTIAL: [RGBColor; 5] =
    [WHITE, RGBColor(198, 219, 239), RGBColor(107, 174, 214), RGBColor(33, 113, 181), RGBColor(8, 48, 107)];
const DIVERGING: [RGBColor; 5] = [
    RGBColor(5, 72, 135),
    RGBColor(103, 169, 207),
    RGBColor(247, 247, 247),
    RGBColor(239, 138, 98),
    RGBColor(165, 15, 40),
];

/// Colour of series `index` of `count`: distinct hues for few, an ordered scale for many.
pub(super) fn series_color(index: usize, count: usize) -> RGBColor {
    if count <= OKABE_ITO.len() {
        OKABE_ITO[index % OKABE_ITO.len()]
    } else {
        interpolate(&VIRIDIS, index as f64 / (count - 1) as f64)
    }
}

/// White to dark blue for a share of 0 to 1.
pub(super) fn sequential(share: f64) -> RGBColor {
    interpolate(&SEQUENTIAL, share)
}

/// Blue over white to red for a value of -1 to 1.
pub(super) fn diverging(value: f64) -> RGBColor {
    interpolate(&DIVERGING, (value + 1.0) / 2.0)
}

fn interpolate(stops: &[RGBColor], position: f64) -> RGBColor {
    let last = stops.len() - 1;
    let place = if position.is_finite() { position.clamp(0.0, 1.0) } else { 0.0 } * last as f64;
    let lower = (place as usize).min(last);
    let (from, to) = (stops[lower], stops[(lower + 1).min(last)]);
    let mix =
        |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * (place - lower as f64)).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Text of a size in drawn pixels, anchored as said.
pub(super) fn text(size: u32, color: &RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let font = FontDesc::new(FontFamily::SansSerif, f64::from(size), FontStyle::Normal);
    let mut style = TextStyle::from(font);
    style.color = color.to_backend_color();
    style.pos = Pos::new(horizontal, vertical);
    style
}

/// The same in bold.
pub(super) fn bold(size: u32, color: &RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let mut style = text(size, color, horizontal, vertical);
    style.font = FontDesc::new(FontFamily::SansSerif, f64::from(size), FontStyle::Bold);
    style
}

/// Width of a text in drawn pixels.
pub(super) fn text_width(area: &Area<'_>, content: &str, size: u32) -> Result<i32, DrawError> {
    let style = text(size, &INK, HPos::Left, VPos::Top);
    Ok(area.estimate_text_size(content, &style)?.0 as i32)
}

/// At most `longest` characters of a name; an ellipsis stands for what is cut from its middle.
pub(super) fn shorten(name: &str, longest: usize) -> String {
    if name.chars().count() <= longest {
        return name.to_owned();
    }
    let characters: Vec<char> = name.chars().collect();
    let end = longest / 3;
    let (start, end) = (&characters[..longest.saturating_sub(end + 1)], &characters[characters.len() - end..]);
    start.iter().chain(&['…']).chain(end).collect()
}
