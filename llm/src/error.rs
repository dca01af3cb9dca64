//! What can go wrong when models and texts are read, run and changed.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// Errors of this crate; each message names the place, what was expected and found, and what to do where that is not
/// plain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LlmError {
    /// The operating system refused to read a path.
    #[error("cannot read {}: {source}; check that it exists, is a file, and that you may read it", .path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A folder could not be made.
    #[error("cannot make the folder {}: {source}; check that the folder is writable and the disk has room", .path.display())]
    Write {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No file of the kind that is needed was found, or more than one.
    #[error("{what} not found in {}: {found}; {remedy}", .folder.display())]
    NotFound {
        /// What was looked for.
        what: String,
        /// The folder.
        folder: PathBuf,
        /// What is there instead.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// A file holds something other than it must.
    #[error("{}, {field}: expected {expected}, found {found}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The field or the tensor in it.
        field: String,
        /// What it must hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A model asks for a computation that is not implemented.
    #[error("{}, {field}: {found} is not supported; supported: {supported}", .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The field in it.
        field: String,
        /// Its value.
        found: String,
        /// The values that work.
        supported: String,
    },
    /// Numbers that describe a model, a run or a sampling contradict each other or are out of range.
    #[error("{field}: expected {expected}, found {found}")]
    Configuration {
        /// The field.
        field: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A matrix or a vector has the wrong shape.
    #[error("{what}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// Which one.
        what: String,
        /// The shape it must have.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// A token is outside the model's vocabulary.
    #[error("token {token} is outside the vocabulary of {vocabulary} tokens; the tokenizer belongs to another model")]
    Token {
        /// The token's number.
        token: u32,
        /// Tokens of the model.
        vocabulary: usize,
    },
    /// A sequence has become longer than there is room for.
    #[error(
        "the sequence has {position} tokens and room for {capacity}, {more} more do not fit; shorten the text or start \
         a new sequence"
    )]
    Capacity {
        /// Tokens of the sequence.
        position: usize,
        /// Tokens to come.
        more: usize,
        /// Tokens that fit.
        capacity: usize,
    },
    /// The tokenizer refused a text or tokens.
    #[error("tokenizer {}: {problem}", .path.display())]
    Tokenizer {
        /// The tokenizer's file.
        path: PathBuf,
        /// What it said.
        problem: String,
    },
    /// A text has too little to predict.
    #[error("{what}: {found}; {remedy}")]
    Text {
        /// Which text.
        what: String,
        /// What it has.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// Work was asked to stop before it was done.
    #[error("stopped before it was done")]
    Stopped,
    /// What an execution of another crate runs on refused its work.
    #[error("{what}: {source}")]
    Execution {
        /// Which part of the model.
        what: String,
        /// What was refused.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file could not be written.
    #[error(transparent)]
    Snn(#[from] snn::SnnError),
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] kernels::KernelError),
}

impl LlmError {
    /// An [`LlmError::Read`].
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    /// An [`LlmError::File`].
    pub(crate) fn file(path: &Path, field: impl Into<String>, expected: impl Display, found: impl Display) -> Self {
        Self::File {
            path: path.to_path_buf(),
            field: field.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// An [`LlmError::Configuration`].
    pub(crate) fn configuration(field: impl Into<String>, expected: impl Display, found: impl Display) -> Self {
        Self::Configuration { field: field.into(), expected: expected.to_string(), found: found.to_string() }
    }

    /// An [`LlmError::Shape`] unless both shapes are the same.
    pub(crate) fn check_shape(what: impl Into<String>, expected: &[usize], found: &[usize]) -> Result<(), Self> {
        if expected == found {
            return Ok(());
        }
        Err(Self::Shape { what: what.into(), expected: expected.to_vec(), found: found.to_vec() })
    }
}
