//! Steps that vanish at the bound ahead, which is therefore never passed.
//!
//! ```text
//! f_up(w) = 1 - w / upper,   f_down(w) = 1 - w / lower
//! symmetry point: where step_up f_up = step_down f_down,
//!     w* = (step_up - step_down) / (step_up / upper - step_down / lower)
//! ```
//!
//! Pulses upwards and downwards in turn lead to the symmetry point. Where it is subtracted, a
//! reference device in that state, with its own error, is taken off every read.
//!
//! Source: Gong et al., IEDM 2022, for arrays of ReRAM; Rasch et al., AICAS 2021 (arXiv 2104.02184).

use serde::{Deserialize, Serialize};

use super::CycleNoise;

/// Constants of the family of soft bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftBounds {
    /// What the spread from pulse to pulse is a share of.
    #[serde(default)]
    pub noise: CycleNoise,
    /// Whether a reference in the symmetry point of the device is subtracted from what is read.
    #[serde(default)]
    pub subtract_symmetry_point: bool,
    /// Standard deviation of the reference from device to device, in units of the state.
    #[serde(default)]
    pub reference_spread: f64,
}

/// The symmetry point of a device; 0 where no state is one.
pub(in super::super) fn symmetry_point(up: f64, down: f64, lower: f64, upper: f64) -> f64 {
    if lower < 0.0 && upper > 0.0 && up + down > 0.0 { (up - down) / (up / upper - down / lower) } else { 0.0 }
}
