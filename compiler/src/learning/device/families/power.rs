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

use super::{Law, Made};

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
        let (lower, upper) = (made.lower, made.upper);
        let range = upper - lower;
        if range <= 0.0 {
            return (0.0, 0.0);
        }
        let step = match upward {
            true => made.up * ((upper - state) / range).max(0.0).powf(made.slope_up),
            false => made.down * ((state - lower) / range).max(0.0).powf(made.slope_down),
        };
        (step, self.cycle_spread * step)
    }
}
