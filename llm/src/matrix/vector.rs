//! The product of a matrix with one vector: one pass over the stored numbers.

use half::slice::HalfFloatSliceExt as _;
use kernels::{Engine, Loop, Parallelism};
use rayon::prelude::*;

use super::storage::{Values, from_bf16};
use super::{Matrix, e4m3};
use crate::LlmError;

/// Rows that one task takes.
const ROWS: usize = 64;
/// Numbers of a matrix below which the work stays on one thread.
const SHARED_NUMBERS: usize = 1 << 18;
/// Partial sums of a dot product; their number fixes its order of additions.
const LANES: usize = 64;
/// Half-precision numbers converted at once.
const CHUNK: usize = 1024;

/// `outputs[r] = sum over c of inputs[c] * matrix[r][c]`, the lengths checked.
pub(super) fn multiply(matrix: &Matrix, engine: Engine, inputs: &[f32], outputs: &mut [f32]) -> Result<(), LlmError> {
    let rows = |first: usize, outputs: &mut [f32]| {
        engine.vectorised(Rows { values: matrix.values(first..first + outputs.len()), inputs, outputs });
    };
    if engine.parallelism() == Parallelism::Rayon && matrix.rows() * matrix.columns() >= SHARED_NUMBERS {
        outputs.par_chunks_mut(ROWS).enumerate().for_each(|(index, outputs)| rows(index * ROWS, outputs));
    } else {
        rows(0, outputs);
    }
    Ok(())
}

/// Dot products of rows with one vector.
struct Rows<'a> {
    values: Values<'a>,
    inputs: &'a [f32],
    outputs: &'a mut [f32],
}

impl Loop for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let columns = self.inputs.len();
        if columns == 0 {
            self.outputs.fill(0.0);
            return;
        }
        match self.values {
            Values::F32(values) => {
                for (output, row) in self.outputs.iter_mut().zip(values.chunks_exact(columns)) {
                    *output = dot(row, self.inputs, |value| value);
                }
            }
            Values::Bf16(values) => {
                for (output, row) in self.outputs.iter_mut().zip(values.chunks_exact(columns)) {
                    *output = dot(row, self.inputs, from_bf16);
                }
            }
            Values::E4m3(codes) => {
                for (output, row) in self.outputs.iter_mut().zip(codes.chunks_exact(columns)) {
                    *output = dot(row, self.inputs, e4m3::value);
                }
            }
            Values::F16(values) => {
                let mut buffer = [0.0; CHUNK];
                for (output, row) in self.outputs.iter_mut().zip(values.chunks_exact(columns)) {
                    *output = 0.0;
                    for (row, inputs) in row.chunks(CHUNK).zip(self.inputs.chunks(CHUNK)) {
                        let buffer = &mut buffer[..row.len()];
                        row.convert_to_f32_slice(buffer);
                        *output += dot(buffer, inputs, |value| value);
                    }
                }
            }
        }
    }
}

/// The dot product of two runs of numbers of one length, in partial sums of a fixed order.
#[inline(always)]
fn dot<N: Copy>(row: &[N], inputs: &[f32], convert: impl Fn(N) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (row, row_rest) = row.as_chunks::<LANES>();
    let (inputs, inputs_rest) = inputs.as_chunks::<LANES>();
    for (row, inputs) in row.iter().zip(inputs) {
        for lane in 0..LANES {
            lanes[lane] += convert(row[lane]) * inputs[lane];
        }
    }
    for ((lane, &value), &input) in lanes.iter_mut().zip(row_rest).zip(inputs_rest) {
        *lane += convert(value) * input;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}
