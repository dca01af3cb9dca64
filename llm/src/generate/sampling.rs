//! The choice of a token by its logit.

use ndarray::ArrayView1;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::LlmError;

/// How a token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits before the softmax; at 0 the largest logit is chosen and the rest does not matter.
    pub temperature: f32,
    /// Only the `k` most probable tokens are drawn from; all when absent.
    pub top_k: Option<usize>,
    /// Only the fewest most probable tokens whose probabilities sum to at least this are drawn from (nucleus sampling;
    /// Holtzman et al., arXiv 1904.09751); above 0, all at 1.
    pub top_p: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Sampling {
    /// The largest logit, the lowest token of equals.
    pub const GREEDY: Self = Self { temperature: 0.0, top_k: None, top_p: 1.0, seed: 0 };
}

/// Chooses tokens.
#[derive(Clone, Debug)]
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
}

impl Sampler {
    /// A sampler at the start of its random numbers.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] for a number out of range.
    pub fn new(sampling: Sampling) -> Result<Self, LlmError> {
        let Sampling { temperature, top_k, top_p, seed } = sampling;
        if !(temperature >= 0.0 && temperature.is_finite()) {
            return Err(LlmError::configuration("temperature", "a number of at least 0", temperature));
        }
        if top_k == Some(0) {
            return Err(LlmError::configuration("top_k", "a number of at least 1", 0));
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(LlmError::configuration("top_p", "a number above 0, at most 1", top_p));
        }
        Ok(Self { sampling, random: ChaCha8Rng::seed_from_u64(seed) })
    }

    /// The next token.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] when a logit is not a number: the model is damaged.
    pub fn choose(&mut self, logits: ArrayView1<'_, f32>) -> Result<u32, LlmError> {
        if let Some(logit) = logits.iter().find(|logit| logit.is_nan()) {
            return Err(LlmError::configuration("logits", "numbers", logit));
        }
        let mut order: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
        // Descending by logit, ascending by token.
        let descending = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if self.sampling.temperature == 0.0 {
            let best = order.into_iter().min_by(descending);
            return best.map(|(token, _)| token).ok_or_else(|| LlmError::configuration("logits", "at least one", 0));
        }
        order.sort_unstable_by(descending);
        order.truncate(self.sampling.top_k.unwrap_or(usize::MAX));
        let Some(&(_, largest)) = order.first() else {
            return Err(LlmError::configuration("logits", "at least one", 0));
        };
        let temperature = f64::from(self.sampling.temperature);
        let weight = |&(_, logit): &(u32, f32)| ((f64::from(logit) - f64::from(largest)) / temperature).exp();
        let weights: Vec<f64> = order.iter().map(weight).collect();
        let nucleus = self.sampling.top_p * weights.iter().sum::<f64>();
        let mut sum = 0.0;
        let mut sums = Vec::new();
        for weight in weights {
            sum += weight;
            sums.push(sum);
            if sum >= nucleus {
                break;
            }
        }
        // 53 random bits: a number in [0, 1).
        let drawn = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64 * sum;
        let chosen = sums.partition_point(|&sum| sum <= drawn).min(sums.len() - 1);
        order.get(chosen).map(|&(token, _)| token).ok_or_else(|| LlmError::configuration("logits", "numbers", "none"))
    }
}
