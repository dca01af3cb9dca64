//! Sum pooling and its adjoint.

mod accumulating;
mod overwriting;

pub(super) use overwriting::covers_once;

use super::share;
use crate::dispatch::vectorised;
use crate::error::check_length;
use crate::{Counts, Engine, Isa, KernelError, PoolingShape, Store};

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
        check_forward(operation, shape, batch, input)?;
        check_length(operation, "out", &[batch, shape.output_length()], out.len())?;
        let (isa, length) = (self.isa(), shape.output_length());
        self.by_sample(batch, shape.input_length(), length, out, |sample, out| {
            pool_counts(isa, shape, input, sample * shape.input_length(), store, out);
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
        check_backward(operation, shape, batch, errors)?;
        check_length(operation, "out", &[batch, shape.input_length()], out.len())?;
        let (isa, length) = (self.isa(), shape.input_length());
        self.by_sample(batch, length, length, out, |sample, out| {
            let errors = &errors[sample * shape.output_length()..][..shape.output_length()];
            spread(isa, shape, errors, store, out);
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

/// Pools one map.
fn pool<T: Copy + Into<i32>>(isa: Isa, shape: &PoolingShape, input: &[T], store: Store, out: &mut [i32]) {
    if store.accumulate || shape.window != [2, 2] {
        vectorised(isa, accumulating::Pool { shape, input, store, out });
    } else {
        vectorised(isa, overwriting::Pool { shape, input, scale: store.scale, out });
    }
}

/// Checks the operands of a pooling.
pub(super) fn check_forward(
    operation: &'static str,
    shape: &PoolingShape,
    batch: usize,
    input: Counts<'_>,
) -> Result<(), KernelError> {
    shape.validate()?;
    check_length(operation, "input", &[batch, shape.input_length()], input.len())
}

/// Checks the operands of a transposed pooling.
pub(super) fn check_backward(
    operation: &'static str,
    shape: &PoolingShape,
    batch: usize,
    errors: &[i8],
) -> Result<(), KernelError> {
    shape.validate()?;
    check_length(operation, "errors", &[batch, shape.output_length()], errors.len())
}

/// Pools the map that begins at index `start` of `input`.
pub(super) fn pool_counts(
    isa: Isa,
    shape: &PoolingShape,
    input: Counts<'_>,
    start: usize,
    store: Store,
    out: &mut [i32],
) {
    let range = start..start + shape.input_length();
    match input {
        Counts::Unsigned(values) => pool(isa, shape, &values[range], store, out),
        Counts::Signed(values) => pool(isa, shape, &values[range], store, out),
    }
}

/// Spreads the errors of one map.
pub(super) fn spread(isa: Isa, shape: &PoolingShape, errors: &[i8], store: Store, out: &mut [i32]) {
    if store.accumulate || !covers_once(shape) {
        vectorised(isa, accumulating::Spread { shape, errors, store, out });
    } else {
        vectorised(isa, overwriting::Spread { shape, errors, scale: store.scale, out });
    }
}
