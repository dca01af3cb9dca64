//! Constructions on disk: the blocks that are made and what enters the next one.
//!
//! The file is that of a spiked model with as many blocks as are made ([`crate::spike::file`]), with `hidden.I` of every
//! sequence beside it and the rest as JSON under the metadata key `construction`.

use std::path::Path;

use kernels::Engine;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::BlockReport;
use super::construction::{Construction, starts};
use super::plan::Plan;
use crate::LlmError;
use crate::model::{Frame, Linear, Model, ModelConfig, Norm};
use crate::spike::configuration::SpikeConfiguration;
use crate::spike::file::{self, Tensor};
use crate::spike::model::SpikedModel;

const KEY: &str = "construction";

/// What the metadata say.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// Of model, configuration and text, in hexadecimal.
    digest: String,
    plan: Plan,
    reports: Vec<BlockReport>,
}

impl<'a> Construction<'a> {
    /// Writes the blocks that are made and what enters the next one, atomically; nothing before the first block.
    ///
    /// # Errors
    /// [`LlmError::File`], [`LlmError::Snn`] when the file cannot be written.
    pub fn save(&self, path: &Path, sequences: &[Vec<u32>]) -> Result<(), LlmError> {
        if self.blocks.is_empty() {
            return Ok(());
        }
        let failed = |error| LlmError::file(path, KEY, "a serialisable construction", error);
        let description = Description {
            digest: digest(self.model, self.configuration, sequences),
            plan: self.plan.clone(),
            reports: self.reports.clone(),
        };
        let description = serde_json::to_string(&description).map_err(failed)?;
        let hidden = self.hidden.iter().enumerate();
        let hidden = hidden.map(|(index, hidden)| (format!("hidden.{index}"), Tensor::of_array(hidden)));
        let made = SpikedModel::new(self.configuration.clone(), self.made()?, self.blocks.clone())?;
        file::write(&made, path, hidden.collect(), Some((KEY, description)))
    }

    /// The frame of the blocks that are made.
    fn made(&self) -> Result<Frame, LlmError> {
        let (frame, blocks) = (&self.frame, self.blocks.len());
        let norms =
            (0..blocks).map(|block| [Norm::Attention, Norm::FeedForward].map(|norm| frame.norm(block, norm).to_vec()));
        let config = ModelConfig { blocks, ..frame.config().clone() };
        let output = (!config.tied_embeddings).then(|| frame.output().clone());
        Frame::new(config, frame.embedding().clone(), norms.collect(), frame.final_norm().to_vec(), output)
    }

    /// Goes on where [`Construction::save`] left off; the arguments are those of [`Construction::new`].
    ///
    /// # Errors
    /// [`LlmError::Read`], [`LlmError::File`] for a damaged file and one of another model, configuration or text; those
    /// of [`Construction::new`].
    pub fn resume(
        model: &'a Model,
        configuration: &'a SpikeConfiguration,
        sequences: &[Vec<u32>],
        engine: Engine,
        path: &Path,
    ) -> Result<Self, LlmError> {
        configuration.check()?;
        let reader = file::reader(path.to_path_buf())?;
        let Description { digest: found, plan, reports } =
            serde_json::from_str(reader.text(KEY)?).map_err(|error| {
                LlmError::file(path, KEY, "a description of a construction", format!("an error: {error}"))
            })?;
        let expected = digest(model, configuration, sequences);
        if found != expected {
            let expected = format!("{expected}, of this model, configuration and text; begin anew without resuming");
            return Err(LlmError::file(path, "digest", expected, found));
        }
        let made = reader.model()?;
        let blocks = made.blocks().len();
        if blocks > model.config().blocks || reports.len() != blocks {
            let found = format!("{blocks} blocks, {} reports", reports.len());
            return Err(LlmError::file(
                path,
                "blocks",
                format!("at most {}, each with a report", model.config().blocks),
                found,
            ));
        }
        let mut hidden = starts(model, configuration, sequences)?;
        for (index, hidden) in hidden.iter_mut().enumerate() {
            let numbers = reader.floats(&format!("hidden.{index}"), hidden.shape())?;
            let shape = hidden.raw_dim();
            *hidden = Array2::from_shape_vec(shape, numbers)
                .map_err(|error| LlmError::file(path, format!("hidden.{index}"), "a whole matrix", error))?;
        }
        let mut construction = Self::of_plan(model, configuration, engine, plan, hidden);
        for block in 0..blocks {
            let norms = [Norm::Attention, Norm::FeedForward].map(|norm| made.frame().norm(block, norm).to_vec());
            construction.frame.set_norms(block, norms)?;
        }
        (construction.blocks, construction.reports) = (made.blocks, reports);
        Ok(construction)
    }
}

/// SHA-256 of what decides the result: configuration, tokens, and of the model its description, gains, and first and last
/// row of every matrix.
fn digest(model: &Model, configuration: &SpikeConfiguration, sequences: &[Vec<u32>]) -> String {
    let mut digest = Sha256::new();
    // Both are plain numbers and names, which always serialise.
    digest.update(serde_json::to_string(configuration).unwrap_or_default());
    digest.update(serde_json::to_string(model.config()).unwrap_or_default());
    let numbers =
        |digest: &mut Sha256, numbers: &[f32]| numbers.iter().for_each(|number| digest.update(number.to_le_bytes()));
    let matrix = |digest: &mut Sha256, matrix: &crate::Matrix| {
        for row in [0, matrix.rows().saturating_sub(1)] {
            let mut held = vec![0.0; matrix.columns()];
            if matrix.copy_rows(row..row + 1, &mut held).is_ok() {
                numbers(digest, &held);
            }
        }
    };
    matrix(&mut digest, model.frame().embedding());
    for block in 0..model.config().blocks {
        for norm in [Norm::Attention, Norm::FeedForward] {
            numbers(&mut digest, model.frame().norm(block, norm));
        }
        for linear in Linear::ALL {
            matrix(&mut digest, &model.linear(block, linear).weight);
        }
    }
    for sequence in sequences {
        digest.update((sequence.len() as u64).to_le_bytes());
        sequence.iter().for_each(|token| digest.update(token.to_le_bytes()));
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
