//! Dense products in floats.

use crate::KernelError;
use crate::error::check_length;

/// A row-major or transposed view: element `[r][c]` is `values[row_step * r + column_step * c]`.
pub(super) struct View<'a> {
    pub(super) values: &'a [f32],
    pub(super) row_step: usize,
    pub(super) column_step: usize,
}

/// `out[r][c] = (accumulate ? out : 0) + sum over k of left[r][k] * right[k][c]`, `out` row-major.
pub(super) fn product(
    rows: usize,
    inner: usize,
    columns: usize,
    left: View<'_>,
    right: View<'_>,
    accumulate: bool,
    out: &mut [f32],
) {
    let reach =
        |view: &View<'_>, rows: usize, columns: usize| (rows - 1) * view.row_step + (columns - 1) * view.column_step;
    if rows == 0 || columns == 0 || inner == 0 {
        if !accumulate {
            out.fill(0.0);
        }
        return;
    }
    assert!(reach(&left, rows, inner) < left.values.len(), "left operand exceeds its buffer");
    assert!(reach(&right, inner, columns) < right.values.len(), "right operand exceeds its buffer");
    assert!(rows * columns <= out.len(), "output exceeds its buffer");
    // SAFETY: the strided accesses were checked above; the output is borrowed exclusively.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            columns as isize,
            accumulate,
            left.values.as_ptr(),
            left.column_step as isize,
            left.row_step as isize,
            right.values.as_ptr(),
            right.column_step as isize,
            right.row_step as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// `out[r][o] = sum over i of left[r][i] * weights[o][i]`: `left` `[rows][inner]`, `weights` `[columns][inner]`.
///
/// # Errors
/// [`KernelError::Length`].
pub fn matmul(
    rows: usize,
    inner: usize,
    columns: usize,
    left: &[f32],
    weights: &[f32],
    accumulate: bool,
    out: &mut [f32],
) -> Result<(), KernelError> {
    let operation = "float::matmul";
    check_length(operation, "left", &[rows, inner], left.len())?;
    check_length(operation, "weights", &[columns, inner], weights.len())?;
    check_length(operation, "out", &[rows, columns], out.len())?;
    let left = View { values: left, row_step: inner, column_step: 1 };
    let right = View { values: weights, row_step: 1, column_step: inner };
    product(rows, inner, columns, left, right, accumulate, out);
    Ok(())
}

/// `out[r][i] = sum over o of errors[r][o] * weights[o][i]`: `errors` `[rows][outputs]`, `weights`
/// `[outputs][inputs]`, `out` `[rows][inputs]`.
///
/// # Errors
/// [`KernelError::Length`].
pub fn matmul_transposed(
    rows: usize,
    outputs: usize,
    inputs: usize,
    errors: &[f32],
    weights: &[f32],
    accumulate: bool,
    out: &mut [f32],
) -> Result<(), KernelError> {
    let operation = "float::matmul_transposed";
    check_length(operation, "errors", &[rows, outputs], errors.len())?;
    check_length(operation, "weights", &[outputs, inputs], weights.len())?;
    check_length(operation, "out", &[rows, inputs], out.len())?;
    let left = View { values: errors, row_step: outputs, column_step: 1 };
    let right = View { values: weights, row_step: inputs, column_step: 1 };
    product(rows, outputs, inputs, left, right, accumulate, out);
    Ok(())
}

/// `out[o][i] = sum over n of errors[n][o] * counts[n][i]`: `errors` `[batch][outputs]`, `counts` `[batch][inputs]`.
///
/// # Errors
/// [`KernelError::Length`].
pub fn dense_gradient(
    batch: usize,
    outputs: usize,
    inputs: usize,
    errors: &[f32],
    counts: &[f32],
    accumulate: bool,
    out: &mut [f32],
) -> Result<(), KernelError> {
    let operation = "float::dense_gradient";
    check_length(operation, "errors", &[batch, outputs], errors.len())?;
    check_length(operation, "counts", &[batch, inputs], counts.len())?;
    check_length(operation, "out", &[outputs, inputs], out.len())?;
    let left = View { values: errors, row_step: 1, column_step: outputs };
    let right = View { values: counts, row_step: inputs, column_step: 1 };
    product(outputs, batch, inputs, left, right, accumulate, out);
    Ok(())
}
