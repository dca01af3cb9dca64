//! Conductances of the cells of an array.

use crate::error::CompilerError;

/// Cells of one array on one chip.
#[derive(Clone, Debug, PartialEq)]
pub struct Conductances {
    /// Word lines.
    pub rows: usize,
    /// Bit lines.
    pub bit_lines: usize,
    /// In siemens, never below 0: `[row][bit line]`.
    pub siemens: Vec<f64>,
}

impl Conductances {
    /// Cells of given conductances.
    ///
    /// # Errors
    /// [`CompilerError::Circuit`] unless there are rows times bit lines of them, all finite and
    /// none below 0.
    pub fn new(rows: usize, bit_lines: usize, siemens: Vec<f64>) -> Result<Self, CompilerError> {
        if rows.checked_mul(bit_lines) != Some(siemens.len()) {
            return Err(CompilerError::Circuit {
                what: "cells of an array".to_owned(),
                expected: format!("{rows} rows of {bit_lines} bit lines"),
                found: format!("{} conductances", siemens.len()),
                remedy: "give one conductance for each cell".to_owned(),
            });
        }
        if let Some(cell) = siemens.iter().position(|value| !value.is_finite() || *value < 0.0) {
            return Err(CompilerError::Circuit {
                what: format!("conductance in row {}, bit line {}", cell / bit_lines, cell % bit_lines),
                expected: "a finite number of at least 0".to_owned(),
                found: siemens[cell].to_string(),
                remedy: "check the resistances and deviations of the hardware specification".to_owned(),
            });
        }
        Ok(Self { rows, bit_lines, siemens })
    }

    /// Bit lines of the positive cells at even places, those of the negative cells at odd ones.
    ///
    /// # Errors
    /// [`CompilerError::Circuit`] where sizes differ.
    pub fn pairs(positive: &Self, negative: &Self) -> Result<Self, CompilerError> {
        if (positive.rows, positive.bit_lines) != (negative.rows, negative.bit_lines) {
            return Err(CompilerError::Circuit {
                what: "negative cells of differential pairs".to_owned(),
                expected: format!("{} rows of {} bit lines", positive.rows, positive.bit_lines),
                found: format!("{} rows of {}", negative.rows, negative.bit_lines),
                remedy: "give one negative cell for each positive one".to_owned(),
            });
        }
        let siemens =
            positive.siemens.iter().zip(&negative.siemens).flat_map(|(&plus, &minus)| [plus, minus]).collect();
        Ok(Self { rows: positive.rows, bit_lines: 2 * positive.bit_lines, siemens })
    }

    /// Conductance of a cell in siemens.
    pub fn get(&self, row: usize, bit_line: usize) -> f64 {
        self.siemens[row * self.bit_lines + bit_line]
    }
}
