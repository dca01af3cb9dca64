//! Steps that follow a power of the distance to the bound ahead.
//!
//! ```text
//! f_up(w)   = ( (upper - w) / (upper - lower) )^exponent_up
//! f_down(w) = ( (w - lower) / (upper - lower) )^exponent_down
//! ```
//!
//! Source: Rasch et al., AICAS 2021 (arXiv 2104.02184), PowStep device; Fusi and Abbott, Nature
//! Neuroscience 10:485 (2007), for bounded synapses of this form.

use serde::{Deserialize, Serialize};

use super::super::functions::power;
use super::{Law, Made, either};

/// Constants of the power family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerStep {
    /// Exponent of steps upwards.
    pub exponent_up: f64,
    /// Exponent of steps downwards.
    pub exponent_down: f64,
    /// Spread of both exponents from device to device, a share of each.
    #[serde(default)]
    pub exponent_spread: f64,
}

/// Exponents are in `parts.slope_up` and `parts.slope_down`.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct PowerLaw {
    pub cycle_spread: f32,
}

impl Law for PowerLaw {
    #[inline(always)]
    fn answer(&self, made: Made, upward: bool, state: f32) -> (f32, f32) {
        let ahead = either(upward, made.upper - state, state - made.lower);
        // Not a number where the bounds meet, which counts as 0; they hold the device whatever the step.
        let step = made.size(upward) * power(ahead / (made.upper - made.lower), made.slope(upward));
        (step, self.cycle_spread * step)
    }
}
