use std::collections::BTreeMap;
use std::path::Path;

use compiler::program::{ArrayPlacement, Layout, ProjectionKind};
use plotters::prelude::*;

use super::axis::grouped;
use super::canvas::{Area, DrawError, Drawn, paint};
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{LegendEntry, headed, with_legend};
use super::style::{self, GREY};

/// Most arrays that are drawn.
pub const LARGEST_ARRAY_COUNT: usize = 250_000;

const UNUSED: RGBColor = RGBColor(238, 238, 238);

/// The arrays of a chip, tile by tile: the colour says whose weights an array holds, the coloured
/// part of its square which share of rows (down) and columns (right) is in use.
///
/// # Errors
/// [`PlotError::Empty`] without an array, [`PlotError::Shape`] with more than
/// [`LARGEST_ARRAY_COUNT`] or with an array of a projection that is not there, [`PlotError::Write`]
/// if the file cannot be written.
pub fn floor_plan(layout: &Layout, path: &Path) -> Result<(), PlotError> {
    let wrong = |field: &str, expected: String, found: usize| PlotError::Shape {
        path: path.to_owned(),
        field: field.to_owned(),
        expected,
        found: found.to_string(),
    };
    if layout.arrays.is_empty() {
        return Err(empty(path, "at least one array", "none"));
    }
    if layout.arrays.len() > LARGEST_ARRAY_COUNT {
        return Err(wrong("the floor plan", format!("at most {LARGEST_ARRAY_COUNT} arrays"), layout.arrays.len()));
    }
    if let Some(array) = layout.arrays.iter().find(|array| array.projection >= layout.projections.len()) {
        let expected = format!("a projection below {}", layout.projections.len());
        return Err(wrong("an array of the floor plan", expected, array.projection));
    }
    let mut tiles: BTreeMap<usize, Vec<&ArrayPlacement>> = BTreeMap::new();
    for array in &layout.arrays {
        tiles.entry(array.tile).or_default().push(array);
    }
    let chip = &layout.hardware.array;
    let cells = (chip.rows * chip.columns).max(1) as f64 * layout.arrays.len() as f64;
    let used: f64 = layout.arrays.iter().map(|array| (array.rows * array.columns) as f64).sum();
    let subtitle = format!(
        "{} arrays of {} x {} in {} tiles on {}, {:.1} % of the cells in use",
        grouped(&layout.arrays.len().to_string()),
        chip.rows,
        chip.columns,
        grouped(&tiles.len().to_string()),
        layout.hardware.name,
        used / cells * 100.0
    );
    let on_crossbars = layout.projections.iter().enumerate();
    let on_crossbars: Vec<usize> = on_crossbars
        .filter(|(_, projection)| matches!(projection.kind, ProjectionKind::Crossbar(_)))
        .map(|(index, _)| index)
        .collect();
    let color = |projection: usize| {
        let place = on_crossbars.iter().position(|&index| index == projection).unwrap_or(0);
        style::series_color(place, on_crossbars.len().max(1))
    };
    let legend: Vec<LegendEntry> = on_crossbars
        .iter()
        .map(|&index| LegendEntry { label: layout.projections[index].name.clone(), color: color(index) })
        .collect();
    paint(path, (1200, 900), |root| {
        let body = headed(root, "Floor plan", &subtitle)?;
        let body = with_legend(&body, &legend)?;
        Plan { tiles: &tiles.into_values().collect::<Vec<_>>(), layout, color: &color }.draw(&body)
    })
}

struct Plan<'a> {
    tiles: &'a [Vec<&'a ArrayPlacement>],
    layout: &'a Layout,
    color: &'a dyn Fn(usize) -> RGBColor,
}

impl Plan<'_> {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let (width, height) = area.dim_in_pixel();
        let (columns, side) = largest_squares(self.tiles.len(), width, height);
        let most = self.tiles.iter().map(Vec::len).max().unwrap_or(1);
        let across = (most as f64).sqrt().ceil().max(1.0) as usize;
        let gap = if side >= 24.0 { (side * 0.06).max(2.0) } else { 0.0 };
        for (index, tile) in self.tiles.iter().enumerate() {
            let (x, y) = ((index % columns) as f64 * side, (index / columns) as f64 * side);
            let inner = side - gap;
            let cell = inner / across as f64;
            for (place, array) in tile.iter().enumerate() {
                let corner = (x + (place % across) as f64 * cell, y + (place / across) as f64 * cell);
                self.array(area, array, corner, cell)?;
            }
            if gap > 0.0 {
                let outline = Rectangle::new([point(x, y), point(x + inner, y + inner)], GREY.stroke_width(2));
                area.draw(&outline)?;
            }
        }
        Ok(())
    }

    fn array(&self, area: &Area<'_>, array: &ArrayPlacement, (x, y): (f64, f64), cell: f64) -> Result<(), DrawError> {
        let margin = if cell >= 10.0 { (cell * 0.05).max(1.0) } else { 0.0 };
        let inner = (cell - 2.0 * margin).max(1.0);
        let (x, y) = (x + margin, y + margin);
        let share = |used: usize, all: usize| (used as f64 / all.max(1) as f64).clamp(0.0, 1.0) * inner;
        let chip = &self.layout.hardware.array;
        let used = (share(array.columns, chip.columns), share(array.rows, chip.rows));
        area.draw(&Rectangle::new([point(x, y), point(x + inner, y + inner)], UNUSED.filled()))?;
        let color = (self.color)(array.projection);
        area.draw(&Rectangle::new([point(x, y), point(x + used.0, y + used.1)], color.filled()))
    }
}

fn point(x: f64, y: f64) -> (i32, i32) {
    (x.round() as i32, y.round() as i32)
}

/// Columns of the grid that holds `count` squares with the largest side, and that side.
fn largest_squares(count: usize, width: u32, height: u32) -> (usize, f64) {
    let (width, height) = (f64::from(width), f64::from(height));
    let guess = (count as f64 * width / height).sqrt().floor().max(1.0) as usize;
    let side = |columns: usize| (width / columns as f64).min(height / count.div_ceil(columns).max(1) as f64);
    let candidates = [guess, guess + 1].map(|columns| (columns, side(columns)));
    if candidates[1].1 > candidates[0].1 { candidates[1] } else { candidates[0] }
}
