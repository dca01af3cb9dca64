//! Decoding of one token after the other: a character may need several.

use tokenizers::tokenizer::step_decode_stream;

use super::{Kind, Tokenizer};
use crate::LlmError;

/// Decodes one token after the other and gives text as soon as its characters are complete.
pub struct DecodeStream<'a> {
    tokenizer: &'a Tokenizer,
    /// What the library of `tokenizer.json` keeps: tokens, their text, and how much of it was given.
    tokens: Vec<u32>,
    prefix: String,
    prefix_tokens: usize,
    /// Bytes of a character that is not complete.
    bytes: Vec<u8>,
    before: Option<u32>,
}

impl<'a> DecodeStream<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, tokens: vec![], prefix: String::new(), prefix_tokens: 0, bytes: vec![], before: None }
    }

    /// The text that the next token completes; empty where it completes none.
    ///
    /// # Errors
    /// [`LlmError::Tokenizer`] when the tokenizer refuses the token.
    pub fn push(&mut self, token: u32) -> Result<String, LlmError> {
        let before = self.before.replace(token);
        match &self.tokenizer.kind {
            Kind::HuggingFace(tokenizer) => {
                let library: &tokenizers::TokenizerImpl<_, _, _, _, _> = tokenizer.library();
                let (tokens, prefix, prefix_tokens) = (&mut self.tokens, &mut self.prefix, &mut self.prefix_tokens);
                let step = step_decode_stream(library, vec![token], true, tokens, prefix, prefix_tokens);
                Ok(step.map_err(|error| self.tokenizer.refused(error.to_string()))?.unwrap_or_default())
            }
            Kind::BytePairs(tokenizer) => {
                self.bytes.extend_from_slice(tokenizer.bytes(token, before));
                Ok(complete(&mut self.bytes))
            }
            Kind::Characters(tokenizer) => Ok(tokenizer.character(token, before).map(String::from).unwrap_or_default()),
        }
    }

    /// The text of what is left: bytes of a character that was not completed become U+FFFD.
    pub fn finish(self) -> String {
        match &self.tokenizer.kind {
            Kind::HuggingFace(tokenizer) => {
                let Ok(text) = tokenizer.decode(&self.tokens) else { return String::new() };
                text.strip_prefix(&self.prefix).map(str::to_owned).unwrap_or_default()
            }
            Kind::BytePairs(_) | Kind::Characters(_) => String::from_utf8_lossy(&self.bytes).into_owned(),
        }
    }
}

/// Takes the characters that are complete from the front of `bytes`; bytes that can never be part of one become U+FFFD.
fn complete(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut taken = 0;
    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text += valid;
                taken = bytes.len();
            }
            Err(error) => {
                let (valid, invalid) = rest.split_at(error.valid_up_to());
                text += &String::from_utf8_lossy(valid);
                taken += valid.len();
                let Some(length) = error.error_len() else { break };
                text.push(char::REPLACEMENT_CHARACTER);
                taken += length.min(invalid.len());
            }
        }
    }
    bytes.drain(..taken);
    text
}
