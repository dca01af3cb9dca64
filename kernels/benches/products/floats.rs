//! The same matrix products in f32 with the `gemm` crate.

use crate::timing::median;

/// Median seconds of `out = left * right` for matrices `[rows x inner]` and `[inner x columns]`.
///
/// The layouts are those of training: forward reads weights `[columns][inner]`, the error product weights
/// `[inner][columns]`, the update errors `[inner][rows]`.
pub fn seconds(phase: &str, [rows, inner, columns]: [usize; 3], threads: usize, budget: f64) -> f64 {
    let (left, right) = (vec![0.5f32; rows * inner], vec![0.25f32; inner * columns]);
    let mut out = vec![0f32; rows * columns];
    let (left_column, left_row) = if phase == "update" { (rows, 1) } else { (1, inner) };
    let (right_column, right_row) = if phase == "forward" { (inner, 1) } else { (1, columns) };
    let parallelism = if threads == 1 { gemm::Parallelism::None } else { gemm::Parallelism::Rayon(threads) };
    let timed = median(budget, || {
        // SAFETY: each matrix holds as many values as its sizes say and its strides visit each value once; the
        // output is borrowed exclusively.
        unsafe {
            gemm::gemm(
                rows,
                columns,
                inner,
                out.as_mut_ptr(),
                1,
                columns as isize,
                false,
                std::hint::black_box(&left).as_ptr(),
                left_column as isize,
                left_row as isize,
                std::hint::black_box(&right).as_ptr(),
                right_column as isize,
                right_row as isize,
                0.0,
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
        Ok::<(), std::convert::Infallible>(())
    });
    match timed {
        Ok(seconds) => seconds,
        Err(never) => match never {},
    }
}
