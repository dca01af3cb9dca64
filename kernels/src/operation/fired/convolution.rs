//! Convolutions that fire.

use super::check_bias;
use crate::fire::Epilogue;
use crate::operation::convolution::check_forward;
use crate::operation::convolution_transposed::check_backward;
use crate::operation::windows::Windows;
use crate::{
    ConvolutionShape, Counts, Divisor, Engine, FiringRule, FiringStatistics, KernelError, PackedMatrix, Workspace,
};

impl Engine {
    /// [`Engine::convolution`] onto a bias, then [`Engine::fire`], a cache-sized panel of totals at a time.
    ///
    /// `bias` has one value an output channel; `counts` and `gates` are `[batch][output map]`. A divisor per channel
    /// must have as many channels as the output, or a divisor of that number.
    ///
    /// # Errors
    /// Those of [`Engine::convolution`] and [`Engine::fire`].
    #[expect(clippy::too_many_arguments, reason = "shape, operands, rule, outputs and scratch are all the caller's")]
    pub fn convolution_fire(
        &self,
        shape: &ConvolutionShape,
        batch: usize,
        input: Counts<'_>,
        weights: &PackedMatrix,
        bias: Option<&[i32]>,
        rule: &FiringRule,
        counts: &mut [u8],
        gates: &mut [u8],
        workspace: &mut Workspace,
    ) -> Result<FiringStatistics, KernelError> {
        let operation = "convolution_fire";
        check_forward(operation, shape, batch, input, weights)?;
        check_bias(operation, bias, shape.output_channels)?;
        let epilogue = Epilogue::Counts { rule, counts, gates };
        let positions = shape.output_height() * shape.output_width();
        epilogue.check(operation, &[batch, positions], shape.output_channels)?;
        Windows::forward(shape).run_fired(operation, self, input, weights, bias, epilogue, workspace)
    }

    /// Bytes of workspace for [`Engine::convolution_fire`]; 0 for a shape that does not validate.
    pub fn convolution_fire_workspace(&self, shape: &ConvolutionShape, batch: usize) -> usize {
        if shape.validate().is_err() { 0 } else { Windows::forward(shape).fired_workspace(self, batch) }
    }

    /// [`Engine::convolution_transposed`], then [`Engine::fire_errors`], a cache-sized panel of totals at a time.
    ///
    /// `errors` is `[batch][output map]`; `gates` and `out` are `[batch][input map]`. The divisor is as for
    /// [`Engine::convolution_fire`], of the input channels.
    ///
    /// # Errors
    /// Those of [`Engine::convolution_transposed`] and [`Engine::fire_errors`].
    #[expect(clippy::too_many_arguments, reason = "shape, operands, rule, outputs and scratch are all the caller's")]
    pub fn convolution_transposed_fire_errors(
        &self,
        shape: &ConvolutionShape,
        batch: usize,
        errors: &[i8],
        weights: &PackedMatrix,
        divisor: &Divisor,
        gates: &[u8],
        out: &mut [i8],
        workspace: &mut Workspace,
    ) -> Result<FiringStatistics, KernelError> {
        let operation = "convolution_transposed_fire_errors";
        check_backward(operation, shape, batch, errors, weights)?;
        let epilogue = Epilogue::Errors { divisor, gates, errors: out };
        epilogue.check(operation, &[batch, shape.input_height * shape.input_width], shape.input_channels)?;
        let errors = Counts::Signed(errors);
        Windows::transposed(shape).run_fired(operation, self, errors, weights, None, epilogue, workspace)
    }

    /// Bytes of workspace for [`Engine::convolution_transposed_fire_errors`]; 0 for a shape that does not validate.
    pub fn convolution_transposed_fire_errors_workspace(&self, shape: &ConvolutionShape, batch: usize) -> usize {
        if shape.validate().is_err() { 0 } else { Windows::transposed(shape).fired_workspace(self, batch) }
    }
}
