//! Sums over the partial sums of one projection.

use crate::columns::{ColumnOperator, ColumnRead};
use crate::hardware::SignedWeights;

/// Largest threshold that is considered, and last bin of the histograms.
const LARGEST_THRESHOLD: usize = 1023;

/// What is known of the partial sums of one projection.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Observation {
    /// Row tiles, slices, streams, outputs.
    sizes: [usize; 4],
    /// Sizes of the scale factors.
    groups: [usize; 4],
    /// Positions of all examples.
    pub positions: u64,
    /// `[slice][stream][|P|]`: number of partial sums.
    histograms: Vec<u64>,
    /// `sum |P|` of each group.
    pub magnitudes: Vec<u64>,
    /// Number of partial sums that need at least the step `2^index`.
    needed_steps: [u64; 32],
}

fn group(groups: [usize; 4], index: [usize; 4]) -> usize {
    groups.iter().zip(index).fold(0, |place, (&size, index)| place * size + index.min(size - 1))
}

impl Observation {
    pub fn new(operator: &ColumnOperator, groups: [usize; 4]) -> Self {
        let sizes = [operator.row_tiles(), operator.slicing().count(), operator.streams().len(), operator.outputs()];
        Self {
            sizes,
            groups,
            positions: 0,
            histograms: vec![0; sizes[1] * sizes[2] * (LARGEST_THRESHOLD + 1)],
            magnitudes: vec![0; groups.iter().product()],
            needed_steps: [0; 32],
        }
    }

    /// Takes a read in. `bits` is the resolution of a uniform converter.
    pub fn add(&mut self, read: &ColumnRead<'_>, bits: Option<(u32, SignedWeights)>) {
        let [_, slices, streams, outputs] = self.sizes;
        if read.row_tile == 0 && read.stream == 0 {
            self.positions += read.count as u64;
        }
        let columns = slices * outputs;
        let mut magnitudes = vec![0u64; columns];
        for sums in read.sums.chunks_exact(columns) {
            for (slice, sums) in sums.chunks_exact(outputs).enumerate() {
                let bins = LARGEST_THRESHOLD + 1;
                let histogram = &mut self.histograms[(slice * streams + read.stream) * bins..][..bins];
                for sum in sums {
                    histogram[(sum.unsigned_abs() as usize).min(LARGEST_THRESHOLD)] += 1;
                }
            }
            magnitudes.iter_mut().zip(sums).for_each(|(total, sum)| *total += u64::from(sum.unsigned_abs()));
            if let Some((bits, signed)) = bits {
                for &sum in sums {
                    self.needed_steps[needed_step(sum, bits, signed)] += 1;
                }
            }
        }
        for (column, magnitude) in magnitudes.into_iter().enumerate() {
            let index = [read.row_tile, column / outputs, read.stream, column % outputs];
            self.magnitudes[group(self.groups, index)] += magnitude;
        }
    }

    pub fn merge(mut self, other: &Self) -> Self {
        self.positions += other.positions;
        self.histograms.iter_mut().zip(&other.histograms).for_each(|(sum, other)| *sum += other);
        self.magnitudes.iter_mut().zip(&other.magnitudes).for_each(|(sum, other)| *sum += other);
        self.needed_steps.iter_mut().zip(other.needed_steps).for_each(|(sum, other)| *sum += other);
        self
    }

    /// Partial sums of one group, those of empty reads included.
    pub fn partial_sums_per_group(&self) -> u64 {
        let shared: usize =
            self.sizes.iter().zip(self.groups).map(|(&size, groups)| if groups == 1 { size } else { 1 }).product();
        self.positions * shared as u64
    }

    /// The mean magnitude of all partial sums.
    pub fn mean(&self) -> f64 {
        let all = self.positions as f64 * self.sizes.iter().product::<usize>() as f64;
        self.magnitudes.iter().sum::<u64>() as f64 / all.max(1.0)
    }

    /// The smallest power of two that clips at most one in a thousand partial sums.
    pub fn step(&self) -> i32 {
        let all = u128::from(self.positions) * self.sizes.iter().product::<usize>() as u128;
        let mut beyond: u128 = self.needed_steps.iter().map(|&count| u128::from(count)).sum();
        for (index, &count) in self.needed_steps.iter().enumerate().take(30) {
            beyond -= u128::from(count);
            if beyond * 1000 <= all {
                return 1 << index;
            }
        }
        1 << 30
    }

    /// The threshold with the least weighted squared error; slices and streams weigh `weights`.
    ///
    /// With the best scale the error is `sum P^2 - (sum |P|)^2 / n` over the n coded partial sums
    /// of a slice and stream, so the largest sum of the second terms wins; the smallest of equals.
    pub fn threshold(&self, slices: &[i64], streams: &[i64]) -> i32 {
        let mut gains = vec![0.0f64; LARGEST_THRESHOLD + 1];
        for (index, histogram) in self.histograms.chunks_exact(LARGEST_THRESHOLD + 1).enumerate() {
            let weight = (slices[index / streams.len()] * streams[index % streams.len()]) as f64;
            let (mut count, mut sum) = (0u64, 0u64);
            for (magnitude, &bin) in histogram.iter().enumerate().skip(1).rev() {
                count += bin;
                sum += bin * magnitude as u64;
                if count > 0 {
                    gains[magnitude] += weight * weight * (sum as f64).powi(2) / count as f64;
                }
            }
        }
        let mut best = 1;
        for (threshold, gain) in gains.iter().enumerate().skip(2) {
            if *gain > gains[best] {
                best = threshold;
            }
        }
        best as i32
    }
}

/// Smallest s for which a converter of `bits` bits with the step `2^s` does not clip `sum`.
fn needed_step(sum: i32, bits: u32, signed: SignedWeights) -> usize {
    let (low, high) = match signed {
        SignedWeights::DifferentialPair => (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1),
        SignedWeights::ReferenceColumn => (0, (1i64 << bits) - 1),
    };
    let fits = |index: &usize| {
        let step = 1i64 << index;
        let code = (2 * i64::from(sum).abs() + step) / (2 * step) * i64::from(sum.signum());
        (low..=high).contains(&code)
    };
    (0..31).find(fits).unwrap_or(31)
}
