//! The fields of a JSON file, with errors that name them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::LlmError;
use crate::file::read_bounded;

/// Most bytes of a description.
const LARGEST: u64 = 16 << 20;

/// The fields of a JSON object in a file.
#[derive(Debug)]
pub(super) struct Fields {
    path: PathBuf,
    /// Names of the objects around this one, each followed by a dot.
    prefix: String,
    object: Map<String, Value>,
}

impl Fields {
    /// Reads a file that holds one object.
    pub(super) fn read(path: &Path) -> Result<Self, LlmError> {
        let bytes = read_bounded(path, LARGEST)?;
        let object = serde_json::from_slice(&bytes)
            .map_err(|error| LlmError::file(path, "content", "a JSON object", format!("an error: {error}")))?;
        Ok(Self { path: path.to_path_buf(), prefix: String::new(), object })
    }

    /// The value of a field that is there and not null.
    fn value(&self, field: &str) -> Option<&Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// Whether the field is there, be it null.
    pub(super) fn has(&self, field: &str) -> bool {
        self.object.contains_key(field)
    }

    /// Whether the field is there and not null.
    pub(super) fn is_set(&self, field: &str) -> bool {
        self.value(field).is_some()
    }

    /// An error about the value of a field.
    pub(super) fn wrong(&self, field: &str, expected: &str) -> LlmError {
        let found = self.object.get(field).map_or("no such field".to_owned(), short);
        LlmError::file(&self.path, format!("{}{field}", self.prefix), expected, found)
    }

    /// An error about fields that contradict each other or are out of range.
    pub(super) fn contradiction(&self, error: &LlmError) -> LlmError {
        LlmError::file(&self.path, "content", "the description of a model", error)
    }

    /// An error about a value that asks for something not implemented.
    pub(super) fn unsupported(&self, field: &str, supported: &str) -> LlmError {
        LlmError::Unsupported {
            path: self.path.clone(),
            field: format!("{}{field}", self.prefix),
            found: self.object.get(field).map_or("no such field".to_owned(), short),
            supported: supported.to_owned(),
        }
    }

    fn typed<'a, T>(
        &'a self,
        field: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, LlmError> {
        self.value(field).map(|value| read(value).ok_or_else(|| self.wrong(field, expected))).transpose()
    }

    /// A whole number; `None` where it is absent or null.
    pub(super) fn size(&self, field: &str) -> Result<Option<usize>, LlmError> {
        self.typed(field, "a whole number of at least 0", |value| usize::try_from(value.as_u64()?).ok())
    }

    /// A whole number that must be there.
    pub(super) fn required_size(&self, field: &str) -> Result<usize, LlmError> {
        self.size(field)?.ok_or_else(|| self.wrong(field, "a whole number of at least 0"))
    }

    /// A number; `None` where it is absent or null.
    pub(super) fn number(&self, field: &str) -> Result<Option<f64>, LlmError> {
        self.typed(field, "a number", Value::as_f64)
    }

    /// A number that must be there.
    pub(super) fn required_number(&self, field: &str) -> Result<f64, LlmError> {
        self.number(field)?.ok_or_else(|| self.wrong(field, "a number"))
    }

    /// `true` or `false`; `false` where it is absent or null.
    pub(super) fn flag(&self, field: &str) -> Result<bool, LlmError> {
        Ok(self.typed(field, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    /// A text; `None` where it is absent or null.
    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, LlmError> {
        self.typed(field, "a text", Value::as_str)
    }

    /// A list of texts; `None` where it is absent or null.
    pub(super) fn texts(&self, field: &str) -> Result<Option<Vec<&str>>, LlmError> {
        self.typed(field, "a list of texts", |value| value.as_array()?.iter().map(Value::as_str).collect())
    }

    /// One token or a list of tokens; empty where it is absent or null.
    pub(super) fn tokens(&self, field: &str) -> Result<Vec<u32>, LlmError> {
        let token = |value: &Value| u32::try_from(value.as_u64()?).ok();
        let tokens = self.typed(field, "a token's number or a list of them", |value| match value {
            Value::Array(values) => values.iter().map(token).collect(),
            value => token(value).map(|token| vec![token]),
        })?;
        Ok(tokens.unwrap_or_default())
    }

    /// An object in this one; `None` where it is absent or null.
    pub(super) fn object(&self, field: &str) -> Result<Option<Self>, LlmError> {
        let object = self.typed(field, "an object", Value::as_object)?;
        Ok(object.map(|object| Self {
            path: self.path.clone(),
            prefix: format!("{}{field}.", self.prefix),
            object: object.clone(),
        }))
    }
}

/// A value as JSON, cut where it is long.
fn short(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
