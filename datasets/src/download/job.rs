//! What all files of one fetch share.

use std::path::PathBuf;

use super::catalogue::SetEntry;
use super::{FetchOptions, Progress};

/// One call of `fetch`.
pub(super) struct Job<'a> {
    pub set: &'a SetEntry,
    pub folder: PathBuf,
    pub mirrors: Vec<String>,
    pub options: &'a FetchOptions,
    pub progress: &'a mut dyn FnMut(&Progress<'_>),
    pub cancel: &'a dyn Fn() -> bool,
}
