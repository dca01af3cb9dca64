//! What a spiked model is made with.

use serde::{Deserialize, Serialize};

use super::coding::{MOST_STEPS, TopCodes};
use crate::LlmError;

/// Everything that decides what a model becomes; the defaults are SpikeLLM's setting W4A4 with 10 % of the channels at
/// two steps, weights by GPTQ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpikeConfiguration {
    /// Weights of the linear maps.
    pub weights: WeightSection,
    /// Inputs of the linear maps.
    pub activations: ActivationSection,
    /// Keys, values and queries.
    pub cache: CacheSection,
    /// Scaling of channels before quantisation.
    pub equalisation: EqualisationSection,
    /// Projections that stay in floating point.
    pub kept: KeptSection,
    /// Samples that statistics are taken from.
    pub calibration: CalibrationSection,
}

/// How weights become codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightSection {
    /// Bits of a code, 1 to 8; 16 leaves weights as floats.
    pub bits: u32,
    /// Bits of the output head, whose inputs then have 8 bits and one step; 16 leaves both as floats, as the papers do.
    pub head: u32,
    /// Columns that share scale and zero point; all without.
    pub group: Option<usize>,
    /// Signed codes without a zero point; from 2 bits on.
    pub symmetric: bool,
    /// How codes are chosen.
    pub method: WeightMethod,
    /// Whether the range of each row and group is narrowed to the ratio with the least output error.
    pub clip: bool,
    /// GPTQ: columns of large activations first.
    pub act_order: bool,
    /// GPTQ: share of the mean of the Hessian's diagonal that is added to it.
    pub damping: f64,
    /// Ternary spike trains instead of codes: additions and subtractions only.
    pub ternary: Option<TernarySection>,
    /// How salient weights are: decides columns of ternary weights with more steps, and channels by
    /// [`ChannelRule::Weights`].
    pub saliency: SaliencySection,
}

/// The saliency of weights, `w_ij^2 / d_j`, gathered into one number an input j.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SaliencySection {
    /// What squares are divided by.
    pub denominator: Denominator,
    /// How outputs are gathered.
    pub aggregation: Aggregation,
}

/// What squared weights are divided by, H the damped Hessian `2 X^T X / tokens`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Denominator {
    /// `[H^-1]_jj` (SpikeLLM).
    #[default]
    Inverse,
    /// `U_jj^2` of the upper Cholesky factor, `U^T U = H^-1` (PB-LLM's code): what `[H^-1]_jj` is once the columns before
    /// j are fixed.
    Factor,
}

/// How saliencies of the weights of an input become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregation {
    /// Their sum over outputs.
    #[default]
    Sum,
    /// The largest of them.
    Largest,
}

/// How codes of weights are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightMethod {
    /// Each weight to its nearest code.
    RoundToNearest,
    /// Column by column, the error of each made up for by those that follow (Frantar et al., 2023).
    #[default]
    Gptq,
}

/// Weights as ternary spike trains: `w = scale * k`, k the sum of T spikes of -1, 0 or 1 (SpikeLLM's additive variant).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TernarySection {
    /// Share of the columns, those of the largest weight saliency, with more steps.
    pub share: f64,
    /// Their steps, 1 to 64; all others have one.
    pub steps: u32,
}

/// How activations become codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActivationSection {
    /// Bits of a spike, 1 to 8; 16 leaves activations as floats.
    pub bits: u32,
    /// Which channels fire in several steps.
    pub rule: ChannelRule,
    /// Classes of more than one step, most salient first.
    pub classes: Vec<ClassSection>,
    /// Codes that several steps do not reach.
    pub top: TopCodes,
    /// Factor on the range of a token, above 0 and at most 1.
    pub clip: f32,
    /// Whether the channels of all sites compete for the steps; otherwise each site has its share.
    pub global: bool,
}

/// Channels with several steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSection {
    /// Share of the channels.
    pub share: f64,
    /// Steps of each, 2 to 64.
    pub steps: u32,
}

/// Which channels count as salient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelRule {
    /// The mean over tokens of `x (x W^T W)`, with its sign: as released.
    #[default]
    Signed,
    /// The mean of its magnitude.
    Absolute,
    /// The mean of its square.
    Squared,
    /// The saliency of the channel's weights, [`SaliencySection`]; not for keys and values, which have none.
    Weights,
    /// The largest magnitude of the channel.
    Range,
    /// Channels drawn at random.
    Random,
}

/// How keys, values and queries become codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheSection {
    /// Bits of a spike of keys and values, 1 to 7; 16 leaves them as floats.
    pub bits: u32,
    /// Bits of queries, 1 to 8.
    pub query_bits: u32,
    /// Share of the channels of a block with two steps.
    pub share: f64,
    /// Which channels these are.
    pub rule: ChannelRule,
}

/// Scaling of channels: `s_j = max|x_j|^alpha / max|w_j|^(1 - alpha)`, divided out of what comes before and multiplied
/// into the columns (LET of OmniQuant, without learning).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EqualisationSection {
    /// Exponents that are tried for each site; none leaves channels as they are.
    pub alphas: Vec<f32>,
}

/// Projections that stay in floating point because their inputs spike (Maisonnave et al., 2025).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeptSection {
    /// How many.
    pub count: usize,
    /// Whether they are drawn at random instead of those with the largest ratio of the largest activation to the median
    /// over tokens of the largest of a token.
    pub random: bool,
    /// Number format of their weights and activations.
    pub format: KeptFormat,
}

/// Number format of projections that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeptFormat {
    /// Weights as the model holds them, activations in single precision.
    #[default]
    #[serde(rename = "f32")]
    F32,
    /// Weights and activations in half precision.
    #[serde(rename = "f16")]
    F16,
    /// Weights and activations in FP8, E4M3, each tensor with a scale of its own.
    #[serde(rename = "f8-e4m3")]
    F8E4m3,
}

/// Samples for statistics.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CalibrationSection {
    /// Sequences.
    pub sequences: usize,
    /// Tokens of each, at most.
    pub tokens: usize,
    /// Whether statistics are of activations that earlier blocks have quantised, as in SpikeLLM's code.
    pub quantised: bool,
    /// Seed of all that is drawn.
    pub seed: u64,
}

impl Default for WeightSection {
    fn default() -> Self {
        Self {
            bits: 4,
            head: FLOATS,
            group: None,
            symmetric: false,
            method: WeightMethod::Gptq,
            clip: true,
            act_order: true,
            damping: 0.01,
            ternary: None,
            saliency: SaliencySection::default(),
        }
    }
}

impl Default for ActivationSection {
    fn default() -> Self {
        Self {
            bits: 4,
            rule: ChannelRule::Signed,
            classes: vec![ClassSection { share: 0.1, steps: 2 }],
            top: TopCodes::Reachable,
            clip: 1.0,
            global: false,
        }
    }
}

impl Default for CacheSection {
    fn default() -> Self {
        Self { bits: 16, query_bits: 8, share: 0.1, rule: ChannelRule::Signed }
    }
}

impl Default for CalibrationSection {
    fn default() -> Self {
        Self { sequences: 128, tokens: 2048, quantised: true, seed: 1 }
    }
}

/// Bits that leave numbers as floats.
pub const FLOATS: u32 = 16;

impl SpikeConfiguration {
    /// Checks every number.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] with the first field that is wrong.
    pub fn check(&self) -> Result<(), LlmError> {
        let bits = |field: &str, bits: u32, most: u32| {
            let is_right = (1..=most).contains(&bits) || bits == FLOATS;
            let expected = format!("1 to {most}, or {FLOATS} for floats");
            if is_right { Ok(()) } else { Err(LlmError::configuration(field, expected, bits)) }
        };
        let share = |field: &str, share: f64| {
            let is_right = (0.0..=1.0).contains(&share);
            if is_right { Ok(()) } else { Err(LlmError::configuration(field, "0 to 1", share)) }
        };
        let steps = |field: &str, steps: u32| {
            let is_right = (1..=MOST_STEPS).contains(&steps);
            if is_right { Ok(()) } else { Err(LlmError::configuration(field, format!("1 to {MOST_STEPS}"), steps)) }
        };
        bits("weights.bits", self.weights.bits, 8)?;
        bits("weights.head", self.weights.head, 8)?;
        if self.weights.group == Some(0) {
            return Err(LlmError::configuration("weights.group", "at least 1 column", 0));
        }
        if !(self.weights.damping > 0.0 && self.weights.damping.is_finite()) {
            return Err(LlmError::configuration("weights.damping", "a number above 0", self.weights.damping));
        }
        let fewest = self.weights.bits.min(self.weights.head);
        if self.weights.symmetric && fewest < 2 {
            return Err(LlmError::configuration("weights.bits, symmetric", "at least 2", fewest));
        }
        if let Some(ternary) = self.weights.ternary {
            share("weights.ternary.share", ternary.share)?;
            steps("weights.ternary.steps", ternary.steps)?;
        }
        bits("activations.bits", self.activations.bits, 8)?;
        let mut sum = 0.0;
        for class in &self.activations.classes {
            share("activations.classes.share", class.share)?;
            steps("activations.classes.steps", class.steps)?;
            sum += class.share;
        }
        share("activations.classes.share, summed", sum)?;
        let clip = self.activations.clip;
        if !(clip > 0.0 && clip <= 1.0) {
            return Err(LlmError::configuration("activations.clip", "above 0 and at most 1", clip));
        }
        bits("cache.bits", self.cache.bits, 7)?;
        if !(1..=8).contains(&self.cache.query_bits) {
            return Err(LlmError::configuration("cache.query_bits", "1 to 8", self.cache.query_bits));
        }
        share("cache.share", self.cache.share)?;
        if self.cache.rule == ChannelRule::Weights {
            return Err(LlmError::configuration("cache.rule", "a rule that needs no weights", "weights"));
        }
        if let Some(wrong) = self.equalisation.alphas.iter().find(|alpha| !(0.0..=1.0).contains(*alpha)) {
            return Err(LlmError::configuration("equalisation.alphas", "0 to 1", wrong));
        }
        if self.calibration.sequences == 0 || self.calibration.tokens < 2 {
            let found = format!("{} sequences of {} tokens", self.calibration.sequences, self.calibration.tokens);
            return Err(LlmError::configuration("calibration", "a sequence of at least 2 tokens", found));
        }
        Ok(())
    }
}
