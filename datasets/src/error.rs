//! The error of this crate.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// Why a data set could not be found, read, split, fetched or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// None of the places where a file or folder may lie holds it.
    #[error("{what} not found; tried {}; {remedy}", paths(.tried))]
    NotFound {
        /// What was looked for.
        what: String,
        /// Every path that was tried, in order.
        tried: Vec<PathBuf>,
        /// What to do.
        remedy: String,
    },
    /// A file or a parameter holds something other than it must.
    #[error("{place}: {field}: expected {expected}, found {found}; {remedy}")]
    Invalid {
        /// The file, or the parameter group, that is at fault.
        place: String,
        /// The field in it.
        field: String,
        /// What the field must hold.
        expected: String,
        /// What it holds.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// The operating system refused to read a path.
    #[error("cannot read {}: {source}; check that it exists and that you may read it", .path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The operating system refused to write a path.
    #[error("cannot write {}: {source}; check free space and permissions, then run the command again: finished and partial files are kept", .path.display())]
    Write {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process holds the partial file of this download.
    #[error("{} is being written by another process; wait for it to end, then try again", .path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },
    /// No mirror delivered a file with the right content.
    #[error("cannot download {file} of {set}:{}\n{remedy}", attempts_text(.attempts))]
    Download {
        /// Name of the data set.
        set: String,
        /// File that was to be downloaded.
        file: String,
        /// Each attempt: address and reason of failure.
        attempts: Vec<(String, String)>,
        /// What to do without a connection.
        remedy: String,
    },
    /// The caller asked to stop.
    #[error("stopped while fetching {file}; what has arrived is kept in {}; run the same command to go on", .partial.display())]
    Cancelled {
        /// File that was being fetched.
        file: String,
        /// Partial file that the next call resumes.
        partial: PathBuf,
    },
}

impl DatasetError {
    /// An [`DatasetError::Invalid`] about a file.
    pub(crate) fn invalid(
        path: &Path,
        field: impl Into<String>,
        expected: impl Display,
        found: impl Display,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            place: path.display().to_string(),
            field: field.into(),
            expected: expected.to_string(),
            found: found.to_string(),
            remedy: remedy.into(),
        }
    }

    /// An [`DatasetError::Invalid`] about a parameter.
    pub(crate) fn parameter(
        place: &str,
        field: &str,
        expected: impl Display,
        found: impl Display,
        remedy: impl Into<String>,
    ) -> Self {
        Self::invalid(Path::new(place), field, expected, found, remedy)
    }

    /// A [`DatasetError::Read`] of `path`.
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    /// A [`DatasetError::Write`] of `path`.
    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), source }
    }
}

fn paths(tried: &[PathBuf]) -> String {
    let shown: Vec<String> = tried.iter().map(|p| p.display().to_string()).collect();
    shown.join(", ")
}

fn attempts_text(attempts: &[(String, String)]) -> String {
    attempts.iter().map(|(url, reason)| format!("\n  {url}: {reason}")).collect()
}
