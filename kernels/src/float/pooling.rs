//! Sum pooling in floats.

use crate::error::check_length;
use crate::{KernelError, PoolingShape};

/// Calls `visit(output offset, input offset)` for every cell of every window of one sample.
fn for_cells(shape: &PoolingShape, mut visit: impl FnMut(usize, usize)) {
    for y in 0..shape.output_height() {
        for x in 0..shape.output_width() {
            for i in 0..shape.window[0] {
                for j in 0..shape.window[1] {
                    let row = y * shape.stride[0] + i;
                    let cell = row * shape.input_width + x * shape.stride[1] + j;
                    visit((y * shape.output_width() + x) * shape.channels, cell * shape.channels);
                }
            }
        }
    }
}

/// Adds `source` to `target`.
fn add(target: &mut [f32], source: &[f32]) {
    for (value, &part) in target.iter_mut().zip(source) {
        *value += part;
    }
}

/// `out[n][y][x][c] = sum over i, j of input[n][y*s+i][x*s+j][c]`.
///
/// # Errors
/// Those of [`PoolingShape::validate`], or [`KernelError::Length`].
pub fn sum_pooling(
    shape: &PoolingShape,
    batch: usize,
    input: &[f32],
    accumulate: bool,
    out: &mut [f32],
) -> Result<(), KernelError> {
    let operation = "float::sum_pooling";
    shape.validate()?;
    let (input_length, output_length, channels) = (shape.input_length(), shape.output_length(), shape.channels);
    check_length(operation, "input", &[batch, input_length], input.len())?;
    check_length(operation, "out", &[batch, output_length], out.len())?;
    if !accumulate {
        out.fill(0.0);
    }
    for sample in 0..batch {
        let input = &input[sample * input_length..][..input_length];
        let out = &mut out[sample * output_length..][..output_length];
        for_cells(shape, |target, source| add(&mut out[target..][..channels], &input[source..][..channels]));
    }
    Ok(())
}

/// The adjoint of [`sum_pooling`]: every input cell receives the errors of all windows that hold it.
///
/// # Errors
/// Those of [`PoolingShape::validate`], or [`KernelError::Length`].
pub fn sum_pooling_transposed(
    shape: &PoolingShape,
    batch: usize,
    errors: &[f32],
    accumulate: bool,
    out: &mut [f32],
) -> Result<(), KernelError> {
    let operation = "float::sum_pooling_transposed";
    shape.validate()?;
    let (input_length, output_length, channels) = (shape.input_length(), shape.output_length(), shape.channels);
    check_length(operation, "errors", &[batch, output_length], errors.len())?;
    check_length(operation, "out", &[batch, input_length], out.len())?;
    if !accumulate {
        out.fill(0.0);
    }
    for sample in 0..batch {
        let errors = &errors[sample * output_length..][..output_length];
        let out = &mut out[sample * input_length..][..input_length];
        for_cells(shape, |source, target| add(&mut out[target..][..channels], &errors[source..][..channels]));
    }
    Ok(())
}
