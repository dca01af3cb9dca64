//! One quantiser on the partial sums of many columns.

use super::Total;
use crate::hardware::{HardwareSpecification, Quantiser, SignedWeights};
use crate::program::Broadcast;

/// What happens to a partial sum before it is weighted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Code {
    quantiser: Quantiser,
    /// Codes of a uniform converter.
    low: i32,
    high: i32,
    /// Largest magnitude of a partial sum.
    largest: i32,
}

/// What was seen among quantised partial sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeCounts {
    /// Codes of zero.
    pub zeros: u64,
    /// Codes that a uniform converter clipped.
    pub clipped: u64,
}

impl Code {
    /// The quantiser of a chip; arrays have at most `array_rows` rows.
    pub fn of(hardware: &HardwareSpecification, array_rows: usize) -> Self {
        let (low, high) = match (hardware.quantiser, hardware.weights.signed) {
            (Quantiser::Uniform { bits, .. }, SignedWeights::DifferentialPair) => {
                (-(1i32 << (bits - 1)), (1 << (bits - 1)) - 1)
            }
            (Quantiser::Uniform { bits, .. }, SignedWeights::ReferenceColumn) => (0, (1i32 << bits) - 1),
            _ => (0, 0),
        };
        let level = (1i64 << hardware.array.cell_bits) - 1;
        let largest = i32::try_from(array_rows as i64 * level).unwrap_or(i32::MAX);
        Self { quantiser: hardware.quantiser, low, high, largest }
    }

    /// Largest magnitude of a partial sum.
    pub fn largest_sum(&self) -> i32 {
        self.largest
    }

    /// `|Q(P)|` is at most this for a threshold or step `level`.
    pub fn largest(&self, level: i32) -> i128 {
        match self.quantiser {
            Quantiser::Ideal {} => self.largest.into(),
            Quantiser::Uniform { .. } => {
                let codes = i128::from(self.high.max(-self.low));
                (codes * i128::from(level)).min(i128::from(self.largest) + i128::from(level))
            }
            Quantiser::Sign {} | Quantiser::Ternary {} => 1,
        }
    }

    /// Whether a partial sum of 0 counts as a code of zero: a converter was there to give one.
    pub fn has_zeros(&self) -> bool {
        matches!(self.quantiser, Quantiser::Uniform { .. } | Quantiser::Ternary {})
    }

    /// `Q(0)`.
    pub fn at_zero(&self, level: i32) -> i32 {
        match self.quantiser {
            Quantiser::Sign {} => sign(0, level),
            Quantiser::Ideal {} | Quantiser::Uniform { .. } | Quantiser::Ternary {} => 0,
        }
    }

    /// `Q(P)` of one partial sum; `level` is threshold or step, or that of [`comparator_levels`].
    pub fn apply(&self, sum: i32, level: i32) -> i32 {
        match self.quantiser {
            Quantiser::Ideal {} => sum,
            Quantiser::Uniform { .. } => level * rounded(sum, self.effective_step(level)).clamp(self.low, self.high),
            Quantiser::Sign {} => sign(sum, level),
            Quantiser::Ternary {} => i32::from(sum >= level) - i32::from(sum <= -level),
        }
    }

    /// What [`Code::add`] multiplies by in place of dividing by the step.
    pub fn reciprocal(&self, level: i32) -> f32 {
        0.5 / self.effective_step(level) as f32
    }

    /// Adds `factor * (Q(P) - Q(0))` for every column to `totals`; all slices have one value for
    /// each column, `reciprocals` that of [`Code::reciprocal`].
    #[inline(always)]
    pub fn add<T: Total>(
        &self,
        sums: &[i32],
        levels: &[i32],
        reciprocals: &[f32],
        factors: &[T],
        totals: &mut [T],
    ) -> CodeCounts {
        let columns = sums.iter().zip(levels).zip(factors).zip(totals);
        let mut counts = [0u32; 2];
        match self.quantiser {
            Quantiser::Ideal {} => {
                for (((&sum, _), &factor), total) in columns {
                    *total = *total + factor * T::of_sum(sum);
                }
            }
            Quantiser::Sign {} => {
                for (((&sum, &level), &factor), total) in columns {
                    let twice = factor + factor;
                    let rest = if level <= STRAIGHT { twice } else { T::default() };
                    *total = *total + if sum >= level - STRAIGHT { twice } else { T::default() } - rest;
                }
            }
            Quantiser::Ternary {} => {
                for (((&sum, &threshold), &factor), total) in columns {
                    let (up, down) = (sum >= threshold, sum <= -threshold);
                    let added = if up { factor } else { T::default() };
                    *total = *total + added - if down { factor } else { T::default() };
                    counts[0] += u32::from(!(up | down));
                }
            }
            Quantiser::Uniform { .. } if self.largest < SMALL_SUM => {
                for ((((&sum, &step), &factor), total), &reciprocal) in columns.zip(reciprocals) {
                    let code = rounded_small(sum, self.effective_step(step), reciprocal);
                    self.add_code(code, step, factor, total, &mut counts);
                }
            }
            Quantiser::Uniform { .. } => {
                for (((&sum, &step), &factor), total) in columns {
                    let code = rounded(sum, self.effective_step(step));
                    self.add_code(code, step, factor, total, &mut counts);
                }
            }
        }
        CodeCounts { zeros: counts[0].into(), clipped: counts[1].into() }
    }

    /// Adds the code of a uniform converter, and counts it as zero or clipped.
    #[inline(always)]
    fn add_code<T: Total>(&self, code: i32, step: i32, factor: T, total: &mut T, counts: &mut [u32; 2]) {
        let kept = code.max(self.low).min(self.high);
        *total = *total + factor * T::of_sum(kept * step);
        counts[0] += u32::from(kept == 0);
        counts[1] += u32::from(kept != code);
    }

    /// An integer partial sum with the same code as a real one. It saturates at the largest partial
    /// sum of a faultless array, which an integer partial sum never exceeds.
    pub fn integer(&self, sum: f32, level: i32) -> i32 {
        let nearest = match self.quantiser {
            Quantiser::Ideal {} => sum.round(),
            Quantiser::Uniform { .. } => {
                let step = self.effective_step(level) as f32;
                let code = ((2.0 * sum.abs() + step) / (2.0 * step)).floor();
                (code * step).copysign(sum)
            }
            Quantiser::Sign {} => {
                if level <= STRAIGHT {
                    sum.floor()
                } else {
                    sum.ceil()
                }
            }
            Quantiser::Ternary {} => sum.trunc(),
        };
        // A saturating cast; a partial sum that is no number counts as 0.
        (nearest as i32).clamp(-self.largest, self.largest)
    }

    /// All steps above twice the largest partial sum give the code 0.
    #[inline(always)]
    fn effective_step(&self, step: i32) -> i32 {
        step.min(self.largest.saturating_mul(2).saturating_add(1))
    }
}

/// Level of a comparator whose lines are straight: 1 if `P >= 0`, else -1.
const STRAIGHT: i32 = 1;
/// Level of a comparator whose lines are exchanged and whose output is inverted: 1 if `P > 0`, else -1.
const EXCHANGED: i32 = 2;

/// Levels of comparators without a zero, over `[row tile, slice, stream, output]`: every other slice and row
/// tile has its lines exchanged. So ties count as 1 in one half of the columns and as -1 in the other, and
/// an output sees positive sums from one half, negative ones from the other.
pub fn comparator_levels(sizes: [usize; 4]) -> Broadcast {
    let shape = [sizes[0], sizes[1], 1, 1];
    let places = (0..shape[0]).flat_map(|tile| (0..shape[1]).map(move |slice| tile + slice));
    Broadcast { shape, values: places.map(|place| if place % 2 == 0 { STRAIGHT } else { EXCHANGED }).collect() }
}

/// What a comparator without a zero says.
#[inline(always)]
fn sign(sum: i32, level: i32) -> i32 {
    2 * i32::from(sum >= level - STRAIGHT) - 1
}

/// `round_half_away(sum / step)`.
///
/// Exact by single-precision division while `2 * |sum| + step < 2^23`: a quotient that is no integer
/// lies at least `1 / (2 * step)` below the next one, more than its rounding error.
#[inline(always)]
fn rounded(sum: i32, step: i32) -> i32 {
    let magnitude = (2 * sum.abs() + step) as f32 / (2 * step) as f32;
    let magnitude = magnitude as i32;
    if sum < 0 { -magnitude } else { magnitude }
}

/// Partial sums below this are rounded by multiplication.
const SMALL_SUM: i32 = 1 << 19;

/// [`rounded`] of a sum below [`SMALL_SUM`], with a step of at most twice that.
///
/// With `n = 2 * |sum| + step` and `d = 2 * step`, `(n + 1/2) / d` lies at least `1 / (2 d)` from every integer; the
/// product with the rounded `1 / d` is off by less than `2^-23 * (n + 1/2) / d`, which is smaller while `n < 2^22`.
#[inline(always)]
fn rounded_small(sum: i32, step: i32, reciprocal: f32) -> i32 {
    let magnitude = (((2 * sum.abs() + step) as f32 + 0.5) * reciprocal) as i32;
    if sum < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplication_rounds_as_division_does() {
        let steps = (1..=257).chain([511, 512, 1000, 4095, 65_536, 100_003, 2 * SMALL_SUM - 1]);
        for step in steps {
            let reciprocal = 0.5 / step as f32;
            let near_ties = (0..2048).map(|half| half * step / 2).filter(|&sum| sum < SMALL_SUM - 1);
            for sum in (0..2048).chain(near_ties.flat_map(|sum| [sum, sum + 1])).chain([SMALL_SUM - 1]) {
                let expected = (2 * i64::from(sum) + i64::from(step)) / (2 * i64::from(step));
                assert_eq!(i64::from(rounded_small(sum, step, reciprocal)), expected, "{sum} / {step}");
                assert_eq!(rounded_small(-sum, step, reciprocal), -(expected as i32), "-{sum} / {step}");
                assert_eq!(i64::from(rounded(sum, step)), expected, "{sum} / {step}");
            }
        }
    }
}
