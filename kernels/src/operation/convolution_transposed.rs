//! Transposed convolution: from the errors of the output map to the input map.

use super::windows::Windows;
use crate::error::check_length;
use crate::packed::Packing;
use crate::{ConvolutionShape, Counts, Engine, KernelError, PackedMatrix, Store, Workspace};

impl Engine {
    /// `out[n][y][x][c] = store(sum over o and all windows that hold the cell of weight[o][i][j][c] * error[n][..][o])`.
    ///
    /// The adjoint of [`Engine::convolution`]: `errors` is `[batch][output map]`, `out` `[batch][input map]`,
    /// `weights` packed by [`PackedMatrix::pack_convolution_transposed`]. Samples without errors are skipped.
    ///
    /// # Errors
    /// As for [`Engine::convolution`].
    #[expect(clippy::too_many_arguments, reason = "shape, operands, output and scratch are all the caller's")]
    pub fn convolution_transposed(
        &self,
        shape: &ConvolutionShape,
        batch: usize,
        errors: &[i8],
        weights: &PackedMatrix,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "convolution_transposed";
        check_backward(operation, shape, batch, errors, weights)?;
        check_length(operation, "out", &[batch, shape.input_length()], out.len())?;
        Windows::transposed(shape).run(operation, self, Counts::Signed(errors), weights, store, out, workspace)
    }

    /// Bytes of workspace for [`Engine::convolution_transposed`]; 0 for a shape that does not validate.
    pub fn convolution_transposed_workspace(&self, shape: &ConvolutionShape, batch: usize) -> usize {
        if shape.validate().is_err() { 0 } else { Windows::transposed(shape).workspace(self, batch) }
    }
}

/// Checks the operands of a transposed convolution.
pub(super) fn check_backward(
    operation: &'static str,
    shape: &ConvolutionShape,
    batch: usize,
    errors: &[i8],
    weights: &PackedMatrix,
) -> Result<(), KernelError> {
    shape.validate()?;
    let inner = shape.kernel[0] * shape.kernel[1] * shape.output_channels;
    weights.check_size(operation, inner, shape.input_channels)?;
    weights.check_packing(operation, Packing::ConvolutionTransposed(shape.kernel))?;
    check_length(operation, "errors", &[batch, shape.output_length()], errors.len())
}
