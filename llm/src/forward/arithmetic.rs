//! What happens between the linear maps: normalisation, gate, residual sum.

use kernels::{Engine, Loop, Parallelism};
use ndarray::Array2;
use rayon::prelude::*;

use super::softmax::Gate;
use crate::LlmError;
use crate::model::Frame;

/// Numbers of a matrix below which the work stays on one thread.
const SHARED_NUMBERS: usize = 1 << 15;
/// Rows that are normalised together.
const ROWS: usize = 8;

fn is_shared(engine: Engine, matrix: &Array2<f32>) -> bool {
    engine.parallelism() == Parallelism::Rayon && matrix.len() >= SHARED_NUMBERS
}

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
    let is_shared = is_shared(engine, matrix);
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
    LlmError::check_shape("activations", out.shape(), hidden.shape())?;
    let (columns, is_shared) = (hidden.ncols().max(1), is_shared(engine, hidden));
    let epsilon = f64::from(frame.config().norm_epsilon);
    let numbers = hidden.as_slice().ok_or_else(|| order(hidden))?;
    let refused = order(out);
    let out = out.as_slice_mut().ok_or(refused)?;
    let run = |(out, rows): (&mut [f32], &[f32])| engine.vectorised(Normalise { rows, columns, gains, epsilon, out });
    if is_shared {
        out.par_chunks_mut(ROWS * columns).zip(numbers.par_chunks(ROWS * columns)).for_each(run);
    } else {
        out.chunks_mut(ROWS * columns).zip(numbers.chunks(ROWS * columns)).for_each(run);
    }
    Ok(())
}

/// The normalisation of up to [`ROWS`] rows.
struct Normalise<'a> {
    rows: &'a [f32],
    columns: usize,
    gains: &'a [f32],
    epsilon: f64,
    out: &'a mut [f32],
}

impl Loop for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // Squares are summed one after the other; several rows at a time, as each addition waits for the one before.
        let mut squares = [0f64; ROWS];
        let whole = self.rows.len() == ROWS * self.columns;
        if whole {
            let rows: [&[f32]; ROWS] = std::array::from_fn(|row| &self.rows[row * self.columns..][..self.columns]);
            #[expect(clippy::needless_range_loop, reason = "one column of several rows")]
            for column in 0..self.columns {
                for row in 0..ROWS {
                    let value = f64::from(rows[row][column]);
                    squares[row] += value * value;
                }
            }
        } else {
            for (squares, row) in squares.iter_mut().zip(self.rows.chunks_exact(self.columns)) {
                *squares = row.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
            }
        }
        let rows = self.out.chunks_exact_mut(self.columns).zip(self.rows.chunks_exact(self.columns));
        for ((out, row), squares) in rows.zip(squares) {
            let factor = (squares / self.columns as f64 + self.epsilon).sqrt().recip() as f32;
            for ((out, &value), &gain) in out.iter_mut().zip(row).zip(self.gains) {
                *out = gain * (value * factor);
            }
        }
    }
}

/// `gates = silu(gates) * ups`, `silu(x) = x / (1 + exp(-x))`.
pub(super) fn gate(engine: Engine, gates: &mut Array2<f32>, ups: &Array2<f32>) -> Result<(), LlmError> {
    for_row_pairs(engine, gates, ups, |gates, ups| engine.vectorised(Gate { gates, ups }))
}

/// `hidden += update`.
pub(super) fn add(engine: Engine, hidden: &mut Array2<f32>, update: &Array2<f32>) -> Result<(), LlmError> {
    for_row_pairs(engine, hidden, update, |hidden, update| engine.vectorised(Add { hidden, update }))
}

struct Add<'a> {
    hidden: &'a mut [f32],
    update: &'a [f32],
}

impl Loop for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (hidden, &update) in self.hidden.iter_mut().zip(self.update) {
            *hidden += update;
        }
    }
}
