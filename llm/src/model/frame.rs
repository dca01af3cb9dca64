//! What surrounds the linear maps: embedding, normalisations, output head.

use kernels::Engine;
use ndarray::{Array2, ArrayView2};

use super::ModelConfig;
use crate::{LlmError, Matrix};

/// Everything of a model but the linear maps of its blocks: the part that stays in floats when the rest is quantised
/// or spikes.
#[derive(Clone, Debug)]
pub struct Frame {
    pub(super) config: ModelConfig,
    pub(super) embedding: Matrix,
    pub(super) norms: Vec<[Vec<f32>; 2]>,
    pub(super) final_norm: Vec<f32>,
    pub(super) output: Option<Matrix>,
}

/// A normalisation of a transformer block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Before the attention.
    Attention,
    /// Before the feed-forward network.
    FeedForward,
}

impl Frame {
    /// Joins the parts; `norms` are the gains of every block, attention first.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] when a number of the description is wrong, [`LlmError::Shape`] when a part does not
    /// fit it.
    pub fn new(
        config: ModelConfig,
        embedding: Matrix,
        norms: Vec<[Vec<f32>; 2]>,
        final_norm: Vec<f32>,
        output: Option<Matrix>,
    ) -> Result<Self, LlmError> {
        config.check()?;
        let shape = [config.vocabulary, config.hidden];
        let matrices =
            std::iter::once(("embedding", &embedding)).chain(output.iter().map(|output| ("output head", output)));
        for (what, matrix) in matrices {
            LlmError::check_shape(what, &shape, &[matrix.rows(), matrix.columns()])?;
        }
        LlmError::check_shape(
            "output heads",
            &[usize::from(!config.tied_embeddings)],
            &[usize::from(output.is_some())],
        )?;
        LlmError::check_shape("blocks of a model", &[config.blocks], &[norms.len()])?;
        for gains in norms.iter().flatten().chain([&final_norm]) {
            LlmError::check_shape("gains of a normalisation", &[config.hidden], &[gains.len()])?;
        }
        Ok(Self { config, embedding, norms, final_norm, output })
    }

    /// The numbers that describe the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The embedding, `[vocabulary, hidden]`.
    pub fn embedding(&self) -> &Matrix {
        &self.embedding
    }

    /// The output head, `[vocabulary, hidden]`; the embedding where the two are tied.
    pub fn output(&self) -> &Matrix {
        self.output.as_ref().unwrap_or(&self.embedding)
    }

    /// Gains of a normalisation, `[hidden]`.
    ///
    /// # Panics
    /// When the model has no such block.
    pub fn norm(&self, block: usize, norm: Norm) -> &[f32] {
        let [attention, feed_forward] = &self.norms[block];
        match norm {
            Norm::Attention => attention,
            Norm::FeedForward => feed_forward,
        }
    }

    /// Gains of the normalisation before the output head, `[hidden]`.
    pub fn final_norm(&self) -> &[f32] {
        &self.final_norm
    }

    /// The frame of one block alone.
    ///
    /// # Panics
    /// When the model has no such block.
    pub fn of_block(&self, block: usize) -> Self {
        let config = ModelConfig { blocks: 1, ..self.config.clone() };
        Self { config, norms: vec![self.norms[block].clone()], ..self.clone() }
    }

    /// Replaces the gains of a block's normalisations, attention first, `[hidden]` each.
    ///
    /// # Errors
    /// [`LlmError::Shape`], also when there is no such block.
    pub fn set_norms(&mut self, block: usize, norms: [Vec<f32>; 2]) -> Result<(), LlmError> {
        let hidden = self.config.hidden;
        for norm in &norms {
            LlmError::check_shape(format!("gains of block {block}"), &[hidden], &[norm.len()])?;
        }
        let blocks = self.norms.len();
        let held = self.norms.get_mut(block).ok_or_else(|| LlmError::Shape {
            what: "blocks of a model".to_owned(),
            expected: vec![block + 1],
            found: vec![blocks],
        })?;
        *held = norms;
        Ok(())
    }

    /// The embeddings of tokens, `[tokens, hidden]`.
    ///
    /// # Errors
    /// [`LlmError::Token`] for a token outside the vocabulary.
    pub fn embed(&self, tokens: &[u32]) -> Result<Array2<f32>, LlmError> {
        let vocabulary = self.config.vocabulary;
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocabulary) {
            return Err(LlmError::Token { token, vocabulary });
        }
        let mut embeddings = Array2::zeros((tokens.len(), self.config.hidden));
        for (&token, mut row) in tokens.iter().zip(embeddings.rows_mut()) {
            let token = token as usize;
            if let Some(row) = row.as_slice_mut() {
                self.embedding.copy_rows(token..token + 1, row)?;
            }
        }
        Ok(embeddings)
    }

    /// Logits of the next token, `[tokens, vocabulary]`, from the hidden states after the last normalisation,
    /// `[tokens, hidden]`.
    ///
    /// # Errors
    /// [`LlmError::Shape`].
    pub fn logits(&self, engine: Engine, hidden: ArrayView2<'_, f32>) -> Result<Array2<f32>, LlmError> {
        let mut logits = Array2::zeros((hidden.nrows(), self.config.vocabulary));
        self.output().multiply(engine, hidden, &mut logits)?;
        Ok(logits)
    }
}
