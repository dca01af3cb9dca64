use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{Area, Drawn, paint};
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{ColorBar, headed};
use super::style::{self, GREY, SMALL};

/// More tiles (kernels times channels) than this are counted in the subtitle and not drawn.
const MOST_TILES: usize = 400;
const GAP: i32 = 14;
/// Room for the tiles in drawn pixels.
const MOST_WIDTH: i32 = 2200;
const MOST_HEIGHT: i32 = 1800;
/// Drawn pixels along the side of one weight.
const LARGEST_SCALE: i32 = 56;

/// Kernels as images, weights in grid units: one tile per kernel and channel, the channels of a kernel side by side. Each
/// kernel holds its weights channel by channel, row by row: `channels * height * width` values.
/// All share one colour scale, symmetric about zero; values that are not finite are grey.
///
/// # Errors
/// [`PlotError::Empty`] without a kernel, a weight or a finite value, [`PlotError::Shape`] if a
/// kernel has another length or a tile more than 256 rows or columns, [`PlotError::Write`] if the
/// file cannot be written.
pub fn kernels(
    kernels: &[Vec<f32>],
    height: usize,
    width: usize,
    channels: usize,
    path: &Path,
) -> Result<(), PlotError> {
    let tile = Tile { height, width, channels };
    tile.check(kernels, path)?;
    let finite = kernels.iter().flatten().filter(|weight| weight.is_finite());
    let Some(largest) = finite.map(|weight| f64::from(weight.abs())).reduce(f64::max) else {
        return Err(empty(path, "a finite weight", "only values that are not finite"));
    };
    let largest = if largest > 0.0 { largest } else { 1.0 };
    let shown = &kernels[..kernels.len().min((MOST_TILES / channels).max(1))];
    let plural = |number, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let mut subtitle =
        format!("{} of {height}×{width}, {}", plural(kernels.len(), "kernel"), plural(channels, "channel"));
    if shown.len() < kernels.len() {
        subtitle += &format!("; the first {} are shown", shown.len());
    }
    let grid = Grid::fitting(shown.len(), &tile);
    let size = grid.image_size(&tile);
    paint(path, size, |root| {
        let body = headed(root, "Kernels of the first population", &subtitle)?;
        grid.draw(&body, shown, &tile, largest)?;
        let ticks: Vec<(f64, String)> = Axis::spanning(-largest, largest).marks().collect();
        let color = |height: f64| style::diverging(height * 2.0 - 1.0);
        let bar = ColorBar { color: &color, ticks: &ticks, label: "weight (grid units)" };
        let bottom = body.dim_in_pixel().1 as i32 - 8;
        bar.draw(&body, grid.columns as i32 * grid.column_pitch(&tile) + 40, SMALL as i32 + 2, bottom.min(900))
    })
}

struct Tile {
    height: usize,
    width: usize,
    channels: usize,
}

impl Tile {
    fn check(&self, kernels: &[Vec<f32>], path: &Path) -> Result<(), PlotError> {
        let wrong = |field: String, expected: String, found: String| PlotError::Shape {
            path: path.to_owned(),
            field,
            expected,
            found,
        };
        let Self { height, width, channels } = *self;
        if kernels.is_empty() || height == 0 || width == 0 || channels == 0 {
            let found = format!("{} kernels of {height}×{width}, {channels} channels", kernels.len());
            return Err(empty(path, "at least one kernel with at least one weight", &found));
        }
        if height > 256 || width > 256 || channels > MOST_TILES {
            let limit = format!("at most 256×256 and {MOST_TILES} channels");
            return Err(wrong("the kernel size".to_owned(), limit, format!("{height}×{width}, {channels} channels")));
        }
        let weights = height * width * channels;
        match kernels.iter().enumerate().find(|(_, kernel)| kernel.len() != weights) {
            Some((index, kernel)) => {
                Err(wrong(format!("kernel {index}"), format!("{weights} weights"), kernel.len().to_string()))
            }
            None => Ok(()),
        }
    }
}

/// Kernels in rows and columns, with square pixels of `scale` drawn pixels.
struct Grid {
    columns: usize,
    rows: usize,
    scale: i32,
}

impl Grid {
    /// The largest scale at which the kernels fit the figure.
    fn fitting(kernels: usize, tile: &Tile) -> Self {
        let at_scale = |scale: i32| {
            let mut grid = Self { columns: 1, rows: kernels, scale };
            let available = (MOST_WIDTH / grid.column_pitch(tile)).max(1) as usize;
            let pitch_ratio = f64::from(grid.row_pitch(tile)) / f64::from(grid.column_pitch(tile));
            let balanced = (kernels as f64 * pitch_ratio * 1.6).sqrt().ceil() as usize;
            grid.columns = balanced.clamp(1, kernels).min(available);
            grid.rows = kernels.div_ceil(grid.columns);
            grid
        };
        let fits = |grid: &Self| {
            grid.columns as i32 * grid.column_pitch(tile) <= MOST_WIDTH
                && grid.rows as i32 * grid.row_pitch(tile) <= MOST_HEIGHT
        };
        (2..=LARGEST_SCALE).rev().map(at_scale).find(fits).unwrap_or_else(|| at_scale(1))
    }

    /// Width and height of the figure in image pixels.
    fn image_size(&self, tile: &Tile) -> (u32, u32) {
        let width = self.columns as i32 * self.column_pitch(tile) + ColorBar::WIDTH + 140;
        let height = self.rows as i32 * self.row_pitch(tile) + 230;
        ((width as u32 / 2).max(700), (height as u32 / 2).max(420))
    }

    fn column_pitch(&self, tile: &Tile) -> i32 {
        (tile.width as i32 * self.scale + 4) * tile.channels as i32 + GAP * 2
    }

    fn row_pitch(&self, tile: &Tile) -> i32 {
        tile.height as i32 * self.scale + GAP * 2 + SMALL as i32
    }

    fn draw(&self, area: &Area<'_>, kernels: &[Vec<f32>], tile: &Tile, largest: f64) -> Drawn {
        let (wide, high) = (tile.width as i32 * self.scale, tile.height as i32 * self.scale);
        for (index, kernel) in kernels.iter().enumerate() {
            let left = (index % self.columns) as i32 * self.column_pitch(tile);
            let top = (index / self.columns) as i32 * self.row_pitch(tile);
            let label = style::text(SMALL - 4, &GREY, HPos::Left, VPos::Top);
            area.draw(&Text::new(index.to_string(), (left, top), label))?;
            let top = top + SMALL as i32 + 2;
            for (place, weight) in kernel.iter().enumerate() {
                let (channel, pixel) = (place / (tile.height * tile.width), place % (tile.height * tile.width));
                let x = left + channel as i32 * (wide + 4) + (pixel % tile.width) as i32 * self.scale;
                let y = top + (pixel / tile.width) as i32 * self.scale;
                let color = match f64::from(*weight) / largest {
                    value if value.is_finite() => style::diverging(value),
                    _ => RGBColor(150, 150, 150),
                };
                area.draw(&Rectangle::new([(x, y), (x + self.scale, y + self.scale)], color.filled()))?;
            }
            for channel in 0..tile.channels as i32 {
                let x = left + channel * (wide + 4);
                area.draw(&Rectangle::new([(x, top), (x + wide, top + high)], GREY.stroke_width(1)))?;
            }
        }
        Ok(())
    }
}
