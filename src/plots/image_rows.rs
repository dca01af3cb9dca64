use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::paint;
use super::epochs::empty;
use super::error::PlotError;
use super::figure::headed;
use super::style::{self, GREY, INK, SMALL, TEXT};

/// A column of images that have something in common.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageColumn {
    /// What stands above it.
    pub heading: String,
    /// Values row by row of one channel; `None` leaves a gap.
    pub images: Vec<Option<Vec<f64>>>,
}

/// Most rows of a figure.
const MOST_ROWS: usize = 16;

/// Images in rows and columns: white for values of 0 and below, dark for the largest of its image.
///
/// # Errors
/// [`PlotError::Empty`] without an image, [`PlotError::Shape`] where one has another size, [`PlotError::Write`] if the
/// file cannot be written.
pub fn image_rows(
    columns: &[ImageColumn],
    [height, width]: [usize; 2],
    title: &str,
    subtitle: &str,
    path: &Path,
) -> Result<(), PlotError> {
    let rows = columns.iter().map(|column| column.images.len()).max().unwrap_or(0).min(MOST_ROWS);
    if rows == 0 || height == 0 || width == 0 {
        return Err(empty(path, "at least one image", "none"));
    }
    for (place, column) in columns.iter().enumerate() {
        if let Some(image) = column.images.iter().flatten().find(|image| image.len() != height * width) {
            return Err(PlotError::Shape {
                path: path.to_owned(),
                field: format!("image of column {place}"),
                expected: format!("{} values", height * width),
                found: image.len().to_string(),
            });
        }
    }
    let scale = (150 / height.max(width)).max(1) as i32;
    let pitch = [width as i32 * scale + 60, height as i32 * scale + 16];
    let size =
        [(pitch[0] * columns.len() as i32 + 120).max(1100) as u32, (pitch[1] * rows as i32 + 250).max(500) as u32];
    paint(path, (size[0] / 2, size[1] / 2), |root| {
        let body = headed(root, title, subtitle)?;
        for (place, column) in columns.iter().enumerate() {
            let left = place as i32 * pitch[0];
            let label = style::text(SMALL, &INK, HPos::Left, VPos::Top);
            body.draw(&Text::new(style::shorten(&column.heading, 16), (left, 0), label))?;
            for (row, image) in column.images.iter().take(rows).enumerate() {
                let Some(image) = image else { continue };
                let top = TEXT as i32 + 10 + row as i32 * pitch[1];
                let largest = image.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
                for (pixel, &value) in image.iter().enumerate() {
                    let (x, y) = (left + (pixel % width) as i32 * scale, top + (pixel / width) as i32 * scale);
                    let color = style::sequential((value / largest).clamp(0.0, 1.0));
                    body.draw(&Rectangle::new([(x, y), (x + scale, y + scale)], color.filled()))?;
                }
                let corner = (left + width as i32 * scale, top + height as i32 * scale);
                body.draw(&Rectangle::new([(left, top), corner], GREY.stroke_width(1)))?;
            }
        }
        Ok(())
    })
}
