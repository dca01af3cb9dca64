//! Rotary position embedding (RoPE; Su et al., arXiv 2104.09864) and the ways to stretch it to longer texts.

use serde::{Deserialize, Serialize};

use crate::LlmError;

/// Rotary position embedding: pair `i` of a head of width `w` is turned by the angle `position * f_i`, with
/// `f_i = theta^(-2 i / w)` before scaling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotary {
    /// Base of the frequencies.
    pub theta: f64,
    /// Which two numbers of a head are a pair.
    pub pairing: Pairing,
    /// Change of the frequencies for longer texts.
    pub scaling: RotaryScaling,
}

/// Which two numbers of a head are turned together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// `(2 i, 2 i + 1)`, as in the paper and in llama2.c.
    Interleaved,
    /// `(i, i + w / 2)`, as in the weights that Hugging Face stores.
    HalfSplit,
}

/// Change of the frequencies for texts longer than the model was first trained on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RotaryScaling {
    /// No change.
    None,
    /// `f_i / factor` (position interpolation; Chen et al., arXiv 2306.15595).
    Linear {
        /// How many times longer texts may be.
        factor: f64,
    },
    /// LLaMA 3.1: wavelengths `2 pi / f_i` above `original_context / low_frequency_factor` are stretched by `factor`,
    /// those below `original_context / high_frequency_factor` are kept, and in between the two are blended linearly in
    /// `original_context / wavelength`.
    Llama3 {
        /// How many times longer texts may be.
        factor: f64,
        /// Periods in the original context below which a frequency is divided by the factor.
        low_frequency_factor: f64,
        /// Periods in the original context above which a frequency is kept; above the low one.
        high_frequency_factor: f64,
        /// Context of the first training.
        original_context: usize,
    },
}

impl Rotary {
    /// The frequencies `f_i` of the `width / 2` pairs of a head, after scaling, in radians per position.
    pub fn frequencies(&self, width: usize) -> Vec<f64> {
        let frequency = |pair: usize| self.theta.powf(-2.0 * pair as f64 / width as f64);
        (0..width / 2).map(|pair| self.scaling.apply(frequency(pair))).collect()
    }

    /// Checks every number.
    pub(super) fn check(&self) -> Result<(), LlmError> {
        if !(self.theta.is_finite() && self.theta >= 1.0) {
            return Err(LlmError::configuration("rotary theta", "a number of at least 1", self.theta));
        }
        let factor = |factor: f64| {
            if factor.is_finite() && factor >= 1.0 {
                return Ok(());
            }
            Err(LlmError::configuration("rotary scaling, factor", "a number of at least 1", factor))
        };
        match self.scaling {
            RotaryScaling::None => Ok(()),
            RotaryScaling::Linear { factor: value } => factor(value),
            RotaryScaling::Llama3 {
                factor: value,
                low_frequency_factor: low,
                high_frequency_factor: high,
                original_context,
            } => {
                factor(value)?;
                if !(low > 0.0 && high > low && high.is_finite()) {
                    let field = "rotary scaling, low and high frequency factor";
                    let expected = "two numbers above 0, the second one larger";
                    return Err(LlmError::configuration(field, expected, format!("{low} and {high}")));
                }
                if original_context == 0 {
                    return Err(LlmError::configuration("rotary scaling, original context", "at least 1", 0));
                }
                Ok(())
            }
        }
    }
}

impl RotaryScaling {
    fn apply(self, frequency: f64) -> f64 {
        match self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 { factor, low_frequency_factor, high_frequency_factor, original_context } => {
                let periods = original_context as f64 * frequency / std::f64::consts::TAU;
                let kept = (periods - low_frequency_factor) / (high_frequency_factor - low_frequency_factor);
                let kept = kept.clamp(0.0, 1.0);
                (1.0 - kept) * frequency / factor + kept * frequency
            }
        }
    }
}
