//! `tokenizer.json`, by the library that defines it.

use std::path::Path;

use crate::LlmError;
use crate::file::read_bounded;

/// Most bytes of a tokenizer.
const LARGEST: u64 = 256 << 20;

#[derive(Clone, Debug)]
pub(super) struct HuggingFace {
    tokenizer: tokenizers::Tokenizer,
    vocabulary: usize,
}

impl HuggingFace {
    pub(super) fn open(path: &Path) -> Result<Self, LlmError> {
        let bytes = read_bounded(path, LARGEST)?;
        let damaged = |error: tokenizers::Error| {
            LlmError::file(path, "content", "a tokenizer of Hugging Face", format!("an error: {error}"))
        };
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(bytes).map_err(damaged)?;
        // A text is encoded whole, whatever lengths the tokenizer was saved with.
        tokenizer.with_truncation(None).map_err(damaged)?;
        tokenizer.with_padding(None);
        let largest = tokenizer.get_vocab(true).into_values().max();
        Ok(Self { vocabulary: largest.map_or(0, |largest| largest as usize + 1), tokenizer })
    }

    pub(super) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    pub(super) fn decode(&self, tokens: &[u32]) -> Result<String, String> {
        self.tokenizer.decode(tokens, true).map_err(|error| error.to_string())
    }

    pub(super) fn library(&self) -> &tokenizers::Tokenizer {
        &self.tokenizer
    }
}
