//! Levels and weights read back from packed cells.

use super::{Crossbar, CrossbarLayout, Program, ProjectionKind};
use crate::hardware::HardwareSpecification;

impl Crossbar {
    /// Levels `[row][column]` of one array, `array.rows` rows of [`CrossbarLayout::columns`] columns;
    /// `cells` is [`Crossbar::cells`] or [`Crossbar::negative_cells`] (an empty slice gives zeros).
    pub fn levels(
        cells: &[u8],
        layout: &CrossbarLayout,
        hardware: &HardwareSpecification,
        row_tile: usize,
        column_tile: usize,
    ) -> Vec<u8> {
        let (rows, columns) = (hardware.array.rows, layout.columns());
        let mut levels = vec![0; rows * columns];
        let row_bytes = layout.row_bytes(hardware.array.cell_bits);
        let bytes = rows * row_bytes;
        let first = (row_tile * layout.column_tiles + column_tile) * bytes;
        let Some(array) = cells.get(first..first + bytes) else { return levels };
        for (packed, levels) in array.chunks_exact(row_bytes).zip(levels.chunks_exact_mut(columns)) {
            unpack(packed, hardware.array.cell_bits, levels);
        }
        levels
    }

    /// Multipliers `[output][row]` that the cells hold, exactly as they were compiled.
    pub fn multipliers(&self, layout: &CrossbarLayout, hardware: &HardwareSpecification) -> Vec<i32> {
        let (rows, columns, slices) = (hardware.array.rows, layout.columns(), layout.slices.len());
        let mut multipliers = vec![layout.reference_weight as i32; layout.outputs * layout.fan_in];
        for array in 0..layout.arrays() {
            let (row_tile, column_tile) = (array / layout.column_tiles, array % layout.column_tiles);
            let positive = Self::levels(&self.cells, layout, hardware, row_tile, column_tile);
            let negative = Self::levels(&self.negative_cells, layout, hardware, row_tile, column_tile);
            let (first_row, first_output) = (row_tile * rows, column_tile * layout.outputs_per_array);
            for output in 0..layout.outputs_in(column_tile) {
                for row in 0..layout.rows_in(row_tile, rows) {
                    let place = row * columns + output * slices;
                    let digits = positive[place..].iter().zip(&negative[place..]);
                    let weights = digits.zip(&layout.slices);
                    let value: i64 = weights.map(|((&p, &n), weight)| (i64::from(p) - i64::from(n)) * weight).sum();
                    multipliers[(first_output + output) * layout.fan_in + first_row + row] += value as i32;
                }
            }
        }
        multipliers
    }
}

impl Program {
    /// Layout and tensors of a projection on crossbars; `None` for a digital one.
    pub fn crossbar(&self, projection: usize) -> Option<(&CrossbarLayout, &Crossbar)> {
        match (&self.layout.projections.get(projection)?.kind, self.crossbars.get(projection)?) {
            (ProjectionKind::Crossbar(layout), Some(crossbar)) => Some((layout, crossbar)),
            _ => None,
        }
    }
}

/// Levels of the columns of one row.
fn unpack(packed: &[u8], cell_bits: u32, levels: &mut [u8]) {
    let mask = (1u32 << cell_bits) - 1;
    for (column, level) in levels.iter_mut().enumerate() {
        let bit = column * cell_bits as usize;
        let low = u32::from(packed[bit / 8]);
        let high = packed.get(bit / 8 + 1).map_or(0, |&byte| u32::from(byte));
        *level = (((low | high << 8) >> (bit % 8)) & mask) as u8;
    }
}
