//! A bitmap that is drawn at twice its size, averaged down and written atomically as PNG.

use std::io::Cursor;
use std::path::Path;
use std::sync::OnceLock;

use image::{ImageFormat, RgbImage, imageops};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use super::error::PlotError;

/// Drawn pixels per pixel of the image, along each side; the average smooths every edge.
const SUPERSAMPLING: u32 = 2;

/// A rectangle to draw in; coordinates are drawn pixels from its upper left corner.
pub(super) type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
/// Error of the drawing library.
pub(super) type DrawError = DrawingAreaErrorKind<<BitMapBackend<'static> as DrawingBackend>::ErrorType>;
/// Result of a drawing step.
pub(super) type Drawn = Result<(), DrawError>;

/// Draws a figure of `width` times `height` image pixels and writes it to `path`.
pub(super) fn paint(
    path: &Path,
    (width, height): (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<(), PlotError> {
    let failed = |reason: String| PlotError::Draw { path: path.to_owned(), reason };
    register_fonts().map_err(|reason| failed(reason.to_owned()))?;
    let mut drawn = RgbImage::new(width * SUPERSAMPLING, height * SUPERSAMPLING);
    let size = drawn.dimensions();
    {
        let root = BitMapBackend::with_buffer(&mut drawn, size).into_drawing_area();
        let steps = root.fill(&WHITE).and_then(|()| draw(&root)).and_then(|()| root.present());
        steps.map_err(|error| failed(error.to_string()))?;
    }
    let mut bytes = Cursor::new(Vec::new());
    let image = imageops::thumbnail(&drawn, width, height);
    image.write_to(&mut bytes, ImageFormat::Png).map_err(|error| failed(error.to_string()))?;
    Ok(snn::model::write_atomically(path, bytes.get_ref())?)
}

fn register_fonts() -> Result<(), &'static str> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).is_ok()
            && register_font("sans-serif", FontStyle::Bold, dejavu::sans::bold()).is_ok()
    });
    if *registered { Ok(()) } else { Err("the embedded font cannot be read") }
}
