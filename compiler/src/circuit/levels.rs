//! Levels of one array, unpacked from a compiled network.

use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, SignedWeights};
use crate::program::{CrossbarLayout, Program, ProjectionKind};

/// Cells of one array as they are to be programmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayLevels {
    /// Rows in use.
    pub rows: usize,
    /// Columns that have a partial sum: slice k of output m of the array at `m * slices + k`, for
    /// `outputs_per_array` outputs, whether or not a projection has so many, then the reference
    /// column where there is one.
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
        let tiles = Tiles { crossbar, hardware: &layout.hardware };
        let unpack = |packed: &[u8]| {
            tiles.unpack(packed, [placement.row_tile, placement.column_tile], placement.rows).ok_or_else(|| {
                wrong(
                    format!("{} rows of cells of the array's outputs", placement.rows),
                    format!("other sizes, or {} bytes in all", packed.len()),
                )
            })
        };
        let negative = match layout.hardware.weights.signed {
            SignedWeights::DifferentialPair => Some(unpack(&cells.negative_cells)?),
            SignedWeights::ReferenceColumn => None,
        };
        let positive = unpack(&cells.cells)?;
        Ok(Self { rows: placement.rows, columns: tiles.columns().unwrap_or(0), positive, negative })
    }
}

/// The packed cells of a projection.
struct Tiles<'a> {
    crossbar: &'a CrossbarLayout,
    hardware: &'a HardwareSpecification,
}

impl Tiles<'_> {
    /// Columns of one array.
    fn columns(&self) -> Option<usize> {
        let reference = usize::from(self.hardware.weights.signed == SignedWeights::ReferenceColumn);
        self.crossbar.outputs_per_array.checked_mul(self.crossbar.slices.len())?.checked_add(reference)
    }

    /// Levels `[row][column]` of a tile; `None` where the packed cells do not hold them.
    fn unpack(&self, packed: &[u8], [row_tile, column_tile]: [usize; 2], rows: usize) -> Option<Vec<u8>> {
        let CrossbarLayout { row_tiles, column_tiles, .. } = *self.crossbar;
        let (array_rows, bits) = (self.hardware.array.rows, self.hardware.array.cell_bits as usize);
        let columns = self.columns()?;
        let row_bytes = columns.checked_mul(bits)?.div_ceil(8);
        let lines = row_tiles.checked_mul(column_tiles)?.checked_mul(array_rows)?;
        let fits = packed.len() == lines.checked_mul(row_bytes)?
            && row_tile < row_tiles
            && column_tile < column_tiles
            && rows <= array_rows
            && (1..=8).contains(&bits);
        if !fits {
            return None;
        }
        let first = (row_tile * column_tiles + column_tile) * array_rows;
        let mut levels = Vec::with_capacity(rows * columns);
        for row in first..first + rows {
            let line = &packed[row * row_bytes..][..row_bytes];
            levels.extend((0..columns).map(|column| level(line, column, bits)));
        }
        Some(levels)
    }
}

/// The level in the bits `column * bits ..` of a packed row, least significant first.
fn level(line: &[u8], column: usize, bits: usize) -> u8 {
    let first = column * bits;
    let low = u16::from(line[first / 8]);
    let high = line.get(first / 8 + 1).map_or(0, |&byte| u16::from(byte));
    (((high << 8 | low) >> (first % 8)) & ((1 << bits) - 1)) as u8
}
