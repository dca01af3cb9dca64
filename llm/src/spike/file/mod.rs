//! Spiked models on disk: a folder with `spiked.safetensors` and the tokenizer of the model.
//!
//! Tensors: `embedding`, `output` where the two are not tied, `final_norm`; for every block `blocks.B.attention_norm` and
//! `blocks.B.feed_forward_norm`, and for every linear map `blocks.B.NAME.codes` (U8; of at most 4 bits two in a byte, the
//! even one low, every row on its own), `.scales`, `.zeros` unless symmetric, or `.weight` where it stays in floating point (F8_E4M3 with its
//! `.scale`), and `.bias`. The metadata key `sterna` holds the rest as JSON: columns are in the order of their site's coding.

mod read;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernels::FileMapping;
use serde::{Deserialize, Serialize};

pub(super) use self::read::Reader;
pub(super) use self::write::Tensor;
use super::cache::CacheCoding;
use super::coding::SiteCoding;
use super::configuration::{KeptFormat, SpikeConfiguration};
use super::model::SpikedModel;
use crate::model::ModelConfig;
use crate::{LlmError, Tokenizer};

/// The file with the weights.
pub const FILE: &str = "spiked.safetensors";
const KEY: &str = "sterna";
const FORMAT: u32 = 1;
/// Endings of tokenizers' files.
const TOKENIZERS: [&str; 3] = ["json", "bin", "vocab"];

/// What the metadata say.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: u32,
    kind: String,
    configuration: SpikeConfiguration,
    model: ModelConfig,
    blocks: Vec<BlockDescription>,
    /// Of the output head, where it has few bits.
    #[serde(default)]
    head: Option<HeadDescription>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadDescription {
    bits: u32,
    group: Option<usize>,
    #[serde(default)]
    symmetric: bool,
    coding: SiteCoding,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockDescription {
    /// In the order of the sites.
    codings: [Option<SiteCoding>; 4],
    /// In the order of [`Linear::ALL`].
    linears: Vec<LinearDescription>,
    cache: Option<CacheCoding>,
}

/// Bits and group of a linear map; without bits it stays in floating point.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinearDescription {
    bits: Option<u32>,
    group: Option<usize>,
    #[serde(default)]
    symmetric: bool,
    /// Number format of weights and activations, where it is not the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<KeptFormat>,
}

/// Whether a path is a folder with a spiked model.
pub fn is_spiked(path: &Path) -> bool {
    path.join(FILE).is_file()
}

/// Writes a model into one file, atomically, with further tensors and metadata beside it.
///
/// # Errors
/// [`LlmError::File`], [`LlmError::Snn`] when the file cannot be written.
pub(super) fn write(
    model: &SpikedModel,
    path: &Path,
    more: Vec<(String, Tensor<'_>)>,
    more_metadata: Option<(&str, String)>,
) -> Result<(), LlmError> {
    let failed = |error: &dyn std::fmt::Display| LlmError::file(path, KEY, "a serialisable model", error);
    let mut tensors = model.tensors()?;
    tensors.extend(more);
    let description = serde_json::to_string(&model.description()).map_err(|error| failed(&error))?;
    let mut metadata = HashMap::from([(KEY.to_owned(), description)]);
    metadata.extend(more_metadata.map(|(key, text)| (key.to_owned(), text)));
    let bytes = safetensors::serialize(tensors.iter().map(|(name, tensor)| (name, tensor)), Some(metadata))
        .map_err(|error| failed(&error))?;
    Ok(snn::model::write_atomically(path, &bytes)?)
}

impl SpikedModel {
    /// Writes the model and the tokenizer's file into a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`LlmError::Write`], [`LlmError::Snn`] when a file cannot be written.
    pub fn save(&self, folder: &Path, tokenizer: &Tokenizer) -> Result<(), LlmError> {
        let text = std::fs::read(tokenizer.path()).map_err(|source| LlmError::read(tokenizer.path(), source))?;
        std::fs::create_dir_all(folder).map_err(|source| LlmError::Write { path: folder.to_path_buf(), source })?;
        write(self, &folder.join(FILE), Vec::new(), None)?;
        let ending = tokenizer.path().extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        for other in TOKENIZERS.into_iter().filter(|other| *other != ending) {
            // That of a model that was here before.
            let _ = std::fs::remove_file(folder.join(format!("tokenizer.{other}")));
        }
        Ok(snn::model::write_atomically(&folder.join(format!("tokenizer.{ending}")), &text)?)
    }

    /// Reads a model from its folder.
    ///
    /// # Errors
    /// [`LlmError::Read`], [`LlmError::File`] for a damaged file, [`LlmError::Shape`] and [`LlmError::Configuration`]
    /// for parts that contradict each other.
    pub fn open(folder: &Path) -> Result<Self, LlmError> {
        reader(folder.join(FILE))?.model()
    }
}

/// Opens a file with a model.
pub(super) fn reader(path: PathBuf) -> Result<Reader, LlmError> {
    let file = FileMapping::open(&path).map_err(|source| LlmError::read(&path, source))?;
    Reader::new(path, Arc::new(file))
}
