//! Convolutions in floats, through the patches of some output rows at a time.

use super::matmul::{View, product};
use crate::error::check_length;
use crate::{ConvolutionShape, KernelError};

/// Output positions whose patches are held at once, about.
const POSITIONS: usize = 128;

/// Output rows whose patches are held at once.
fn panel_rows(shape: &ConvolutionShape) -> usize {
    (POSITIONS / shape.output_width().max(1)).clamp(1, shape.output_height())
}

/// Floats of workspace for the three convolutions; 0 for a shape that does not validate.
pub fn convolution_workspace(shape: &ConvolutionShape) -> usize {
    if shape.validate().is_err() {
        return 0;
    }
    panel_rows(shape).saturating_mul(shape.output_width()).saturating_mul(shape.patch())
}

/// Checks shape and slices; returns the scratch for patches.
fn prepare<'a>(
    operation: &'static str,
    shape: &ConvolutionShape,
    slices: [(&'static str, &[usize], usize); 3],
    workspace: &'a mut [f32],
) -> Result<&'a mut [f32], KernelError> {
    shape.validate()?;
    for (what, sizes, found) in slices {
        check_length(operation, what, sizes, found)?;
    }
    let needed = convolution_workspace(shape);
    let found = workspace.len();
    workspace.get_mut(..needed).ok_or(KernelError::WorkspaceTooSmall {
        operation,
        needed: needed.saturating_mul(4),
        found: found.saturating_mul(4),
    })
}

/// Calls `visit(patch offset, input offset, length)` for every stretch of a patch row that lies inside the input, for
/// the output rows `first..first + rows`.
fn for_stretches(shape: &ConvolutionShape, first: usize, rows: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let [kernel_height, kernel_width] = shape.kernel;
    let channels = shape.input_channels;
    for row in 0..rows {
        for x in 0..shape.output_width() {
            let patch = (row * shape.output_width() + x) * shape.patch();
            let left = x * shape.stride[1];
            let start = shape.padding[1].saturating_sub(left).min(kernel_width);
            let end = (shape.input_width + shape.padding[1]).saturating_sub(left).min(kernel_width);
            if start >= end {
                continue;
            }
            for i in 0..kernel_height {
                let line = (first + row) * shape.stride[0] + i;
                if line < shape.padding[0] || line - shape.padding[0] >= shape.input_height {
                    continue;
                }
                let cell = (line - shape.padding[0]) * shape.input_width + left + start - shape.padding[1];
                let offset = patch + (i * kernel_width + start) * channels;
                visit(offset, cell * channels, (end - start) * channels);
            }
        }
    }
}

/// Calls `visit(first output row, rows)` for every panel.
fn for_panels(shape: &ConvolutionShape, mut visit: impl FnMut(usize, usize)) {
    let step = panel_rows(shape);
    let mut first = 0;
    while first < shape.output_height() {
        let rows = step.min(shape.output_height() - first);
        visit(first, rows);
        first += rows;
    }
}

/// Gathers the patches of some output rows.
fn gather(shape: &ConvolutionShape, input: &[f32], first: usize, rows: usize, patches: &mut [f32]) {
    patches.fill(0.0);
    for_stretches(shape, first, rows, |patch, cell, length| {
        patches[patch..patch + length].copy_from_slice(&input[cell..cell + length]);
    });
}

/// `out[n][y][x][o] = sum over i, j, c of weights[o][i][j][c] * input[n][y*s+i-p][x*s+j-p][c]`.
///
/// # Errors
/// Those of [`ConvolutionShape::validate`], [`KernelError::Length`] or [`KernelError::WorkspaceTooSmall`].
pub fn convolution(
    shape: &ConvolutionShape,
    batch: usize,
    input: &[f32],
    weights: &[f32],
    accumulate: bool,
    out: &mut [f32],
    workspace: &mut [f32],
) -> Result<(), KernelError> {
    shape.validate()?;
    let (input_length, output_length) = (shape.input_length(), shape.output_length());
    let slices = [
        ("input", &[batch, input_length][..], input.len()),
        ("weights", &[shape.weight_length()][..], weights.len()),
        ("out", &[batch, output_length][..], out.len()),
    ];
    let scratch = prepare("float::convolution", shape, slices, workspace)?;
    let (patch, channels) = (shape.patch(), shape.output_channels);
    for sample in 0..batch {
        let input = &input[sample * input_length..][..input_length];
        for_panels(shape, |first, rows| {
            let positions = rows * shape.output_width();
            let patches = &mut scratch[..positions * patch];
            gather(shape, input, first, rows, patches);
            let start = sample * output_length + first * shape.output_width() * channels;
            let left = View { values: patches, row_step: patch, column_step: 1 };
            let right = View { values: weights, row_step: 1, column_step: patch };
            product(positions, patch, channels, left, right, accumulate, &mut out[start..][..positions * channels]);
        });
    }
    Ok(())
}

/// The adjoint of [`convolution`]: from `errors` `[batch][output map]` to `out` `[batch][input map]`.
///
/// # Errors
/// As for [`convolution`].
pub fn convolution_transposed(
    shape: &ConvolutionShape,
    batch: usize,
    errors: &[f32],
    weights: &[f32],
    accumulate: bool,
    out: &mut [f32],
    workspace: &mut [f32],
) -> Result<(), KernelError> {
    shape.validate()?;
    let (input_length, output_length) = (shape.input_length(), shape.output_length());
    let slices = [
        ("errors", &[batch, output_length][..], errors.len()),
        ("weights", &[shape.weight_length()][..], weights.len()),
        ("out", &[batch, input_length][..], out.len()),
    ];
    let scratch = prepare("float::convolution_transposed", shape, slices, workspace)?;
    let (patch, channels) = (shape.patch(), shape.output_channels);
    if !accumulate {
        out.fill(0.0);
    }
    for sample in 0..batch {
        let errors = &errors[sample * output_length..][..output_length];
        let out = &mut out[sample * input_length..][..input_length];
        for_panels(shape, |first, rows| {
            let positions = rows * shape.output_width();
            let patches = &mut scratch[..positions * patch];
            let values = &errors[first * shape.output_width() * channels..][..positions * channels];
            let left = View { values, row_step: channels, column_step: 1 };
            let right = View { values: weights, row_step: patch, column_step: 1 };
            product(positions, channels, patch, left, right, false, patches);
            for_stretches(shape, first, rows, |patch, cell, length| {
                for (value, &part) in out[cell..cell + length].iter_mut().zip(&patches[patch..patch + length]) {
                    *value += part;
                }
            });
        });
    }
    Ok(())
}

/// `out[o][i][j][c] = sum over n, y, x of errors[n][y][x][o] * counts[n][y*s+i-p][x*s+j-p][c]`.
///
/// # Errors
/// As for [`convolution`].
pub fn convolution_gradient(
    shape: &ConvolutionShape,
    batch: usize,
    errors: &[f32],
    counts: &[f32],
    accumulate: bool,
    out: &mut [f32],
    workspace: &mut [f32],
) -> Result<(), KernelError> {
    shape.validate()?;
    let (input_length, output_length) = (shape.input_length(), shape.output_length());
    let slices = [
        ("errors", &[batch, output_length][..], errors.len()),
        ("counts", &[batch, input_length][..], counts.len()),
        ("out", &[shape.weight_length()][..], out.len()),
    ];
    let scratch = prepare("float::convolution_gradient", shape, slices, workspace)?;
    let (patch, channels) = (shape.patch(), shape.output_channels);
    if !accumulate {
        out.fill(0.0);
    }
    for sample in 0..batch {
        let counts = &counts[sample * input_length..][..input_length];
        let errors = &errors[sample * output_length..][..output_length];
        for_panels(shape, |first, rows| {
            let positions = rows * shape.output_width();
            let patches = &mut scratch[..positions * patch];
            gather(shape, counts, first, rows, patches);
            let values = &errors[first * shape.output_width() * channels..][..positions * channels];
            let left = View { values, row_step: 1, column_step: channels };
            let right = View { values: patches, row_step: patch, column_step: 1 };
            product(channels, positions, patch, left, right, true, out);
        });
    }
    Ok(())
}
