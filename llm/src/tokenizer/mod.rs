//! Texts to tokens and back.

mod byte_pair;
mod characters;
mod hugging_face;
mod merge;
mod stream;
#[cfg(test)]
mod tests;

pub use stream::DecodeStream;

use std::path::{Path, PathBuf};

use self::byte_pair::BytePairs;
use self::characters::Characters;
use self::hugging_face::HuggingFace;
use crate::LlmError;
use crate::model::ModelConfig;

/// Turns texts into tokens and back.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    HuggingFace(Box<HuggingFace>),
    BytePairs(BytePairs),
    Characters(Characters),
}

impl Tokenizer {
    /// Reads a tokenizer: `*.json` as Hugging Face writes it, `*.bin` of llama2.c, or `*.vocab`, a vocabulary of
    /// SentencePiece whose pieces are single characters.
    ///
    /// # Errors
    /// [`LlmError::Read`], [`LlmError::File`] for a damaged file, [`LlmError::Unsupported`] for another name.
    pub fn open(path: &Path) -> Result<Self, LlmError> {
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Kind::HuggingFace(Box::new(HuggingFace::open(path)?)),
            Some("bin") => Kind::BytePairs(BytePairs::open(path)?),
            Some("vocab") => Kind::Characters(Characters::open(path)?),
            _ => {
                return Err(LlmError::Unsupported {
                    path: path.to_path_buf(),
                    field: "name of the tokenizer".to_owned(),
                    found: "this ending".to_owned(),
                    supported: "*.json of Hugging Face, *.bin of llama2.c, *.vocab of single characters".to_owned(),
                });
            }
        };
        Ok(Self { path: path.to_path_buf(), kind })
    }

    /// The tokenizer that lies beside a model: `tokenizer.json` in a folder; beside a file of llama2.c, and in a folder
    /// without one, the only `tok*.bin` or `*.vocab`.
    ///
    /// # Errors
    /// [`LlmError::NotFound`] when there is none, or several; those of [`Tokenizer::open`].
    pub fn beside(model: &Path) -> Result<Self, LlmError> {
        let in_folder = model.join("tokenizer.json");
        if in_folder.is_file() || model.join("config.json").is_file() {
            return Self::open(&in_folder);
        }
        let parent = || model.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = if model.is_dir() { model } else { parent() };
        let entries = std::fs::read_dir(folder).map_err(|source| LlmError::read(folder, source))?;
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            path.is_file() && (name.ends_with(".vocab") || name.starts_with("tok") && name.ends_with(".bin"))
        });
        found.sort();
        match found.as_slice() {
            [only] => Self::open(only),
            several => {
                let names: Vec<_> = several.iter().map(|path| path.display().to_string()).collect();
                Err(LlmError::NotFound {
                    what: "one tokenizer, tok*.bin or *.vocab,".to_owned(),
                    folder: folder.to_path_buf(),
                    found: if names.is_empty() { "there is none".to_owned() } else { names.join(", ") },
                    remedy: "name the tokenizer's file".to_owned(),
                })
            }
        }
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tokens it knows: every token it gives is below.
    pub fn vocabulary(&self) -> usize {
        match &self.kind {
            Kind::HuggingFace(tokenizer) => tokenizer.vocabulary(),
            Kind::BytePairs(tokenizer) => tokenizer.vocabulary(),
            Kind::Characters(tokenizer) => tokenizer.vocabulary(),
        }
    }

    /// Whether it can belong to a model: every token it gives is in the model's vocabulary. A tokenizer of llama2.c or
    /// of single characters has exactly as many tokens as its model.
    ///
    /// # Errors
    /// [`LlmError::File`].
    pub fn check(&self, config: &ModelConfig) -> Result<(), LlmError> {
        let (expected, found) = (config.vocabulary, self.vocabulary());
        let may_be_fewer = matches!(self.kind, Kind::HuggingFace(_));
        if found == expected || found < expected && may_be_fewer {
            return Ok(());
        }
        let expected = format!("{}{expected}, those of the model", if may_be_fewer { "at most " } else { "" });
        Err(LlmError::file(&self.path, "number of tokens", expected, found))
    }

    /// The tokens of a whole text, the beginning token first where the tokenizer has one.
    ///
    /// # Errors
    /// [`LlmError::Tokenizer`] when the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, LlmError> {
        match &self.kind {
            Kind::HuggingFace(tokenizer) => tokenizer.encode(text).map_err(|problem| self.refused(problem)),
            Kind::BytePairs(tokenizer) => Ok(tokenizer.encode(text)),
            Kind::Characters(tokenizer) => Ok(tokenizer.encode(text)),
        }
    }

    /// The text of tokens, without special tokens. Bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// [`LlmError::Tokenizer`] when the tokenizer refuses the tokens.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, LlmError> {
        match &self.kind {
            Kind::HuggingFace(tokenizer) => tokenizer.decode(tokens).map_err(|problem| self.refused(problem)),
            Kind::BytePairs(_) | Kind::Characters(_) => {
                let mut stream = self.stream();
                let mut text = String::new();
                for &token in tokens {
                    text += &stream.push(token)?;
                }
                Ok(text + &stream.finish())
            }
        }
    }

    /// Decodes one token after the other.
    pub fn stream(&self) -> DecodeStream<'_> {
        DecodeStream::new(self)
    }

    fn refused(&self, problem: String) -> LlmError {
        LlmError::Tokenizer { path: self.path.clone(), problem }
    }
}
