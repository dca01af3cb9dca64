//! Sum pooling and its adjoint.

use super::{share, store_nothing};
use crate::error::check_length;
use crate::{Counts, Engine, KernelError, PoolingShape, Store};

impl Engine {
    /// `out[n][y][x][c] = store(sum over i, j of input[n][y*s+i][x*s+j][c])`, the windows' sums.
    ///
    /// `input` is `[batch][input map]`, `out` `[batch][output map]`.
    ///
    /// # Errors
    /// Those of [`PoolingShape::validate`], or [`KernelError::Length`].
    pub fn sum_pooling(
        &self,
        shape: &PoolingShape,
        batch: usize,
        input: Counts<'_>,
        store: Store,
        out: &mut [i32],
    ) -> Result<(), KernelError> {
        let operation = "sum_pooling";
        shape.validate()?;
        check_length(operation, "input", &[batch, shape.input_length()], input.len())?;
        check_length(operation, "out", &[batch, shape.output_length()], out.len())?;
        let length = shape.output_length();
        self.by_sample(batch, shape.input_length(), length, out, |sample, out| {
            let range = sample * shape.input_length()..(sample + 1) * shape.input_length();
            match input {
                Counts::Unsigned(values) => pool(shape, &values[range], i32::from, store, out),
                Counts::Signed(values) => pool(shape, &values[range], i32::from, store, out),
            }
        });
        Ok(())
    }

    /// `out[n][y][x][c] = store(sum of the errors of all windows that hold the cell)`.
    ///
    /// The adjoint of [`Engine::sum_pooling`]: `errors` is `[batch][output map]`, `out` `[batch][input map]`.
    ///
    /// # Errors
    /// Those of [`PoolingShape::validate`], or [`KernelError::Length`].
    pub fn sum_pooling_transposed(
        &self,
        shape: &PoolingShape,
        batch: usize,
        errors: &[i8],
        store: Store,
        out: &mut [i32],
    ) -> Result<(), KernelError> {
        let operation = "sum_pooling_transposed";
        shape.validate()?;
        check_length(operation, "errors", &[batch, shape.output_length()], errors.len())?;
        check_length(operation, "out", &[batch, shape.input_length()], out.len())?;
        let length = shape.input_length();
        self.by_sample(batch, length, length, out, |sample, out| {
            spread(shape, &errors[sample * shape.output_length()..][..shape.output_length()], store, out);
        });
        Ok(())
    }

    /// Runs `run` on the output of every sample.
    fn by_sample<Run>(&self, batch: usize, work: usize, length: usize, out: &mut [i32], run: Run)
    where
        Run: Fn(usize, &mut [i32]) + Sync,
    {
        if out.is_empty() {
            return;
        }
        let parts = self.parts(batch, batch.saturating_mul(work));
        let part_samples = batch.div_ceil(parts);
        share(parts, out, part_samples * length, &mut [], 0, |part, out, _| {
            for (index, out) in out.chunks_exact_mut(length).enumerate() {
                run(part * part_samples + index, out);
            }
        });
    }
}

/// Pools one sample.
fn pool<T: Copy>(shape: &PoolingShape, input: &[T], widen: impl Fn(T) -> i32, store: Store, out: &mut [i32]) {
    let channels = shape.channels;
    let row_length = shape.input_width * channels;
    let output_width = shape.output_width();
    if !store.accumulate {
        out.fill(0);
    }
    for (y, row) in out.chunks_exact_mut(output_width * channels).enumerate() {
        for i in 0..shape.window[0] {
            let source = &input[(y * shape.stride[0] + i) * row_length..][..row_length];
            for (x, cell) in row.chunks_exact_mut(channels).enumerate() {
                let window = &source[x * shape.stride[1] * channels..][..shape.window[1] * channels];
                for source in window.chunks_exact(channels) {
                    for (value, &count) in cell.iter_mut().zip(source) {
                        *value = value.wrapping_add(store.scale.wrapping_mul(widen(count)));
                    }
                }
            }
        }
    }
}

/// Spreads the errors of one sample.
fn spread(shape: &PoolingShape, errors: &[i8], store: Store, out: &mut [i32]) {
    let channels = shape.channels;
    let row_length = shape.input_width * channels;
    let output_width = shape.output_width();
    store_nothing(store, out);
    for (y, row) in errors.chunks_exact(output_width * channels).enumerate() {
        for i in 0..shape.window[0] {
            let target = &mut out[(y * shape.stride[0] + i) * row_length..][..row_length];
            for (x, cell) in row.chunks_exact(channels).enumerate() {
                let window = &mut target[x * shape.stride[1] * channels..][..shape.window[1] * channels];
                for target in window.chunks_exact_mut(channels) {
                    for (value, &error) in target.iter_mut().zip(cell) {
                        *value = value.wrapping_add(store.scale.wrapping_mul(i32::from(error)));
                    }
                }
            }
        }
    }
}
