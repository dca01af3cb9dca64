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

use super::super::functions::exponential;
use super::{Law, Made, either};

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

impl ExponentialStep {
    /// Factors on the state of a device in the exponents of its steps upwards and downwards; 0 where its bounds meet.
    pub(in super::super) fn slopes(&self, lower: f64, upper: f64) -> [f64; 2] {
        let slope = if upper > lower { 2.0 * self.scale / (upper - lower) } else { 0.0 };
        [self.rate_up * slope, -self.rate_down * slope]
    }
}

/// Steps `size * (1 - amplitude * exp(slope * w + shift))`, slopes in `parts.slope_up` and `parts.slope_down`.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct ExponentialLaw {
    pub amplitude: [f32; 2],
    pub shift: [f32; 2],
    pub cycle_spread: f32,
    /// `noise_offset` and `noise_slope` times `cycle_spread`.
    pub noise: [f32; 2],
}

impl ExponentialLaw {
    pub fn new(model: &ExponentialStep, cycle_spread: f64) -> Self {
        Self {
            amplitude: [model.amplitude_up as f32, model.amplitude_down as f32],
            shift: [(model.rate_up * model.offset) as f32, (-model.rate_down * model.offset) as f32],
            cycle_spread: cycle_spread as f32,
            noise: [model.noise_offset, model.noise_slope].map(|noise| (noise * cycle_spread) as f32),
        }
    }
}

impl Law for ExponentialLaw {
    #[inline(always)]
    fn answer(&self, made: Made, upward: bool, state: f32) -> (f32, f32) {
        let shift = either(upward, self.shift[0], self.shift[1]);
        let amplitude = either(upward, self.amplitude[0], self.amplitude[1]);
        let share = 1.0 - amplitude * exponential(made.slope(upward) * state + shift);
        let step = made.size(upward) * if share > 0.0 { share } else { 0.0 };
        (step, self.cycle_spread * step + (self.noise[0] + self.noise[1] * state.abs()))
    }
}
