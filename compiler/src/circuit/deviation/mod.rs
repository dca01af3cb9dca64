//! What makes the conductance of a cell differ from its level's.

mod drift;
mod programming;
mod rounding;
mod stuck;

pub(super) use drift::apply_drift;
pub(super) use programming::apply_programming;
pub(super) use rounding::nominal;
pub(super) use stuck::apply_stuck;

use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, Spread};

impl Spread {
    /// The value that comes of `value` with the standard normal number `normal`; `unit` is what an
    /// absolute deviation is a share of.
    pub(crate) fn disturb(self, value: f64, unit: f64, normal: f64) -> f64 {
        match self {
            Self::Absolute { sigma } => value + sigma * unit * normal,
            Self::Relative { sigma } => value * (1.0 + sigma * normal),
            Self::LogNormal { sigma } => value * (sigma * normal).exp(),
        }
    }

    /// Its standard deviation.
    pub(crate) fn sigma(self) -> f64 {
        match self {
            Self::Absolute { sigma } | Self::Relative { sigma } | Self::LogNormal { sigma } => sigma,
        }
    }
}

/// Refuses what is no standard deviation.
pub(super) fn checked_sigma(hardware: &HardwareSpecification, field: &str, sigma: f64) -> Result<f64, CompilerError> {
    if sigma.is_finite() && sigma >= 0.0 {
        return Ok(sigma);
    }
    Err(super::scale::refused(hardware, field, "a finite number of at least 0", sigma, "change it or leave it out"))
}
