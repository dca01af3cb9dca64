//! The numbers that describe a LLaMA-family model.

use serde::{Deserialize, Serialize};

use super::rotary::Rotary;
use crate::LlmError;

/// Largest size of any one dimension; more is a damaged file.
const LARGEST: usize = 1 << 24;
/// Most transformer blocks; more is a damaged file.
const MOST_BLOCKS: usize = 1 << 12;

/// The numbers that describe a decoder of the LLaMA family (LLaMA, Mistral, Qwen2).
///
/// A block computes `h += O(attention(rope(Q(n)), rope(K(n)), V(n)))` with `n = norm(h)`, then
/// `h += D(silu(G(n)) * U(n))` with `n = norm(h)` again; `norm(x) = g x / sqrt(mean(x^2) + epsilon)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Width of the hidden state.
    pub hidden: usize,
    /// Width of the feed-forward network.
    pub feed_forward: usize,
    /// Transformer blocks.
    pub blocks: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / key_value_heads` query heads.
    pub key_value_heads: usize,
    /// Width of one head; even.
    pub head: usize,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Tokens of a sequence the model was trained for, at most.
    pub context: usize,
    /// `epsilon` of the root-mean-square normalisation.
    pub norm_epsilon: f32,
    /// Rotary position embedding.
    pub rotary: Rotary,
    /// Which linear maps of the attention have biases.
    pub biases: AttentionBiases,
    /// Positions a token sees, itself included; all before it when absent.
    pub sliding_window: Option<usize>,
    /// The output head is the embedding.
    pub tied_embeddings: bool,
    /// Token that begins a text, where the model has one.
    pub beginning: Option<u32>,
    /// Tokens that end a text.
    pub ends: Vec<u32>,
}

/// Which linear maps of the attention have biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionBiases {
    /// None, as LLaMA and Mistral.
    None,
    /// Query, key and value, as Qwen2.
    QueryKeyValue,
    /// Query, key, value and output: LLaMA with `attention_bias`.
    All,
}

impl ModelConfig {
    /// Width of the queries of all heads.
    pub fn query_width(&self) -> usize {
        self.heads * self.head
    }

    /// Width of the keys, and of the values, of all heads.
    pub fn key_value_width(&self) -> usize {
        self.key_value_heads * self.head
    }

    /// Query heads that share a key and value head.
    pub fn group(&self) -> usize {
        self.heads / self.key_value_heads
    }

    /// Checks every number.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] with the first field that is wrong.
    pub fn check(&self) -> Result<(), LlmError> {
        let sizes = [
            ("hidden", self.hidden),
            ("feed_forward", self.feed_forward),
            ("heads", self.heads),
            ("key_value_heads", self.key_value_heads),
            ("head", self.head),
            ("vocabulary", self.vocabulary),
            ("context", self.context),
        ];
        for (field, size) in sizes {
            within(field, size, LARGEST)?;
        }
        within("blocks", self.blocks, MOST_BLOCKS)?;
        within("heads x head", self.query_width(), LARGEST)?;
        if !self.heads.is_multiple_of(self.key_value_heads) {
            let expected = format!("a divisor of the {} query heads", self.heads);
            return Err(LlmError::configuration("key_value_heads", expected, self.key_value_heads));
        }
        if !self.head.is_multiple_of(2) {
            return Err(LlmError::configuration("head", "an even width, for pairs to rotate", self.head));
        }
        if !(self.norm_epsilon > 0.0 && self.norm_epsilon < 1.0) {
            return Err(LlmError::configuration("norm_epsilon", "a number between 0 and 1", self.norm_epsilon));
        }
        if let Some(window) = self.sliding_window {
            within("sliding_window", window, LARGEST)?;
        }
        for &token in self.beginning.iter().chain(&self.ends) {
            if token as usize >= self.vocabulary {
                return Err(LlmError::Token { token, vocabulary: self.vocabulary });
            }
        }
        self.rotary.check()
    }
}

/// Whether `size` lies in `1..=most`.
fn within(field: &str, size: usize, most: usize) -> Result<(), LlmError> {
    if (1..=most).contains(&size) {
        return Ok(());
    }
    Err(LlmError::configuration(field, format!("a number of 1 to {most}"), size))
}
