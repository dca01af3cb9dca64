//! From integer dot products to scores, from scores to shares of two digits, from integer sums to attended values.

use kernels::Loop;

use super::encode::NO_FRACTION;

/// Largest share of a value in its integer sum: 16 bits.
pub(super) const WHOLE: f32 = 65_535.0;
/// Partial extremes.
const LANES: usize = 16;
/// Shares whose products with zero points are summed in 32 bits: a zero point has 8 bits at most.
const RUN: usize = 64;

/// Adds the scores of one token in one class of keys.
pub(super) struct Score<'a> {
    /// Scale of the query by the root of the width.
    pub factor: f32,
    /// Zero point of the query.
    pub zero: i32,
    /// Sum of the codes of the query without their zero points.
    pub rest: i32,
    /// Per position: product of codes, sum of the codes of the key, its scale and zero point.
    pub dots: &'a [i32],
    pub sums: &'a [i32],
    pub scales: &'a [f32],
    pub zeros: &'a [i32],
    pub scores: &'a mut [f32],
}

impl Loop for Score<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { factor, zero, rest, dots, sums, scales, zeros, scores } = self;
        score([factor], [zero, rest], [dots, sums, zeros], scales, scores);
    }
}

#[inline(always)]
fn score(
    [factor]: [f32; 1],
    [zero, rest]: [i32; 2],
    [dots, sums, zeros]: [&[i32]; 3],
    scales: &[f32],
    scores: &mut [f32],
) {
    let count = scores.len();
    let (dots, sums, scales, zeros) = (&dots[..count], &sums[..count], &scales[..count], &zeros[..count]);
    for index in 0..count {
        let integer =
            dots[index].wrapping_sub(zero.wrapping_mul(sums[index])).wrapping_sub(zeros[index].wrapping_mul(rest));
        scores[index] += factor * scales[index] * integer as f32;
    }
}

/// The shares of one token in one class of values as two digits of a byte; returns the largest weight and the sum of
/// shares times zero points.
pub(super) struct Shares<'a> {
    pub scores: &'a [f32],
    pub scales: &'a [f32],
    pub zeros: &'a [i32],
    pub low: &'a mut [u8],
    pub high: &'a mut [u8],
}

impl Loop for Shares<'_> {
    type Output = (f32, i64);

    #[inline(always)]
    fn run(self) -> (f32, i64) {
        let Self { scores, scales, zeros, low, high } = self;
        let largest = largest(scores, scales);
        let rows = scores.chunks(RUN).zip(scales.chunks(RUN)).zip(zeros.chunks(RUN));
        let digits = low.chunks_mut(RUN).zip(high.chunks_mut(RUN));
        let mut sum = 0;
        for (((scores, scales), zeros), (low, high)) in rows.zip(digits) {
            sum += i64::from(digits_of(largest, scores, scales, zeros, low, high));
        }
        (largest, sum)
    }
}

/// The largest weight.
#[inline(always)]
fn largest(scores: &[f32], scales: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::MIN_POSITIVE; LANES];
    let ((scores, scores_rest), (scales, scales_rest)) = (scores.as_chunks::<LANES>(), scales.as_chunks::<LANES>());
    for (scores, scales) in scores.iter().zip(scales) {
        for lane in 0..LANES {
            lanes[lane] = larger(lanes[lane], scores[lane] * scales[lane]);
        }
    }
    for (lane, (score, scale)) in lanes.iter_mut().zip(scores_rest.iter().zip(scales_rest)) {
        *lane = larger(*lane, score * scale);
    }
    let mut largest = f32::MIN_POSITIVE;
    for lane in lanes {
        largest = larger(largest, lane);
    }
    largest
}

/// Writes the digits of a run and returns its sum of shares times zero points.
#[inline(always)]
fn digits_of(largest: f32, scores: &[f32], scales: &[f32], zeros: &[i32], low: &mut [u8], high: &mut [u8]) -> i32 {
    let count = scores.len();
    let (scales, zeros, low, high) = (&scales[..count], &zeros[..count], &mut low[..count], &mut high[..count]);
    let mut sum = 0i32;
    for index in 0..count {
        let share = share(scores[index] * scales[index] / largest);
        sum = sum.wrapping_add(share.wrapping_mul(zeros[index]));
        (low[index], high[index]) = (share as u8, (share >> 8) as u8);
    }
    sum
}

/// `round_half_away(65535 x)` of a number from 0 to 1; 0 of what is not a number.
#[inline(always)]
fn share(x: f32) -> i32 {
    let raised = x * WHOLE + 0.5;
    let raised = if raised.is_nan() { 0.0 } else { raised };
    // The nearest whole number, one less where it lies above.
    let shifted = raised + NO_FRACTION;
    let nearest = shifted.to_bits() as i32 - NO_FRACTION.to_bits() as i32;
    nearest - i32::from(shifted - NO_FRACTION > raised)
}

/// Writes the attended values of a class: `out = m / 65535 (256 high + low - zeros)` at the channels of its places.
pub(super) struct Mixed<'a, 'b> {
    /// Products of the digits with the codes, `[tokens][places]`.
    pub low: &'a [i32],
    pub high: &'a [i32],
    /// Largest weight m, and sum of shares times zero points, of every token.
    pub units: &'a [(f32, i64)],
    /// The channels.
    pub order: &'a [u32],
    pub outputs: &'a mut [&'b mut [f32]],
}

impl Loop for Mixed<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let count = self.order.len().max(1);
        let totals = self.low.chunks_exact(count).zip(self.high.chunks_exact(count));
        for ((outputs, (low, high)), &(largest, zeros)) in self.outputs.iter_mut().zip(totals).zip(self.units) {
            let unit = largest / WHOLE;
            let parts = low.chunks(LANES).zip(high.chunks(LANES)).zip(self.order.chunks(LANES));
            for ((low, high), order) in parts {
                let mut values = [0.0; LANES];
                for ((value, &low), &high) in values.iter_mut().zip(low).zip(high) {
                    *value = unit * (256 * i64::from(high) + i64::from(low) - zeros) as f32;
                }
                for (&value, &channel) in values.iter().zip(order) {
                    outputs[channel as usize] = value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_rounded_half_away_from_zero() {
        for step in 0..=1_000_000u32 {
            let x = step as f32 / 1_000_000.0;
            assert_eq!(share(x), (x * 65_535.0 + 0.5) as i32, "{x}");
        }
        assert_eq!((share(0.0), share(1.0), share(f32::NAN)), (0, 65_535, 0));
    }
}
