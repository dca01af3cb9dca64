//! Converters between numbers and the signals of an array.
//!
//! A converter of b bits for values from -range to range, or from 0 to range where no value can lie below 0, gives
//!
//! ```text
//! Q(x) = step * clamp( round_half_away(x / step), low, high )
//! step = range / high,   high = 2^(b-1) - 1 and low = -high,   or  high = 2^b - 1 and low = 0
//! ```
//!
//! With one bit and a sign it is a comparator, `Q(x) = range / 2 * sign(x)`.

use serde::{Deserialize, Serialize};

/// Most bits: what 32-bit floats hold exactly.
pub(super) const MOST_BITS: u32 = 24;

/// What turns numbers into signals of the lines of an array.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputConverter {
    /// Resolution, 1 to 24.
    pub bits: u32,
    /// Largest magnitude; when absent that of the inputs of each example, with which they are scaled before and after
    /// the read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<f64>,
}

/// What turns currents of the lines of an array into numbers. They have a sign.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputConverter {
    /// Resolution, 1 to 24.
    pub bits: u32,
    /// Largest magnitude; currents beyond it are clipped.
    pub range: f64,
}

/// The codes of a converter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learning) struct Codes {
    /// What code 1 stands for.
    pub step: f64,
    low: f64,
    high: f64,
    is_comparator: bool,
}

impl Codes {
    /// For values up to `range` in magnitude.
    pub fn new(bits: u32, range: f64, is_signed: bool) -> Self {
        let levels = |bits: u32| f64::from((1u32 << bits.min(MOST_BITS)) - 1);
        if !is_signed {
            let high = levels(bits);
            return Self { step: range / high, low: 0.0, high, is_comparator: false };
        }
        if bits <= 1 {
            return Self { step: range / 2.0, low: -1.0, high: 1.0, is_comparator: true };
        }
        let high = levels(bits - 1);
        Self { step: range / high, low: -high, high, is_comparator: false }
    }

    /// For whole numbers such as spike counts: a step is at least 1, so that a converter with a code for each number
    /// changes none.
    pub fn of_counts(bits: u32, range: f64, is_signed: bool) -> Self {
        let codes = Self::new(bits, range, is_signed);
        if codes.is_comparator { codes } else { Self { step: codes.step.max(1.0), ..codes } }
    }

    /// The code of a value.
    pub fn code(&self, value: f64) -> f64 {
        if value == 0.0 || self.step == 0.0 {
            0.0
        } else if self.is_comparator {
            value.signum()
        } else {
            (value / self.step).round().clamp(self.low, self.high)
        }
    }

    /// What the code of a value stands for.
    pub fn value(&self, value: f64) -> f64 {
        self.code(value) * self.step
    }
}

impl InputConverter {
    /// Largest magnitude that has a code, where `largest` is that of the inputs of an example.
    pub(in crate::learning) fn range(&self, largest: f64) -> f64 {
        self.range.unwrap_or(largest)
    }
}
