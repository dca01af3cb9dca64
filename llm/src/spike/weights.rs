//! Weights of a linear map as few-bit codes.

use ndarray::Array2;

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
    /// `[rows][columns]`.
    pub codes: Vec<u8>,
    /// `[rows][groups]`.
    pub scales: Vec<f32>,
    /// `[rows][groups]`, each of `0..2^bits`.
    pub zeros: Vec<u8>,
}

impl FewBitWeights {
    /// Groups of a row.
    pub fn groups(&self) -> usize {
        self.group.map_or(1, |group| self.columns.div_ceil(group.max(1)))
    }

    /// The group of a column.
    pub fn group_of(&self, column: usize) -> usize {
        self.group.map_or(0, |group| column / group.max(1))
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
        let (codes, groups) = (self.rows.checked_mul(self.columns), self.rows.checked_mul(self.groups()));
        for (name, expected, found) in [
            ("codes", codes, self.codes.len()),
            ("scales", groups, self.scales.len()),
            ("zero points", groups, self.zeros.len()),
        ] {
            LlmError::check_shape(format!("{name} of {what}"), &[expected.unwrap_or(usize::MAX)], &[found])?;
        }
        let most = ((1u32 << self.bits) - 1) as u8;
        if let Some(wrong) = self.codes.iter().chain(&self.zeros).find(|&&code| code > most) {
            return Err(LlmError::configuration(format!("codes of {what}"), format!("at most {most}"), wrong));
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
            let code = i32::from(self.codes[row * self.columns + column]) - i32::from(self.zeros[place]);
            self.scales[place] * code as f32
        })
    }

    /// Bytes of codes, packed, and of scales (16 bits) and zero points.
    pub fn bytes(&self) -> usize {
        (self.codes.len() * self.bits as usize).div_ceil(8) + 3 * self.scales.len()
    }
}
