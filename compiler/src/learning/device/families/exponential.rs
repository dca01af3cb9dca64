//! Steps that shrink exponentially towards the bound ahead.
//!
//! ```text
//! z = 2 * scale * w / (upper - lower) + offset
//! f_up(w)   = max( 1 - amplitude_up   * exp( rate_up   * z), 0 )
//! f_down(w) = max( 1 - amplitude_down * exp(-rate_down * z), 0 )
//! ```
//!
//! The standard deviation of a pulse is `cycle_spread * step`, or, where one of the noise constants is
//! given, `cycle_spread * (step + noise_offset + noise_slope * |w|)`.
//!
//! Source: Rasch et al., AICAS 2021 (arXiv 2104.02184), ExpStep device; Gong et al., Nature
//! Communications 9:2102 (2018), for ReRAM; Nandakumar et al., Frontiers in Neuroscience 14:406
//! (2020), for phase-change memory.

use serde::{Deserialize, Serialize};

use super::{Law, Made};

/// Constants of the exponential family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExponentialStep {
    /// Factor on the state in z.
    pub scale: f64,
    /// Offset of z.
    pub offset: f64,
    /// Factor on the exponential of steps upwards; below 0 steps grow.
    pub amplitude_up: f64,
    /// Factor on the exponential of steps downwards.
    pub amplitude_down: f64,
    /// Factor in the exponent of steps upwards.
    pub rate_up: f64,
    /// Factor in the exponent of steps downwards.
    pub rate_down: f64,
    /// Part of the noise of a pulse that is there in every state, in units of the state.
    #[serde(default)]
    pub noise_offset: f64,
    /// Part of the noise of a pulse that grows with the state.
    #[serde(default)]
    pub noise_slope: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct ExponentialLaw {
    pub scale: f32,
    pub offset: f32,
    pub amplitude: [f32; 2],
    pub rate: [f32; 2],
    pub noise_offset: f32,
    pub noise_slope: f32,
    pub cycle_spread: f32,
}

impl ExponentialLaw {
    pub fn new(model: &ExponentialStep, cycle_spread: f64) -> Self {
        Self {
            scale: model.scale as f32,
            offset: model.offset as f32,
            amplitude: [model.amplitude_up as f32, model.amplitude_down as f32],
            rate: [model.rate_up as f32, model.rate_down as f32],
            noise_offset: model.noise_offset as f32,
            noise_slope: model.noise_slope as f32,
            cycle_spread: cycle_spread as f32,
        }
    }
}

impl Law for ExponentialLaw {
    #[inline(always)]
    fn answer(&self, made: Made, upward: bool, state: f32) -> (f32, f32) {
        // Not a number where the bounds meet, which counts as -87 below; they hold the device whatever the step.
        let z = 2.0 * state / (made.upper - made.lower) * self.scale + self.offset;
        let size = if upward { made.up } else { made.down };
        let exponent = if upward { self.rate[0] * z } else { -self.rate[1] * z };
        let amplitude = if upward { self.amplitude[0] } else { self.amplitude[1] };
        let share = 1.0 - amplitude * exponential(exponent);
        let step = size * if share > 0.0 { share } else { 0.0 };
        (step, self.cycle_spread * (step + self.noise_offset + self.noise_slope * state.abs()))
    }
}

/// The exponential function, with the same bits on every machine: a power of 2 times a polynomial (Moshier, Cephes,
/// expf), within 2e-7 of itself. Exponents beyond -87 and 88 count as these.
#[inline(always)]
fn exponential(exponent: f32) -> f32 {
    let exponent = if exponent > -87.0 { exponent } else { -87.0 };
    let exponent = if exponent < 88.0 { exponent } else { 88.0 };
    // Adding 1.5 * 2^23 rounds to an integer, held in the lowest bits.
    const ROUNDER: f32 = 12_582_912.0;
    let rounded = exponent * std::f32::consts::LOG2_E + ROUNDER;
    let power = rounded - ROUNDER;
    // ln 2 in two parts, the first of so few bits that the product is exact.
    let rest = exponent - power * 0.693_359_4 + power * 2.121_944_4e-4;
    let highest = 8.333_452e-3 + rest * (1.398_2e-3 + rest * 1.987_569_1e-4);
    let series = 0.5 + rest * (0.166_666_65 + rest * (0.041_665_796 + rest * highest));
    let value = 1.0 + (rest + rest * rest * series);
    value * f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23))
}

#[cfg(test)]
mod tests {
    use super::exponential;

    #[test]
    fn the_exponential_function_is_exact_to_its_type() {
        for step in -87_000..=88_000 {
            let exponent = step as f32 / 1000.0;
            let exact = f64::from(exponent).exp();
            let found = f64::from(exponential(exponent));
            assert!((found - exact).abs() <= 2e-7 * exact, "{exponent}: {found}, {exact}");
        }
        assert!(exponential(f32::INFINITY) > 1e38 && exponential(f32::NEG_INFINITY) < 1e-37);
    }
}
