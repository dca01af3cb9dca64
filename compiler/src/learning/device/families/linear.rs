//! Steps that shrink linearly towards the bound ahead.
//!
//! ```text
//! f_up(w)   = 1 - slope_up   * w / upper
//! f_down(w) = 1 - slope_down * w / lower
//! ```
//!
//! With `gamma_up = -slope_up / upper` and `gamma_down = -slope_down / lower` these are `1 + gamma w`.
//! A slope of 1 makes the bound ahead unreachable, 0 gives constant steps.
//!
//! Source: Rasch et al., AICAS 2021 (arXiv 2104.02184), LinearStep device; Li et al., VLSI 2018, for
//! capacitors; Tang et al., IEDM 2018, for electrochemical memory.

use serde::{Deserialize, Serialize};

use super::{Law, Made};

/// Constants of the linear family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearStep {
    /// How much less than at state 0 a step upwards is at the upper bound, as a share.
    pub slope_up: f64,
    /// How much less than at state 0 a step downwards is at the lower bound, as a share.
    pub slope_down: f64,
    /// Spread of `slope_up` from device to device.
    #[serde(default)]
    pub slope_up_spread: f64,
    /// Spread of `slope_down` from device to device.
    #[serde(default)]
    pub slope_down_spread: f64,
    /// Which bounds the slopes end at.
    #[serde(default)]
    pub reference: SlopeReference,
    /// What the spread from pulse to pulse is a share of.
    #[serde(default)]
    pub noise: CycleNoise,
}

/// Which bounds slopes end at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlopeReference {
    /// Those of the specification.
    #[default]
    NominalBounds,
    /// Those of each device.
    DeviceBounds,
}

/// What the spread from pulse to pulse is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CycleNoise {
    /// The step in the present state.
    #[default]
    OfStep,
    /// The step of the device at f = 1, whatever the state.
    OfSize,
}

/// Steps `step + slope * w`, slopes in `parts.slope_up` and `parts.slope_down`.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct LinearLaw {
    pub cycle_spread: f32,
    pub noise: CycleNoise,
}

impl Law for LinearLaw {
    #[inline(always)]
    fn answer(&self, made: Made, upward: bool, state: f32) -> (f32, f32) {
        let size = made.size(upward);
        let step = size + made.slope(upward) * state;
        let noisy = if self.noise == CycleNoise::OfStep { step.abs() } else { size };
        (step, self.cycle_spread * noisy)
    }
}

/// Slope of a step of `size` that is `share` less at `bound` than at 0; 0 for a bound at 0.
pub(in super::super) fn slope(size: f64, share: f64, bound: f64) -> f64 {
    if bound == 0.0 { 0.0 } else { -share * size / bound }
}
