//! Real scale factors as integers with one common factor, and that factor as an integer too.

use super::ScaleValues;
use crate::program::Broadcast;

/// Scale factors `common * integer`.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedPoint {
    /// Integers of `0..=2^bits - 1`.
    pub integers: Broadcast,
    /// The common factor, above 0.
    pub common: f64,
}

/// Steps between a power of two and the next one, of the common factors that [`common_factor`] tries.
const STEPS: u32 = 16;
/// How much more than the least squared error a common factor that is kept may leave.
const ALLOWED: f64 = 2.0;

impl FixedPoint {
    /// Rounds scale factors to `bits` bits: `integer = round_half_away(value / common)`, at most `2^bits - 1`.
    pub fn rounded(scales: &ScaleValues, bits: u32, common: f64) -> Self {
        let values = scales.values.iter().map(|&value| integer(value, common, bits) as i32).collect();
        Self { integers: Broadcast { shape: scales.shape, values }, common }
    }
}

fn integer(value: f64, common: f64, bits: u32) -> f64 {
    (value / common).round().clamp(0.0, f64::from((1u32 << bits) - 1))
}

/// The common factor with which [`FixedPoint::rounded`] is closest to scale factors.
///
/// Common factors are `(16 + i) / 16 * 2^e`. Of those from the first that cuts no scale factor down to an eighth of it
/// the one with the least `sum of (weight * (value - common * integer))^2` is taken, the largest of equal ones: a few
/// large scale factors may be cut, so that the others keep their bits. `weight` is that of a slice and a
/// stream, the first where one scale factor stands for all; a source that never spikes has no stream, and its weight
/// is 0.
///
/// One that is `kept` stays unless this sum is more than twice the least: with another common factor every scale
/// factor is rounded anew, which costs accuracy that only further training wins back.
pub fn common_factor(scales: &ScaleValues, bits: u32, weight: impl Fn(usize, usize) -> f64, kept: Option<f64>) -> f64 {
    let top = f64::from((1u32 << bits) - 1);
    let [_, slices, streams, outputs] = scales.shape;
    let largest = scales.values.iter().copied().fold(0.0, f64::max);
    let error = |common: f64| {
        let runs = scales.values.chunks(outputs.max(1)).enumerate().map(|(run, values)| {
            let weight = weight(run / streams % slices, run % streams);
            let errors = values.iter().map(|&value| (value - common * integer(value, common, bits)).powi(2));
            weight * weight * errors.sum::<f64>()
        });
        runs.sum::<f64>()
    };
    let (mut best, mut least) = (1.0, f64::INFINITY);
    for candidate in common_factors(largest / top) {
        let found = error(candidate);
        if found < least {
            (best, least) = (candidate, found);
        }
    }
    kept.filter(|&kept| error(kept) <= ALLOWED * least).unwrap_or(best)
}

/// Common factors from the smallest that is not below `most` down to an eighth of it; none for 0.
fn common_factors(most: f64) -> Vec<f64> {
    if !(most > 0.0 && most.is_finite()) {
        return Vec::new();
    }
    let mut power = 1.0f64;
    while power < most {
        power *= 2.0;
    }
    while power / 2.0 >= most {
        power /= 2.0;
    }
    // Now power / 2 < most <= power.
    let grid = |step: u32| {
        power / f64::from(1u32 << (step / STEPS)) * f64::from(2 * STEPS - step % STEPS) / f64::from(2 * STEPS)
    };
    let first = (1..=STEPS).find(|&step| grid(step) < most).unwrap_or(STEPS) - 1;
    (first..5 * STEPS).map(grid).take_while(|&candidate| candidate >= most / 8.0).collect()
}

/// A resting input in units of `multiplier * count` on a grid of `2^shift` units for each of the network's.
pub fn rest_on_grid(rest: f64, step: i32, shift: u32) -> i64 {
    (rest * f64::from(step) * f64::from(1u32 << shift)).round() as i64
}

/// Largest exponent of [`common_grid`].
const FINEST: u32 = 24;
/// Largest relative error of a unit that [`common_grid`] accepts.
const TOLERANCE: f64 = 1.0 / 512.0;

/// The total input of a population on a grid so fine that the units of all projections that enter
/// it are integers: `unit ≈ real unit * 2^g` with the smallest g of `0..=24` at which every relative
/// error is below 1/512, or with 24 where none is. A real unit is `step * common`; thresholds,
/// biases and fixed weights are multiplied by `2^g`.
///
/// `None` when a unit is so small that it vanishes even at `g = 24`, or too large for 64 bits.
pub fn common_grid(real_units: &[f64]) -> Option<(u32, Vec<i64>)> {
    let at = |shift: u32| real_units.iter().map(|unit| unit * f64::from(1u32 << shift)).collect::<Vec<f64>>();
    let is_close = |unit: f64| (unit.round() - unit).abs() < TOLERANCE * unit;
    let shift = (0..=FINEST).find(|&shift| at(shift).into_iter().all(is_close)).unwrap_or(FINEST);
    let units = at(shift).into_iter().map(|unit| {
        let rounded = unit.round();
        (1.0..1e18).contains(&rounded).then_some(rounded as i64)
    });
    Some((shift, units.collect::<Option<Vec<i64>>>()?))
}
