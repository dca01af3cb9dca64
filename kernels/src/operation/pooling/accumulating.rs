//! Pooling of every kind, window cell by window cell.

use crate::dispatch::Loop;
use crate::operation::store_nothing;
use crate::{PoolingShape, Store};

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
pub(super) struct Pool<'a, T> {
    pub(super) shape: &'a PoolingShape,
    pub(super) input: &'a [T],
    pub(super) store: Store,
    pub(super) out: &'a mut [i32],
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
pub(super) struct Spread<'a> {
    pub(super) shape: &'a PoolingShape,
    pub(super) errors: &'a [i8],
    pub(super) store: Store,
    pub(super) out: &'a mut [i32],
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
