//! Pooling into a fresh output: every output value is stored once.

use crate::PoolingShape;
use crate::dispatch::Loop;

/// Pools one sample by windows of 2 x 2 cells.
pub(super) struct Pool<'a, T> {
    pub(super) shape: &'a PoolingShape,
    pub(super) input: &'a [T],
    pub(super) scale: i32,
    pub(super) out: &'a mut [i32],
}

/// Spreads the errors of one sample; the windows must cover the map once.
pub(super) struct Spread<'a> {
    pub(super) shape: &'a PoolingShape,
    pub(super) errors: &'a [i8],
    pub(super) scale: i32,
    pub(super) out: &'a mut [i32],
}

/// Whether every cell of the map lies in exactly one window.
pub(in crate::operation) fn covers_once(shape: &PoolingShape) -> bool {
    let covered = [shape.output_height() * shape.window[0], shape.output_width() * shape.window[1]];
    shape.stride == shape.window && covered == [shape.input_height, shape.input_width]
}

/// The first channel of block `index`; the last block overlaps the one before.
#[inline(always)]
fn block_start<const LANES: usize>(index: usize, channels: usize) -> usize {
    (index * LANES).min(channels - LANES)
}

/// The `LANES` values from `start` on, as integers.
#[inline(always)]
fn widen<const LANES: usize, T: Copy + Into<i32>>(values: &[T], start: usize) -> [i32; LANES] {
    let mut wide = [0; LANES];
    for (wide, &value) in wide.iter_mut().zip(&values[start..start + LANES]) {
        *wide = value.into();
    }
    wide
}

impl<T: Copy + Into<i32>> Pool<'_, T> {
    #[inline(always)]
    fn sweep<const LANES: usize>(self) {
        let Pool { shape, input, scale, out } = self;
        let channels = shape.channels;
        let row_length = shape.input_width * channels;
        for (y, row) in out.chunks_exact_mut(shape.output_width() * channels).enumerate() {
            let (upper, lower) = input[y * shape.stride[0] * row_length..][..2 * row_length].split_at(row_length);
            for (x, cell) in row.chunks_exact_mut(channels).enumerate() {
                let start = x * shape.stride[1] * channels;
                for index in 0..channels.div_ceil(LANES) {
                    let first = block_start::<LANES>(index, channels);
                    let a = widen::<LANES, T>(upper, start + first);
                    let b = widen::<LANES, T>(upper, start + channels + first);
                    let c = widen::<LANES, T>(lower, start + first);
                    let d = widen::<LANES, T>(lower, start + channels + first);
                    for (lane, value) in cell[first..first + LANES].iter_mut().enumerate() {
                        *value = scale.wrapping_mul(a[lane] + b[lane] + (c[lane] + d[lane]));
                    }
                }
            }
        }
    }
}

impl<T: Copy + Into<i32>> Loop for Pool<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match self.shape.channels {
            0 => {}
            1..4 => self.sweep::<1>(),
            4..8 => self.sweep::<4>(),
            8..16 => self.sweep::<8>(),
            _ => self.sweep::<16>(),
        }
    }
}

impl Spread<'_> {
    #[inline(always)]
    fn sweep<const LANES: usize>(self) {
        let Spread { shape, errors, scale, out } = self;
        let channels = shape.channels;
        let row_length = shape.input_width * channels;
        let [height, width] = shape.window;
        let rows = out.chunks_exact_mut(height * row_length);
        for (rows, errors) in rows.zip(errors.chunks_exact(shape.output_width() * channels)) {
            for (x, errors) in errors.chunks_exact(channels).enumerate() {
                for index in 0..channels.div_ceil(LANES) {
                    let first = block_start::<LANES>(index, channels);
                    let mut values = widen::<LANES, i8>(errors, first);
                    for value in &mut values {
                        *value = scale.wrapping_mul(*value);
                    }
                    for i in 0..height {
                        for j in 0..width {
                            let start = i * row_length + (x * width + j) * channels + first;
                            rows[start..start + LANES].copy_from_slice(&values);
                        }
                    }
                }
            }
        }
    }
}

impl Loop for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match self.shape.channels {
            0 => {}
            1..4 => self.sweep::<1>(),
            4..8 => self.sweep::<4>(),
            8..16 => self.sweep::<8>(),
            _ => self.sweep::<16>(),
        }
    }
}
