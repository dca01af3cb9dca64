//! Sum pooling and its adjoint.

use super::{share, store_nothing};
use crate::dispatch::{Loop, vectorised};
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
        let (isa, length) = (self.isa(), shape.output_length());
        self.by_sample(batch, shape.input_length(), length, out, |sample, out| {
            let range = sample * shape.input_length()..(sample + 1) * shape.input_length();
            match input {
                Counts::Unsigned(values) => vectorised(isa, Pool { shape, input: &values[range], store, out }),
                Counts::Signed(values) => vectorised(isa, Pool { shape, input: &values[range], store, out }),
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
        let (isa, length) = (self.isa(), shape.input_length());
        self.by_sample(batch, length, length, out, |sample, out| {
            let errors = &errors[sample * shape.output_length()..][..shape.output_length()];
            vectorised(isa, Spread { shape, errors, store, out });
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

/// `target += scale * source`, wrapping. Lengths of at least `LANES` take whole blocks only; the last one overlaps the
/// one before and is computed from the values found at the start.
#[inline(always)]
fn add_blocks<const LANES: usize, T: Copy + Into<i32>>(target: &mut [i32], source: &[T], scale: i32) {
    let add = |old: i32, part: T| old.wrapping_add(scale.wrapping_mul(part.into()));
    let (Some((_, last_source)), Some((_, last_target))) =
        (source.split_last_chunk::<LANES>(), target.split_last_chunk::<LANES>())
    else {
        for (value, &part) in target.iter_mut().zip(source) {
            *value = add(*value, part);
        }
        return;
    };
    let mut last = *last_target;
    for (value, &part) in last.iter_mut().zip(last_source) {
        *value = add(*value, part);
    }
    let (blocks, _) = source.as_chunks::<LANES>();
    for (block, parts) in target.as_chunks_mut::<LANES>().0.iter_mut().zip(blocks) {
        for (value, &part) in block.iter_mut().zip(parts) {
            *value = add(*value, part);
        }
    }
    if let Some(end) = target.last_chunk_mut::<LANES>() {
        *end = last;
    }
}

/// [`add_blocks`] with blocks that suit the length.
#[inline(always)]
fn add<T: Copy + Into<i32>>(target: &mut [i32], source: &[T], scale: i32) {
    if target.len() < 16 {
        add_blocks::<8, T>(target, source, scale)
    } else {
        add_blocks::<16, T>(target, source, scale)
    }
}

/// Pools one sample.
struct Pool<'a, T> {
    shape: &'a PoolingShape,
    input: &'a [T],
    store: Store,
    out: &'a mut [i32],
}

impl<T: Copy + Into<i32>> Loop for Pool<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Pool { shape, input, store, out } = self;
        let channels = shape.channels;
        let row_length = shape.input_width * channels;
        store_nothing(store, out);
        for (y, row) in out.chunks_exact_mut(shape.output_width() * channels).enumerate() {
            for i in 0..shape.window[0] {
                let source = &input[(y * shape.stride[0] + i) * row_length..][..row_length];
                for (x, cell) in row.chunks_exact_mut(channels).enumerate() {
                    let window = &source[x * shape.stride[1] * channels..][..shape.window[1] * channels];
                    for source in window.chunks_exact(channels) {
                        add(cell, source, store.scale);
                    }
                }
            }
        }
    }
}

/// Spreads the errors of one sample.
struct Spread<'a> {
    shape: &'a PoolingShape,
    errors: &'a [i8],
    store: Store,
    out: &'a mut [i32],
}

impl Loop for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Spread { shape, errors, store, out } = self;
        let channels = shape.channels;
        let row_length = shape.input_width * channels;
        store_nothing(store, out);
        for (y, row) in errors.chunks_exact(shape.output_width() * channels).enumerate() {
            for i in 0..shape.window[0] {
                let target = &mut out[(y * shape.stride[0] + i) * row_length..][..row_length];
                for (x, cell) in row.chunks_exact(channels).enumerate() {
                    let window = &mut target[x * shape.stride[1] * channels..][..shape.window[1] * channels];
                    for target in window.chunks_exact_mut(channels) {
                        add(target, cell, store.scale);
                    }
                }
            }
        }
    }
}
