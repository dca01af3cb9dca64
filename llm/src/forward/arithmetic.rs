//! What happens between the linear maps: normalisation, gate, residual sum.

use kernels::{Engine, Parallelism};
use ndarray::Array2;
use rayon::prelude::*;

use super::softmax::Gate;
use crate::LlmError;
use crate::model::Frame;

/// Numbers of a matrix below which the work stays on one thread.
const SHARED_NUMBERS: usize = 1 << 15;

/// Calls `change(row number, row)` for every row of a matrix.
///
/// # Errors
/// [`LlmError::Shape`] for a matrix that is not in row-major order: an execution has replaced one.
pub(super) fn for_rows(
    engine: Engine,
    matrix: &mut Array2<f32>,
    change: impl Fn(usize, &mut [f32]) + Sync,
) -> Result<(), LlmError> {
    let columns = matrix.ncols().max(1);
    let is_shared = engine.parallelism() == Parallelism::Rayon && matrix.len() >= SHARED_NUMBERS;
    let refused = order(matrix);
    let numbers = matrix.as_slice_mut().ok_or(refused)?;
    if is_shared {
        numbers.par_chunks_exact_mut(columns).enumerate().for_each(|(index, row)| change(index, row));
    } else {
        numbers.chunks_exact_mut(columns).enumerate().for_each(|(index, row)| change(index, row));
    }
    Ok(())
}

/// As [`for_rows`], with the same row of another matrix of the same shape.
fn for_row_pairs(
    engine: Engine,
    matrix: &mut Array2<f32>,
    other: &Array2<f32>,
    change: impl Fn(&mut [f32], &[f32]) + Sync,
) -> Result<(), LlmError> {
    LlmError::check_shape("activations", matrix.shape(), other.shape())?;
    let columns = other.ncols();
    let numbers = other.as_slice().ok_or_else(|| order(other))?;
    for_rows(engine, matrix, |index, row| change(row, &numbers[index * columns..][..columns]))
}

fn order(matrix: &Array2<f32>) -> LlmError {
    let what = "strides of activations, which must be in row-major order".to_owned();
    let found = matrix.strides().iter().map(|stride| stride.unsigned_abs()).collect();
    LlmError::Shape { what, expected: vec![matrix.ncols(), 1], found }
}

/// `out = gains * x / sqrt(mean(x^2) + epsilon)` for every row `x`.
pub(super) fn normalise(
    engine: Engine,
    hidden: &Array2<f32>,
    gains: &[f32],
    frame: &Frame,
    out: &mut Array2<f32>,
) -> Result<(), LlmError> {
    let epsilon = f64::from(frame.config().norm_epsilon);
    for_row_pairs(engine, out, hidden, |out, row| {
        let squares: f64 = row.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
        let factor = (squares / row.len() as f64 + epsilon).sqrt().recip() as f32;
        for ((out, &value), &gain) in out.iter_mut().zip(row).zip(gains) {
            *out = gain * (value * factor);
        }
    })
}

/// `gates = silu(gates) * ups`, `silu(x) = x / (1 + exp(-x))`.
pub(super) fn gate(engine: Engine, gates: &mut Array2<f32>, ups: &Array2<f32>) -> Result<(), LlmError> {
    for_row_pairs(engine, gates, ups, |gates, ups| engine.vectorised(Gate { gates, ups }))
}

/// `hidden += update`.
pub(super) fn add(engine: Engine, hidden: &mut Array2<f32>, update: &Array2<f32>) -> Result<(), LlmError> {
    for_row_pairs(engine, hidden, update, |hidden, update| {
        for (hidden, &update) in hidden.iter_mut().zip(update) {
            *hidden += update;
        }
    })
}
