//! Weight matrices in the number format they are stored in.

pub mod e4m3;
mod product;
mod storage;
#[cfg(test)]
mod tests;
mod vector;

use std::ops::Range;
use std::sync::Arc;

use half::f16;
use kernels::{Engine, FileMapping};
use ndarray::{Array2, ArrayView2};

use self::storage::{Storage, Values};
use crate::LlmError;

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FloatFormat {
    /// 32 bits, IEEE single precision.
    F32,
    /// 16 bits, IEEE half precision.
    F16,
    /// 16 bits, the upper half of single precision.
    Bf16,
    /// 8 bits, [`e4m3`].
    F8E4m3,
}

impl FloatFormat {
    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::F8E4m3 => 1,
        }
    }

    /// Its name: `f32`, `f16`, `bf16` or `f8-e4m3`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F8E4m3 => "f8-e4m3",
        }
    }
}

/// A matrix of weights, `[rows, columns]`, row-major, in f32, f16, bf16 or E4M3; a clone shares the numbers.
///
/// Numbers of a mapped file stay in the file until they are used: every conversion to f32 is of the rows at hand and
/// exact.
#[derive(Clone, Debug)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    storage: Storage,
}

impl From<Array2<f32>> for Matrix {
    fn from(array: Array2<f32>) -> Self {
        let (rows, columns) = array.dim();
        let values: Vec<f32> = array.as_standard_layout().iter().copied().collect();
        Self { rows, columns, storage: Storage::Owned(values.into()) }
    }
}

impl Matrix {
    /// The numbers at `range` of a file, little-endian; copied where they are not aligned to their size.
    ///
    /// # Errors
    /// [`LlmError::Shape`] when the range does not hold `rows x columns` numbers or exceeds the file.
    pub(crate) fn mapped(
        file: &Arc<FileMapping>,
        range: Range<usize>,
        format: FloatFormat,
        [rows, columns]: [usize; 2],
    ) -> Result<Self, LlmError> {
        let needed = rows.checked_mul(columns).and_then(|numbers| numbers.checked_mul(format.bytes()));
        let found = file.get(range.clone()).map_or(0, <[u8]>::len);
        if needed != Some(found) {
            let expected = vec![rows, columns, format.bytes()];
            return Err(LlmError::Shape { what: "bytes of a matrix".to_owned(), expected, found: vec![found] });
        }
        Ok(Self { rows, columns, storage: Storage::of_file(file, range, format) })
    }

    /// The numbers rounded to f16, to the nearest and of two equally near ones to the even one; numbers beyond the largest
    /// become the largest.
    pub fn to_f16(&self) -> Self {
        let halves: Vec<f16> = self.values(0..self.rows).to_f32().iter().map(|&x| to_f16(x)).collect();
        Self { storage: Storage::OwnedF16(halves.into()), ..*self }
    }

    /// The numbers over `scale` rounded to E4M3 ([`e4m3::code`]).
    pub fn to_e4m3(&self, scale: f32) -> Self {
        let codes: Vec<u8> = self.values(0..self.rows).to_f32().iter().map(|&x| e4m3::code(x / scale)).collect();
        Self { storage: Storage::OwnedE4m3(codes.into()), ..*self }
    }

    /// Rows; of a linear map these are its outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns; of a linear map these are its inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How the numbers are stored.
    pub fn format(&self) -> FloatFormat {
        self.storage.format()
    }

    /// Writes the rows at `range` to `out`, `[range, columns]`, in f32.
    ///
    /// # Errors
    /// [`LlmError::Shape`] when there are no such rows, or `out` has another length.
    pub fn copy_rows(&self, range: Range<usize>, out: &mut [f32]) -> Result<(), LlmError> {
        if range.start > range.end || range.end > self.rows {
            let found = vec![range.start, range.end];
            return Err(LlmError::Shape { what: "range of rows".to_owned(), expected: vec![0, self.rows], found });
        }
        LlmError::check_shape("rows of a matrix", &[range.len() * self.columns], &[out.len()])?;
        self.values(range).copy_to(out);
        Ok(())
    }

    /// All numbers in f32.
    pub fn to_array(&self) -> Array2<f32> {
        let mut array = Array2::zeros((self.rows, self.columns));
        if let Some(out) = array.as_slice_mut() {
            self.values(0..self.rows).copy_to(out);
        }
        array
    }

    /// `outputs[t][r] = sum over c of inputs[t][c] * self[r][c]`: `inputs` `[tokens, columns]`, `outputs`
    /// `[tokens, rows]`.
    ///
    /// One token takes a pass over the stored numbers; several tokens take products of panels of rows. The two differ
    /// in the order of their sums. Neither depends on the number of threads.
    ///
    /// # Errors
    /// [`LlmError::Shape`].
    pub fn multiply(
        &self,
        engine: Engine,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        LlmError::check_shape("inputs of a product", &[inputs.nrows(), self.columns], inputs.shape())?;
        LlmError::check_shape("outputs of a product", &[inputs.nrows(), self.rows], outputs.shape())?;
        let inputs = inputs.as_standard_layout();
        let (Some(inputs), Some(outputs)) = (inputs.as_slice(), outputs.as_slice_mut()) else {
            let what = "memory order of the outputs of a product, row-major".to_owned();
            return Err(LlmError::Shape { what, expected: vec![inputs.nrows(), self.rows], found: vec![] });
        };
        if inputs.len() == self.columns {
            vector::multiply(self, engine, inputs, outputs)
        } else {
            product::multiply(self, engine, inputs, outputs)
        }
    }

    /// The stored numbers of some rows, which exist.
    fn values(&self, rows: Range<usize>) -> Values<'_> {
        self.storage.values(rows.start * self.columns..rows.end * self.columns)
    }
}

/// The half-precision number nearest to `x`, finite where `x` is one.
pub(crate) fn to_f16(x: f32) -> f16 {
    f16::from_f32(x.clamp(f16::MIN.to_f32(), f16::MAX.to_f32()))
}
