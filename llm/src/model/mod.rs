//! LLaMA-family models: description, weights, readers.

mod config;
mod frame;
mod linear;
mod read;
mod rotary;
mod weights;

pub use config::{AttentionBiases, ModelConfig};
pub use frame::{Frame, Norm};
pub use linear::{Linear, Site};
pub use rotary::{Pairing, Rotary, RotaryScaling};
pub use weights::{BlockWeights, LinearWeights, Weights};

use crate::LlmError;

/// A model: what [`Frame`] holds, and the linear maps of every block. Checked once when it is made; a clone shares the
/// weights.
#[derive(Clone, Debug)]
pub struct Model {
    frame: Frame,
    blocks: Vec<[LinearWeights; 7]>,
}

impl Model {
    /// Joins description and weights.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] when a number of the description is wrong, [`LlmError::Shape`] when weights do not
    /// fit it.
    pub fn new(config: ModelConfig, weights: Weights) -> Result<Self, LlmError> {
        config.check()?;
        weights.check(&config)?;
        let Weights { embedding, blocks, final_norm, output } = weights;
        let (norms, blocks) =
            blocks.into_iter().map(|block| ([block.attention_norm, block.feed_forward_norm], block.linears)).unzip();
        Ok(Self { frame: Frame { config, embedding, norms, final_norm, output }, blocks })
    }

    /// The numbers that describe the model.
    pub fn config(&self) -> &ModelConfig {
        &self.frame.config
    }

    /// Everything but the linear maps of the blocks.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// A linear map.
    ///
    /// # Panics
    /// When the model has no such block.
    pub fn linear(&self, block: usize, linear: Linear) -> &LinearWeights {
        &self.blocks[block][linear.index()]
    }

    /// The model of one block alone, with embedding and output head.
    ///
    /// # Panics
    /// When the model has no such block.
    pub fn of_block(&self, block: usize) -> Self {
        Self { frame: self.frame.of_block(block), blocks: vec![self.blocks[block].clone()] }
    }

    /// Description and weights, to be changed and joined again.
    pub fn into_parts(self) -> (ModelConfig, Weights) {
        let Frame { config, embedding, norms, final_norm, output } = self.frame;
        let blocks = norms.into_iter().zip(self.blocks);
        let blocks = blocks.map(|([attention_norm, feed_forward_norm], linears)| BlockWeights {
            attention_norm,
            feed_forward_norm,
            linears,
        });
        (config, Weights { embedding, blocks: blocks.collect(), final_norm, output })
    }

    /// Numbers of all weights.
    pub fn parameters(&self) -> usize {
        let Frame { embedding, norms, final_norm, output, .. } = &self.frame;
        let size = |matrix: &crate::Matrix| matrix.rows() * matrix.columns();
        let linears = self.blocks.iter().flatten();
        size(embedding)
            + output.as_ref().map_or(0, size)
            + final_norm.len()
            + norms.iter().flatten().map(Vec::len).sum::<usize>()
            + linears.map(|linear| size(&linear.weight) + linear.bias.as_ref().map_or(0, Vec::len)).sum::<usize>()
    }
}
