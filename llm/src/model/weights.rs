//! The weights of a model by their names.

use super::{AttentionBiases, Linear, ModelConfig};
use crate::{LlmError, Matrix};

/// A linear map `y = x W^T + b`.
#[derive(Clone, Debug)]
pub struct LinearWeights {
    /// `W`, `[outputs, inputs]`.
    pub weight: Matrix,
    /// `b`, `[outputs]`.
    pub bias: Option<Vec<f32>>,
}

/// Weights of a transformer block.
#[derive(Clone, Debug)]
pub struct BlockWeights {
    /// Gains of the normalisation before the attention, `[hidden]`.
    pub attention_norm: Vec<f32>,
    /// Gains of the normalisation before the feed-forward network, `[hidden]`.
    pub feed_forward_norm: Vec<f32>,
    /// The linear maps in the order of [`Linear::ALL`].
    pub linears: [LinearWeights; 7],
}

/// All weights of a model.
#[derive(Clone, Debug)]
pub struct Weights {
    /// `[vocabulary, hidden]`.
    pub embedding: Matrix,
    /// The transformer blocks.
    pub blocks: Vec<BlockWeights>,
    /// Gains of the last normalisation, `[hidden]`.
    pub final_norm: Vec<f32>,
    /// The output head, `[vocabulary, hidden]`; absent where it is the embedding.
    pub output: Option<Matrix>,
}

impl Weights {
    /// Compares every shape with what `config` asks for.
    pub(super) fn check(&self, config: &ModelConfig) -> Result<(), LlmError> {
        let embedding = [config.vocabulary, config.hidden];
        check_matrix("embedding", embedding, &self.embedding)?;
        match (&self.output, config.tied_embeddings) {
            (Some(output), false) => check_matrix("output head", embedding, output)?,
            (None, true) => {}
            (output, _) => {
                let found = output.as_ref().map_or("no output head", |_| "an output head");
                let expected = if config.tied_embeddings { "no output head" } else { "an output head" };
                return Err(LlmError::configuration("tied_embeddings", expected, found));
            }
        }
        LlmError::check_shape("gains of the last normalisation", &[config.hidden], &[self.final_norm.len()])?;
        LlmError::check_shape("transformer blocks", &[config.blocks], &[self.blocks.len()])?;
        for (index, block) in self.blocks.iter().enumerate() {
            for (what, norm) in [("attention", &block.attention_norm), ("feed-forward", &block.feed_forward_norm)] {
                let what = format!("block {index}, gains of the {what} normalisation");
                LlmError::check_shape(what, &[config.hidden], &[norm.len()])?;
            }
            for (linear, weights) in Linear::ALL.into_iter().zip(&block.linears) {
                weights.check(config, index, linear)?;
            }
        }
        Ok(())
    }
}

impl LinearWeights {
    fn check(&self, config: &ModelConfig, block: usize, linear: Linear) -> Result<(), LlmError> {
        let shape = linear.shape(config);
        check_matrix(&format!("block {block}, {linear}"), shape, &self.weight)?;
        let expected = if config.biases.has(linear) { vec![shape[0]] } else { vec![] };
        let found: Vec<usize> = self.bias.iter().map(Vec::len).collect();
        LlmError::check_shape(format!("block {block}, bias of {linear}"), &expected, &found)
    }
}

impl AttentionBiases {
    /// Whether a linear map has a bias.
    pub fn has(self, linear: Linear) -> bool {
        match linear {
            Linear::Query | Linear::Key | Linear::Value => self != Self::None,
            Linear::Output => self == Self::All,
            Linear::Gate | Linear::Up | Linear::Down => false,
        }
    }
}

fn check_matrix(what: &str, expected: [usize; 2], matrix: &Matrix) -> Result<(), LlmError> {
    LlmError::check_shape(what, &expected, &[matrix.rows(), matrix.columns()])
}
