//! Levels of one array, unpacked from a compiled network.

use crate::error::CompilerError;
use crate::hardware::SignedWeights;
use crate::program::{Crossbar, CrossbarLayout, Program, ProjectionKind};

/// Cells of one array as they are to be programmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayLevels {
    /// Rows in use.
    pub rows: usize,
    /// Columns in use, reference column included.
    pub columns: usize,
    /// `[row][column]`: positive cells of differential pairs, or all cells.
    pub positive: Vec<u8>,
    /// Negative cells of differential pairs, laid out alike.
    pub negative: Option<Vec<u8>>,
}

impl ArrayLevels {
    /// The levels of an array of a compiled network; all replicas hold the same.
    ///
    /// # Errors
    /// [`CompilerError::Circuit`] where there is no such array, or its cells are not those that the
    /// layout describes.
    pub fn of(program: &Program, array: usize) -> Result<Self, CompilerError> {
        let layout = &program.layout;
        let wrong = |expected: String, found: String| CompilerError::Circuit {
            what: format!("array {array}"),
            expected,
            found,
            remedy: "choose an array of crossbar.json, or compile the network again".to_owned(),
        };
        let Some(placement) = layout.arrays.get(array) else {
            return Err(wrong(format!("one of 0 to {}", layout.arrays.len().saturating_sub(1)), array.to_string()));
        };
        let projection = layout.projections.get(placement.projection).map(|projection| &projection.kind);
        let cells = program.crossbars.get(placement.projection).and_then(Option::as_ref);
        let (Some(ProjectionKind::Crossbar(crossbar)), Some(cells)) = (projection, cells) else {
            return Err(wrong("cells of a projection in crossbar arrays".to_owned(), "none".to_owned()));
        };
        let reader =
            Reader { crossbar, cells, rows: layout.hardware.array.rows, bits: layout.hardware.array.cell_bits };
        let (rows, columns) = (placement.rows, placement.columns);
        let tile = (placement.row_tile, placement.column_tile);
        let unpack = |packed: &[u8]| {
            reader.unpack(packed, tile, rows, columns).ok_or_else(|| {
                wrong(format!("cells of {rows} rows and {columns} columns"), format!("{} bytes in all", packed.len()))
            })
        };
        let negative = match layout.hardware.weights.signed {
            SignedWeights::DifferentialPair => Some(unpack(&cells.negative_cells)?),
            SignedWeights::ReferenceColumn => None,
        };
        Ok(Self { rows, columns, positive: unpack(&cells.cells)?, negative })
    }
}

struct Reader<'a> {
    crossbar: &'a CrossbarLayout,
    cells: &'a Crossbar,
    rows: usize,
    bits: u32,
}

impl Reader<'_> {
    /// Levels `[row][column]` of a tile; `None` where the packed cells do not hold them.
    fn unpack(&self, packed: &[u8], tile: (usize, usize), rows: usize, columns: usize) -> Option<Vec<u8>> {
        let tiles = self.crossbar.row_tiles.checked_mul(self.crossbar.column_tiles)?;
        let lines = tiles.checked_mul(self.rows)?;
        let row_bytes = packed.len().checked_div(lines)?;
        let fits = tile.0 < self.crossbar.row_tiles
            && tile.1 < self.crossbar.column_tiles
            && packed.len() == lines.checked_mul(row_bytes)?
            && packed.len() == self.cells.cells.len()
            && rows <= self.rows
            && columns.checked_mul(self.bits as usize)? <= row_bytes.checked_mul(8)?;
        if !fits {
            return None;
        }
        let first = (tile.0 * self.crossbar.column_tiles + tile.1) * self.rows;
        let mut levels = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            let line = &packed[(first + row) * row_bytes..][..row_bytes];
            levels.extend((0..columns).map(|column| level(line, column, self.bits)));
        }
        Some(levels)
    }
}

/// The level in the bits `column * bits ..` of a packed row, least significant first.
fn level(line: &[u8], column: usize, bits: u32) -> u8 {
    let first = column * bits as usize;
    let low = u16::from(line[first / 8]);
    let high = line.get(first / 8 + 1).map_or(0, |&byte| u16::from(byte));
    (((high << 8 | low) >> (first % 8)) & ((1 << bits) - 1)) as u8
}
