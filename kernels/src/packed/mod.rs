//! Weights in the order in which the product reads them.

mod layout;
#[cfg(test)]
mod layout_test;
mod nibbles;
mod strip;

pub use nibbles::PackedNibbles;
pub(crate) use nibbles::Unpack;

use std::ops::Range;

use crate::error::{check_length, checked_size};
use crate::product::{BLOCK, GROUP};
use crate::workspace::{LINE, Line, line_bytes};
use crate::{ConvolutionShape, Engine, KernelError, Parallelism, as_unsigned};

/// What the rows of a packed matrix stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// The inner dimension is one run.
    Matrix,
    /// One run for every kernel row of a convolution.
    Convolution([usize; 2]),
    /// One run for every kernel row, both kernel axes reversed.
    ConvolutionTransposed([usize; 2]),
}

impl Packing {
    fn name(self) -> &'static str {
        match self {
            Packing::Matrix => "pack",
            Packing::Convolution(_) => "pack_convolution",
            Packing::ConvolutionTransposed(_) => "pack_convolution_transposed",
        }
    }
}

/// A signed 8-bit matrix `[inner x columns]`, the right operand of every product.
///
/// Stored in blocks of 16 columns and groups of 4 inner steps, each run of the inner dimension padded with zeros to
/// whole groups; beside it the sum of every column.
#[derive(Debug, Clone)]
pub struct PackedMatrix {
    inner: usize,
    columns: usize,
    packing: Packing,
    engine: Engine,
    lines: Vec<Line>,
    /// The column sums of every block and run.
    sums: Vec<i32>,
    /// `-128` times the column sums: over all runs, then over the first and the last 1, 2, .. runs.
    corrections: Vec<i32>,
}

impl PackedMatrix {
    /// A zero matrix, packed on the calling thread with the fastest instruction set of this processor.
    ///
    /// # Errors
    /// [`KernelError::TooLarge`] if it exceeds the address space.
    pub fn new(inner: usize, columns: usize) -> Result<PackedMatrix, KernelError> {
        let blocks = columns.div_ceil(BLOCK);
        let lines = checked_size("PackedMatrix::new", "matrix", &[blocks, inner.div_ceil(GROUP), LINE])? / LINE;
        Ok(PackedMatrix {
            inner,
            columns,
            packing: Packing::Matrix,
            engine: Engine::detect(Parallelism::Serial),
            lines: vec![Line([0; LINE]); lines],
            sums: vec![0; blocks * BLOCK],
            corrections: vec![0; blocks * BLOCK],
        })
    }

    /// The same matrix, packed by `engine`; what is packed does not depend on it.
    pub fn with_engine(self, engine: Engine) -> PackedMatrix {
        PackedMatrix { engine, ..self }
    }

    /// The inner dimension: inputs of one output.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The number of columns: outputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Packs dense weights `[columns][inner]`, as used forwards.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `weights` has another length.
    pub fn pack(&mut self, weights: &[i8]) -> Result<(), KernelError> {
        check_length("pack", "weights", &[self.columns, self.inner], weights.len())?;
        let layout = self.begin(Packing::Matrix, 1);
        self.pack_rows(layout, as_unsigned(weights));
        Ok(())
    }

    /// Packs dense weights `[inner][columns]`, as used backwards.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `weights` has another length.
    pub fn pack_transposed(&mut self, weights: &[i8]) -> Result<(), KernelError> {
        check_length("pack_transposed", "weights", &[self.inner, self.columns], weights.len())?;
        let layout = self.begin(Packing::Matrix, 1);
        let columns = self.columns;
        self.pack_steps(layout, as_unsigned(weights), |_, step| step * columns);
        Ok(())
    }

    /// Packs convolution weights `[output channels][kernel rows][kernel columns][input channels]` for
    /// [`Engine::convolution`](crate::Engine::convolution); `inner = shape.patch()`, `columns = output channels`.
    ///
    /// The first call may enlarge the storage, as every kernel row is padded to whole groups.
    ///
    /// # Errors
    /// [`KernelError::MatrixSize`] if the matrix does not fit the shape, [`KernelError::Length`] if `weights` has
    /// another length, and those of [`ConvolutionShape::validate`].
    pub fn pack_convolution(&mut self, shape: &ConvolutionShape, weights: &[i8]) -> Result<(), KernelError> {
        let operation = "pack_convolution";
        shape.validate()?;
        self.check_size(operation, shape.patch(), shape.output_channels)?;
        check_length(operation, "weights", &[shape.weight_length()], weights.len())?;
        let layout = self.begin(Packing::Convolution(shape.kernel), shape.kernel[0]);
        self.pack_rows(layout, as_unsigned(weights));
        Ok(())
    }

    /// Packs convolution weights `[output channels][kernel rows][kernel columns][input channels]` for
    /// [`Engine::convolution_transposed`](crate::Engine::convolution_transposed);
    /// `inner = kernel rows * kernel columns * output channels`, `columns = input channels`.
    ///
    /// # Errors
    /// As for [`PackedMatrix::pack_convolution`].
    pub fn pack_convolution_transposed(&mut self, shape: &ConvolutionShape, weights: &[i8]) -> Result<(), KernelError> {
        let operation = "pack_convolution_transposed";
        shape.validate()?;
        let [kernel_height, kernel_width] = shape.kernel;
        let run = kernel_width * shape.output_channels;
        self.check_size(operation, kernel_height * run, shape.input_channels)?;
        check_length(operation, "weights", &[shape.weight_length()], weights.len())?;
        let layout = self.begin(Packing::ConvolutionTransposed(shape.kernel), kernel_height);
        let (outputs, channels) = (shape.output_channels, shape.input_channels);
        self.pack_steps(layout, as_unsigned(weights), |kernel_row, step| {
            let (kernel_column, output) = (step / outputs, step % outputs);
            let row = output * kernel_height + (kernel_height - 1 - kernel_row);
            (row * kernel_width + (kernel_width - 1 - kernel_column)) * channels
        });
        Ok(())
    }

    /// The packed bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        line_bytes(&self.lines)
    }

    /// Bytes from one block of columns to the next.
    pub(crate) fn block_step(&self) -> usize {
        self.lines.len().checked_div(self.columns.div_ceil(BLOCK)).unwrap_or(0) * LINE
    }

    /// The column correction for bytes XORed with `flip`, over a range of runs that begins with the first run or ends
    /// with the last.
    pub(crate) fn correction(&self, flip: u8, runs: Range<usize>) -> Option<&[i32]> {
        let width = self.columns.next_multiple_of(BLOCK);
        let all = self.sums.len().checked_div(width).unwrap_or(1);
        let index = match (runs.start, runs.end) {
            (0, end) if end == all => 0,
            (0, end) => end,
            (start, _) => all - 1 + (all - start),
        };
        (flip != 0).then(|| &self.corrections[index * width..][..width])
    }

    /// Checks the sizes.
    pub(crate) fn check_size(&self, operation: &'static str, inner: usize, columns: usize) -> Result<(), KernelError> {
        if (self.inner, self.columns) == (inner, columns) {
            return Ok(());
        }
        Err(KernelError::MatrixSize {
            operation,
            expected_inner: inner,
            expected_columns: columns,
            found_inner: self.inner,
            found_columns: self.columns,
        })
    }

    /// Checks how the matrix was packed.
    pub(crate) fn check_packing(&self, operation: &'static str, expected: Packing) -> Result<(), KernelError> {
        if self.packing == expected {
            return Ok(());
        }
        Err(KernelError::Packing { operation, expected: expected.name(), found: self.packing.name() })
    }
}
