//! The product of a matrix with several vectors, through panels of rows.

use kernels::{Engine, Parallelism, float};
use rayon::prelude::*;

use super::Matrix;
use crate::LlmError;

/// Rows of a panel; it fixes how a product is split, whatever the number of threads.
const PANEL: usize = 128;
/// Multiply-accumulates below which the work stays on one thread.
const SHARED_WORK: usize = 1 << 21;

/// `outputs[t][r] = sum over c of inputs[t][c] * matrix[r][c]`, the lengths checked.
pub(super) fn multiply(matrix: &Matrix, engine: Engine, inputs: &[f32], outputs: &mut [f32]) -> Result<(), LlmError> {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    let Some(tokens) = inputs.len().checked_div(columns) else {
        outputs.fill(0.0);
        return Ok(());
    };
    if rows == 0 || tokens == 0 {
        return Ok(());
    }
    let panel = |first: usize| {
        let end = rows.min(first + PANEL);
        let mut part = vec![0.0; tokens * (end - first)];
        let weights = matrix.values(first..end).to_f32();
        float::matmul(tokens, columns, end - first, inputs, &weights, false, &mut part)?;
        Ok::<_, LlmError>(part)
    };
    if rows <= PANEL {
        let weights = matrix.values(0..rows).to_f32();
        float::matmul(tokens, columns, rows, inputs, &weights, false, outputs)?;
        return Ok(());
    }
    let firsts = (0..rows.div_ceil(PANEL)).map(|index| index * PANEL);
    if engine.parallelism() != Parallelism::Rayon || tokens * columns * rows < SHARED_WORK {
        for first in firsts {
            place(first, &panel(first)?, rows, outputs.chunks_exact_mut(rows));
        }
        return Ok(());
    }
    let firsts: Vec<usize> = firsts.collect();
    let parts = firsts.par_iter().map(|&first| panel(first)).collect::<Result<Vec<_>, _>>()?;
    outputs.par_chunks_exact_mut(rows).enumerate().for_each(|(token, output)| {
        for (output, part) in output.chunks_mut(PANEL).zip(&parts) {
            let width = output.len();
            output.copy_from_slice(&part[token * width..][..width]);
        }
    });
    Ok(())
}

/// Writes a panel's part of the outputs, `[tokens, panel]`, to the columns from `first`.
fn place<'a>(first: usize, part: &[f32], rows: usize, outputs: impl Iterator<Item = &'a mut [f32]>) {
    let width = PANEL.min(rows - first);
    for (output, part) in outputs.zip(part.chunks_exact(width)) {
        output[first..first + width].copy_from_slice(part);
    }
}
