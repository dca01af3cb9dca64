//! The digits of all weights of a projection, by row tile.

use super::Slicing;
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, SignedWeights};
use crate::program::{Crossbar, CrossbarLayout};

/// Digits of one projection: levels of the positive cells less those of the negative ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    /// How weights are cut.
    pub slicing: Slicing,
    /// Rows of an array.
    pub array_rows: usize,
    /// Rows in all.
    pub fan_in: usize,
    /// Outputs.
    pub outputs: usize,
    /// `[row tile][slice][output][row of the tile]`; the last tile has the rows that are left.
    pub values: Vec<i16>,
}

impl Digits {
    /// Of multipliers `[outputs][fan_in]`.
    ///
    /// # Errors
    /// [`CompilerError::Columns`] for another number of multipliers, or one beyond the bits.
    pub fn of_multipliers(
        multipliers: &[i8],
        fan_in: usize,
        slicing: Slicing,
        array_rows: usize,
    ) -> Result<Self, CompilerError> {
        let outputs = multipliers.len().checked_div(fan_in).unwrap_or(0);
        if array_rows == 0 || fan_in == 0 || outputs * fan_in != multipliers.len() {
            return Err(CompilerError::Columns {
                what: "weights".to_owned(),
                expected: format!("a multiple of {fan_in} rows, in arrays of at least one row"),
                found: format!("{} weights, arrays of {array_rows} rows", multipliers.len()),
            });
        }
        let (low, high) = match slicing.signed {
            SignedWeights::DifferentialPair => (1 - (1i32 << slicing.bits), (1 << slicing.bits) - 1),
            SignedWeights::ReferenceColumn => (-(1i32 << (slicing.bits - 1)), (1 << (slicing.bits - 1)) - 1),
        };
        if let Some(&wrong) = multipliers.iter().find(|&&weight| !(low..=high).contains(&i32::from(weight))) {
            return Err(CompilerError::Columns {
                what: "weight".to_owned(),
                expected: format!("{low}..={high}, which {} bits hold", slicing.bits),
                found: wrong.to_string(),
            });
        }
        let mut values = Vec::with_capacity(multipliers.len() * slicing.count());
        // The digits of every byte, looked up instead of computed.
        let table: Vec<[i16; 256]> = (0..slicing.count())
            .map(|slice| {
                std::array::from_fn(|byte| {
                    let (positive, negative) = slicing.levels(i32::from(byte as u8 as i8), slice);
                    i16::from(positive) - i16::from(negative)
                })
            })
            .collect();
        for first in (0..fan_in).step_by(array_rows) {
            let rows = first..fan_in.min(first + array_rows);
            for digits in &table {
                for output in multipliers.chunks_exact(fan_in) {
                    values.extend(output[rows.clone()].iter().map(|&weight| digits[usize::from(weight as u8)]));
                }
            }
        }
        Ok(Self { slicing, array_rows, fan_in, outputs, values })
    }

    /// Of the cells of a compiled projection.
    ///
    /// # Errors
    /// [`CompilerError::Columns`] when the cells do not fill the arrays of the layout.
    pub fn of_cells(
        layout: &CrossbarLayout,
        crossbar: &Crossbar,
        hardware: &HardwareSpecification,
    ) -> Result<Self, CompilerError> {
        let slicing = Slicing::of(hardware);
        let array_rows = hardware.array.rows;
        let arrays_rows = layout.row_tiles * layout.column_tiles * array_rows;
        let row_bytes = crossbar.cells.len().checked_div(arrays_rows).unwrap_or(0);
        let slices = layout.slices.len();
        let cell_bits = hardware.array.cell_bits as usize;
        let is_paired = slicing.signed == SignedWeights::DifferentialPair;
        let fits = row_bytes * arrays_rows == crossbar.cells.len()
            && crossbar.negative_cells.len() == if is_paired { crossbar.cells.len() } else { 0 }
            && slices == slicing.count()
            && (layout.outputs_per_array * slices * cell_bits).div_ceil(8) <= row_bytes
            && layout.outputs <= layout.column_tiles * layout.outputs_per_array
            && layout.row_tiles == layout.fan_in.div_ceil(array_rows);
        if !fits {
            return Err(CompilerError::Columns {
                what: "cells".to_owned(),
                expected: format!(
                    "{} x {} arrays of {array_rows} rows and {} levels of {cell_bits} bits",
                    layout.row_tiles,
                    layout.column_tiles,
                    layout.outputs_per_array * slices
                ),
                found: format!("{} and {} bytes", crossbar.cells.len(), crossbar.negative_cells.len()),
            });
        }
        let level = |cells: &[u8], column: usize| {
            let bit = column * cell_bits;
            let pair = u16::from(cells[bit / 8]) | u16::from(cells.get(bit / 8 + 1).copied().unwrap_or(0)) << 8;
            ((pair >> (bit % 8)) & ((1 << cell_bits) - 1)) as i16
        };
        let mut values = vec![0; layout.fan_in * layout.outputs * slices];
        for tile in 0..layout.row_tiles {
            let first = tile * array_rows;
            let rows = array_rows.min(layout.fan_in - first);
            let start = first * layout.outputs * slices;
            for output in 0..layout.outputs {
                let column_tile = output / layout.outputs_per_array;
                let column = output % layout.outputs_per_array * slices;
                for row in 0..rows {
                    let place = ((tile * layout.column_tiles + column_tile) * array_rows + row) * row_bytes;
                    for slice in 0..slices {
                        let mut digit = level(&crossbar.cells[place..place + row_bytes], column + slice);
                        if is_paired {
                            digit -= level(&crossbar.negative_cells[place..place + row_bytes], column + slice);
                        }
                        values[start + (slice * layout.outputs + output) * rows + row] = digit;
                    }
                }
            }
        }
        Ok(Self { slicing, array_rows, fan_in: layout.fan_in, outputs: layout.outputs, values })
    }

    /// Number of row tiles.
    pub fn row_tiles(&self) -> usize {
        self.fan_in.div_ceil(self.array_rows)
    }

    /// Rows of a tile.
    pub fn rows(&self, tile: usize) -> usize {
        self.array_rows.min(self.fan_in - tile * self.array_rows)
    }

    /// The digits `[slice][output][row]` of a row tile.
    pub fn tile(&self, tile: usize) -> &[i16] {
        let per_row = self.outputs * self.slicing.count();
        &self.values[tile * self.array_rows * per_row..][..self.rows(tile) * per_row]
    }

    /// The weights `[outputs][fan_in]` that the digits stand for.
    pub fn multipliers(&self) -> Vec<i32> {
        let mut multipliers = vec![self.slicing.reference_weight() as i32; self.outputs * self.fan_in];
        let weights = self.slicing.weights();
        for tile in 0..self.row_tiles() {
            let (first, rows) = (tile * self.array_rows, self.rows(tile));
            for (column, digits) in self.tile(tile).chunks_exact(rows).enumerate() {
                let (slice, output) = (column / self.outputs, column % self.outputs);
                let target = &mut multipliers[output * self.fan_in + first..][..rows];
                for (target, &digit) in target.iter_mut().zip(digits) {
                    *target += i32::from(digit) * weights[slice] as i32;
                }
            }
        }
        multipliers
    }
}
