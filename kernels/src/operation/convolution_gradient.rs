//! Weight gradient of a convolution.

use std::ops::Range;

use super::gradient::{Gradient, Operands};
use crate::error::{check_channels, check_length};
use crate::{ConvolutionShape, Counts, Engine, KernelError, Store, Workspace};

impl Engine {
    /// `out[o][i][j][c] = store(sum over n, y, x of errors[n][y][x][o] * counts[n][y*s+i-p][x*s+j-p][c])`.
    ///
    /// `errors` is `[batch][output map]`, `counts` `[batch][input map]`, `out` in the order of the weights.
    ///
    /// # Errors
    /// Those of [`ConvolutionShape::validate`], [`KernelError::Length`] or [`KernelError::WorkspaceTooSmall`].
    #[expect(clippy::too_many_arguments, reason = "shape, operands, output and scratch are all the caller's")]
    pub fn convolution_gradient(
        &self,
        shape: &ConvolutionShape,
        batch: usize,
        errors: &[i8],
        counts: Counts<'_>,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "convolution_gradient";
        shape.validate()?;
        check_length(operation, "errors", &[batch, shape.output_length()], errors.len())?;
        check_length(operation, "counts", &[batch, shape.input_length()], counts.len())?;
        check_length(operation, "out", &[shape.weight_length()], out.len())?;
        Gradient::new(shape).share_channels(operation, self, Operands { batch, errors, counts }, store, out, workspace)
    }

    /// Bytes of workspace for [`Engine::convolution_gradient`]; 0 for a shape that does not validate.
    pub fn convolution_gradient_workspace(&self, shape: &ConvolutionShape, batch: usize) -> usize {
        if shape.validate().is_err() { 0 } else { Gradient::new(shape).workspace(self, batch) }
    }

    /// The rows `channels` of [`Engine::convolution_gradient`], on the calling thread.
    ///
    /// `errors` and `counts` are those of all channels; `out` is `[channels.len()][patch]`. Disjoint ranges may be
    /// computed by different threads, each with its own workspace.
    ///
    /// # Errors
    /// [`KernelError::Channels`] if the range leaves the output channels, and those of
    /// [`Engine::convolution_gradient`].
    #[expect(clippy::too_many_arguments, reason = "shape, operands, range, output and scratch are all the caller's")]
    pub fn convolution_gradient_rows(
        &self,
        shape: &ConvolutionShape,
        batch: usize,
        errors: &[i8],
        counts: Counts<'_>,
        channels: Range<usize>,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "convolution_gradient_rows";
        shape.validate()?;
        check_channels(operation, &channels, shape.output_channels)?;
        check_length(operation, "errors", &[batch, shape.output_length()], errors.len())?;
        check_length(operation, "counts", &[batch, shape.input_length()], counts.len())?;
        check_length(operation, "out", &[channels.len(), shape.patch()], out.len())?;
        Gradient::new(shape).rows(operation, self, Operands { batch, errors, counts }, channels, store, out, workspace)
    }

    /// Bytes of workspace for [`Engine::convolution_gradient_rows`] of up to `channels` rows; 0 for a shape that does
    /// not validate.
    pub fn convolution_gradient_rows_workspace(
        &self,
        shape: &ConvolutionShape,
        batch: usize,
        channels: usize,
    ) -> usize {
        if shape.validate().is_err() { 0 } else { Gradient::new(shape).rows_workspace(self, batch, channels) }
    }
}
