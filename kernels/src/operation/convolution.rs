//! Convolution, totals only.

use super::windows::Windows;
use crate::error::check_length;
use crate::packed::Packing;
use crate::{ConvolutionShape, Counts, Engine, KernelError, PackedMatrix, Store, Workspace};

impl Engine {
    /// `out[n][y][x][o] = store(sum over i, j, c of weight[o][i][j][c] * input[n][y*s+i-p][x*s+j-p][c])`.
    ///
    /// `input` is `[batch][input map]`, `out` `[batch][output map]`, `weights` packed by
    /// [`PackedMatrix::pack_convolution`]; cells outside the input count as zero.
    ///
    /// # Errors
    /// Those of [`ConvolutionShape::validate`], [`KernelError::MatrixSize`], [`KernelError::Packing`],
    /// [`KernelError::Length`] or [`KernelError::WorkspaceTooSmall`].
    #[expect(clippy::too_many_arguments, reason = "shape, operands, output and scratch are all the caller's")]
    pub fn convolution(
        &self,
        shape: &ConvolutionShape,
        batch: usize,
        input: Counts<'_>,
        weights: &PackedMatrix,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "convolution";
        check_forward(operation, shape, batch, input, weights)?;
        check_length(operation, "out", &[batch, shape.output_length()], out.len())?;
        Windows::forward(shape).run(operation, self, input, weights, store, out, workspace)
    }

    /// Bytes of workspace for [`Engine::convolution`]; 0 for a shape that does not validate.
    pub fn convolution_workspace(&self, shape: &ConvolutionShape, batch: usize) -> usize {
        if shape.validate().is_err() { 0 } else { Windows::forward(shape).workspace(self, batch) }
    }
}

/// Checks the operands of a convolution.
pub(super) fn check_forward(
    operation: &'static str,
    shape: &ConvolutionShape,
    batch: usize,
    input: Counts<'_>,
    weights: &PackedMatrix,
) -> Result<(), KernelError> {
    shape.validate()?;
    weights.check_size(operation, shape.patch(), shape.output_channels)?;
    weights.check_packing(operation, Packing::Convolution(shape.kernel))?;
    check_length(operation, "input", &[batch, shape.input_length()], input.len())
}
