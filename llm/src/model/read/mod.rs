//! Readers of model files.

mod hugging_face;
mod llama2c;

use std::path::Path;

use kernels::FileMapping;

use super::Model;
use crate::LlmError;

impl Model {
    /// Reads a model: a folder as Hugging Face writes it (`config.json` and safetensors, in one file or several) with a
    /// model of type `llama`, `mistral` or `qwen2`; or a file `*.bin` of llama2.c (version 0).
    ///
    /// The weights stay in their files, which are mapped into memory and must not be changed meanwhile.
    ///
    /// # Errors
    /// [`LlmError::Read`] and [`LlmError::NotFound`] when a file cannot be read or is missing; [`LlmError::File`] when
    /// one is damaged or lacks something; [`LlmError::Unsupported`] for a computation that is not implemented.
    pub fn open(path: &Path) -> Result<Self, LlmError> {
        if path.is_dir() { hugging_face::open(path) } else { llama2c::open(path) }
    }
}

/// Maps a file.
fn map(path: &Path) -> Result<FileMapping, LlmError> {
    FileMapping::open(path).map_err(|source| LlmError::read(path, source))
}
