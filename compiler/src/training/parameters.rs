//! Trained numbers over the partial sums of a projection.

use super::columns::whole;

/// Sizes `[row tiles, slices, streams, outputs]` of the partial sums of a projection, and how a
/// partial sum is numbered: `((r * streams + j) * slices + k) * outputs + m`, so that a read holds a
/// run of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes(pub [usize; 4]);

impl Sizes {
    pub fn count(self) -> usize {
        self.0.iter().product()
    }

    /// Number of the partial sum at `[row tile, slice, stream, output]`.
    pub fn place(self, [r, k, j, m]: [usize; 4]) -> usize {
        let [_, slices, streams, outputs] = self.0;
        ((r * streams + j) * slices + k) * outputs + m
    }

    /// `[row tile, slice, stream, output]` of a number.
    pub fn index(self, place: usize) -> [usize; 4] {
        let [_, slices, streams, outputs] = self.0;
        let (rest, m) = (place / outputs, place % outputs);
        let (rest, k) = (rest / slices, rest % slices);
        [rest / streams, k, rest % streams, m]
    }
}

/// Values that several partial sums may share, with their momentum.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameters {
    /// Sizes; each 1 or the full size.
    pub shape: [usize; 4],
    pub values: Vec<f32>,
    pub momentum: Vec<f32>,
}

impl Parameters {
    pub fn new(shape: [usize; 4]) -> Self {
        let count = shape.iter().product();
        Self { shape, values: vec![1.0; count], momentum: vec![0.0; count] }
    }

    /// Which value a partial sum takes.
    pub fn group(&self, index: [usize; 4]) -> usize {
        self.shape.iter().zip(index).fold(0, |place, (&size, index)| place * size + index.min(size - 1))
    }

    pub fn get(&self, index: [usize; 4]) -> f32 {
        self.values[self.group(index)]
    }

    /// Puts values whose integer is another one than `before` onto that integer, at rest. Where descent pushes a
    /// threshold up from one integer and down from the next, it would otherwise change with every update.
    pub fn settle(&mut self, before: &[i32]) {
        for ((value, velocity), &before) in self.values.iter_mut().zip(&mut self.momentum).zip(before) {
            let now = whole(*value);
            if now != before {
                (*value, *velocity) = (now as f32, 0.0);
            }
        }
    }

    /// Momentum descent along `gradients`, one a value, by at most a tenth of it and kept within the `bounds` of its
    /// number.
    pub fn descend(&mut self, gradients: &[f64], momentum: f64, rate: f64, bounds: impl Fn(usize) -> [f64; 2]) {
        let all = self.values.iter_mut().zip(&mut self.momentum).zip(gradients);
        for (number, ((value, velocity), &gradient)) in all.enumerate() {
            *velocity = (momentum * f64::from(*velocity) + gradient) as f32;
            let (old, [least, most]) = (f64::from(*value), bounds(number));
            *value = (old - rate * f64::from(*velocity)).clamp(0.9 * old, 1.1 * old).clamp(least, most) as f32;
        }
    }
}
