//! Softmax and sigmoid on an exponential that the compiler can vectorise. The library's exponential is a call for each
//! number; in attention over long texts these calls would take most of the time.

use kernels::Loop;

/// Partial sums; their number fixes the order of additions.
const LANES: usize = 16;

/// `scores = exp(scores) / sum exp(scores)`.
pub(crate) struct Softmax<'a> {
    pub(crate) scores: &'a mut [f32],
}

impl Loop for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (chunks, rest) = self.scores.as_chunks_mut::<LANES>();
        let mut lanes = [f32::NEG_INFINITY; LANES];
        for chunk in &*chunks {
            for lane in 0..LANES {
                lanes[lane] = larger(lanes[lane], chunk[lane]);
            }
        }
        let largest = lanes.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, larger);
        let mut lanes = [0.0; LANES];
        for chunk in &mut *chunks {
            for lane in 0..LANES {
                chunk[lane] = exponential(chunk[lane] - largest);
                lanes[lane] += chunk[lane];
            }
        }
        for (lane, score) in lanes.iter_mut().zip(&mut *rest) {
            *score = exponential(*score - largest);
            *lane += *score;
        }
        let factor = 1.0 / lanes.iter().sum::<f32>();
        for score in self.scores {
            *score *= factor;
        }
    }
}

/// `gates = gates / (1 + exp(-gates)) * ups`.
pub(super) struct Gate<'a> {
    pub(super) gates: &'a mut [f32],
    pub(super) ups: &'a [f32],
}

impl Loop for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (gate, &up) in self.gates.iter_mut().zip(self.ups) {
            let small = exponential(-gate.abs());
            let share = if *gate >= 0.0 { 1.0 } else { small };
            *gate = *gate * share / (1.0 + small) * up;
        }
    }
}

#[inline(always)]
fn larger(left: f32, right: f32) -> f32 {
    if right > left { right } else { left }
}

/// `exp(x)` for `x <= 0`, right to 2 units in the last place; 0 below the smallest normal number.
///
/// `x = n ln 2 + r` with a whole `n` and `|r| <= ln 2 / 2`; `exp(r)` is the polynomial of degree 6 of the Cephes library,
/// and `2^n` an exponent.
#[inline(always)]
fn exponential(x: f32) -> f32 {
    /// Below it `2^n` is no normal number.
    const LEAST: f32 = -87.3;
    /// Added and taken away again, it leaves a whole number.
    const WHOLE: f32 = 12_582_912.0;
    /// ln 2 in two parts, of which the first has few bits.
    const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
    let clamped = if x < LEAST { LEAST } else { x };
    let shifted = clamped * std::f32::consts::LOG2_E + WHOLE;
    let n = shifted - WHOLE;
    let r = (clamped - n * LN_2[0]) - n * LN_2[1];
    let mut polynomial = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        polynomial = polynomial * r + coefficient;
    }
    let mantissa = polynomial * (r * r) + r + 1.0;
    // The lowest bits of `shifted` are those of `n`.
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < LEAST { 0.0 } else { mantissa * power }
}

#[cfg(test)]
mod tests {
    use kernels::{Engine, Isa, Parallelism};
    use proptest::prelude::*;

    use super::{Gate, Softmax, exponential};

    #[test]
    fn the_exponential_is_right_to_two_units_in_the_last_place() {
        let mut largest: f64 = 0.0;
        for step in 0..4_000_000 {
            let x = -87.29 * step as f32 / 4_000_000.0;
            let expected = f64::from(x).exp();
            largest = largest.max((f64::from(exponential(x)) / expected - 1.0).abs());
        }
        assert!(largest < 2.0 * f64::from(f32::EPSILON), "{largest:e}");
        assert_eq!((exponential(0.0), exponential(-0.0)), (1.0, 1.0));
        assert_eq!((exponential(-88.0), exponential(f32::NEG_INFINITY)), (0.0, 0.0));
        assert!(exponential(f32::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn softmax_equals_the_one_in_double_precision(scores in prop::collection::vec(-30f32..30.0, 1..70)) {
            let exponentials: Vec<f64> = scores.iter().map(|&score| f64::from(score).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            let mut first = None;
            for isa in Isa::available() {
                let mut found = scores.clone();
                Engine::new(isa, Parallelism::Serial).unwrap().vectorised(Softmax { scores: &mut found });
                for (&found, expected) in found.iter().zip(&exponentials) {
                    prop_assert!((f64::from(found) - expected / sum).abs() < 1e-6);
                }
                prop_assert_eq!(first.get_or_insert(found.clone()), &found);
            }
        }

        #[test]
        fn the_gate_equals_the_one_in_double_precision(gate in -120f32..120.0, up in -3f32..3.0) {
            let mut gates = [gate; 17];
            Engine::detect(Parallelism::Serial).vectorised(Gate { gates: &mut gates, ups: &[up; 17] });
            let expected = f64::from(gate) / (1.0 + (-f64::from(gate)).exp()) * f64::from(up);
            for found in gates {
                prop_assert!((f64::from(found) - expected).abs() <= 1e-6 * (1e-30 + expected.abs()) + 1e-35);
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let mut scores = [1.0, f32::NAN, 2.0];
        Engine::detect(Parallelism::Serial).vectorised(Softmax { scores: &mut scores });
        assert!(scores.iter().all(|score| score.is_nan()));
        let mut gates = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        Engine::detect(Parallelism::Serial).vectorised(Gate { gates: &mut gates, ups: &[1.0; 3] });
        assert!(gates[0].is_nan() && gates[1] == f32::INFINITY);
    }
}
