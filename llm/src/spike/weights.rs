//! Weights of a linear map as few-bit codes.

use std::ops::Range;

use ndarray::Array2;

use super::coding::SiteCoding;
use crate::LlmError;

/// Weights `w[r][c] = scale[r][g] * (code[r][c] - zero[r][g])`, g the group of column c.
///
/// Columns are in the order of their site's coding; a group is `group` columns that follow one another in it, the last one
/// possibly fewer, without one all columns.
#[derive(Clone, Debug, PartialEq)]
pub struct FewBitWeights {
    /// Bits of a code, 1 to 8: codes are `0..2^bits`.
    pub bits: u32,
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub columns: usize,
    /// Columns that share scale and zero point.
    pub group: Option<usize>,
    /// `[rows][bytes of a row]`: codes of at most 4 bits two in a byte, the even column low.
    pub packed: Vec<u8>,
    /// `[rows][groups]`.
    pub scales: Vec<f32>,
    /// `[rows][groups]`, each of `0..2^bits`.
    pub zeros: Vec<u8>,
    /// Whether all zero points are `2^(bits - 1)`: codes are signed integers of so many bits, with an offset.
    pub is_symmetric: bool,
}

/// Bytes of a row of codes.
pub(super) fn row_bytes(bits: u32, columns: usize) -> usize {
    if bits <= 4 { columns.div_ceil(2) } else { columns }
}

impl FewBitWeights {
    /// Packs codes, `[rows][columns]`, which fit their bits.
    pub(super) fn pack(bits: u32, columns: usize, codes: &[u8]) -> Vec<u8> {
        if bits > 4 {
            return codes.to_vec();
        }
        let pair = |pair: &[u8]| pair[0] | pair.get(1).map_or(0, |high| high << 4);
        codes.chunks(columns.max(1)).flat_map(|row| row.chunks(2).map(pair)).collect()
    }

    /// The code of a row and column.
    #[inline]
    pub fn code(&self, row: usize, column: usize) -> u8 {
        let bytes = &self.packed[row * row_bytes(self.bits, self.columns)..];
        if self.bits > 4 { bytes[column] } else { bytes[column / 2] >> (4 * (column % 2)) & 15 }
    }

    /// Groups of a row.
    pub fn groups(&self) -> usize {
        self.group.map_or(1, |group| self.columns.div_ceil(group.max(1)))
    }

    /// The group of a column.
    pub fn group_of(&self, column: usize) -> usize {
        self.group.map_or(0, |group| column / group.max(1))
    }

    /// Class, and places in the order of the coding, of the columns that share class and group, in their order: a linear
    /// map is a sum over these parts.
    pub fn parts(&self, coding: &SiteCoding) -> Vec<(usize, Range<usize>)> {
        let mut parts = Vec::new();
        for (class, places) in coding.classes.iter().map(|class| class.places.clone()).enumerate() {
            let mut start = places.start;
            while start < places.end {
                let next = self.group.map_or(places.end, |size| (self.group_of(start) + 1) * size.max(1));
                parts.push((class, start..places.end.min(next)));
                start = next;
            }
        }
        parts
    }

    /// Checks lengths and codes.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] and [`LlmError::Shape`], naming `what`.
    pub fn check(&self, what: &str) -> Result<(), LlmError> {
        if !(1..=8).contains(&self.bits) {
            return Err(LlmError::configuration(format!("bits of {what}"), "1 to 8", self.bits));
        }
        if self.group == Some(0) {
            return Err(LlmError::configuration(format!("group of {what}"), "at least 1", 0));
        }
        let bytes = self.rows.checked_mul(row_bytes(self.bits, self.columns));
        let groups = self.rows.checked_mul(self.groups());
        for (name, expected, found) in [
            ("packed codes", bytes, self.packed.len()),
            ("scales", groups, self.scales.len()),
            ("zero points", groups, self.zeros.len()),
        ] {
            LlmError::check_shape(format!("{name} of {what}"), &[expected.unwrap_or(usize::MAX)], &[found])?;
        }
        let most = ((1u32 << self.bits) - 1) as u8;
        let too_large = |&&byte: &&u8| {
            let halves = if self.bits > 4 { [byte, 0] } else { [byte & 15, byte >> 4] };
            halves.iter().any(|&code| code > most)
        };
        let wrong = self.packed.iter().find(too_large).or_else(|| self.zeros.iter().find(|&&zero| zero > most));
        if let Some(wrong) = wrong {
            return Err(LlmError::configuration(format!("codes of {what}"), format!("at most {most}"), wrong));
        }
        let middle = 1u32 << (self.bits - 1);
        if let Some(wrong) = self.zeros.iter().find(|&&zero| self.is_symmetric && u32::from(zero) != middle) {
            let field = format!("zero points of {what}, symmetric");
            return Err(LlmError::configuration(field, middle, wrong));
        }
        if let Some(wrong) = self.scales.iter().find(|scale| !scale.is_finite() || **scale < 0.0) {
            return Err(LlmError::configuration(format!("scales of {what}"), "finite numbers of at least 0", wrong));
        }
        Ok(())
    }

    /// The weights as floats, columns in the order of the coding.
    pub fn dequantised(&self) -> Array2<f32> {
        let groups = self.groups();
        Array2::from_shape_fn((self.rows, self.columns), |(row, column)| {
            let place = row * groups + self.group_of(column);
            let code = i32::from(self.code(row, column)) - i32::from(self.zeros[place]);
            self.scales[place] * code as f32
        })
    }

    /// Bytes of codes, packed, of scales (16 bits), and of zero points where they differ.
    pub fn bytes(&self) -> usize {
        let each = if self.is_symmetric { 2 } else { 3 };
        (self.rows * self.columns * self.bits as usize).div_ceil(8) + each * self.scales.len()
    }
}
