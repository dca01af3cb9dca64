//! Transposed convolution: from the errors of the output map to the input map.

use super::convolution::Windows;
use crate::error::check_length;
use crate::packed::Packing;
use crate::panel::Placement;
use crate::{ConvolutionShape, Counts, Engine, KernelError, PackedMatrix, Store, Workspace};

impl Windows {
    /// The errors, spread by the stride and padded, convolved with the reversed kernel at every input cell.
    fn transposed(shape: &ConvolutionShape) -> Windows {
        let input = [shape.input_height, shape.input_width];
        let offset = |axis: usize| (shape.kernel[axis] - 1).wrapping_sub(shape.padding[axis]) as isize;
        Windows {
            placement: Placement {
                source: [shape.output_height(), shape.output_width()],
                target: [input[0] + shape.kernel[0] - 1, input[1] + shape.kernel[1] - 1],
                offset: [offset(0), offset(1)],
                dilation: shape.stride,
                channels: shape.output_channels,
            },
            kernel: shape.kernel,
            stride: [1, 1],
            output: input,
            output_channels: shape.input_channels,
        }
    }
}

impl Engine {
    /// `out[n][y][x][c] = store(sum over o and all windows that hold the cell of weight[o][i][j][c] * error[n][..][o])`.
    ///
    /// The adjoint of [`Engine::convolution`]: `errors` is `[batch][output map]`, `out` `[batch][input map]`,
    /// `weights` packed by [`PackedMatrix::pack_convolution_transposed`].
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
        shape.validate()?;
        let inner = shape.kernel[0] * shape.kernel[1] * shape.output_channels;
        weights.check_size(operation, inner, shape.input_channels)?;
        weights.check_packing(operation, Packing::ConvolutionTransposed(shape.kernel))?;
        check_length(operation, "errors", &[batch, shape.output_length()], errors.len())?;
        check_length(operation, "out", &[batch, shape.input_length()], out.len())?;
        let windows = Windows::transposed(shape);
        windows.run(operation, self, batch, Counts::Signed(errors), weights, store, out, workspace)
    }

    /// Bytes of workspace for [`Engine::convolution_transposed`]; 0 for a shape that does not validate.
    pub fn convolution_transposed_workspace(&self, shape: &ConvolutionShape, batch: usize) -> usize {
        if shape.validate().is_err() { 0 } else { Windows::transposed(shape).workspace(self, batch) }
    }
}
