//! Errors of the command that no library crate reports, and the exit code of each.

use std::path::PathBuf;

/// Exit code of a command that failed.
pub const FAILURE: u8 = 1;
/// Exit code of a command that was asked for something it does not take.
pub const BAD_USAGE: u8 = 2;
/// Exit code of a command that a signal ended: 128 + SIGINT, for SIGTERM too.
pub const INTERRUPTED: u8 = 130;

/// Errors of the command; each message names the place, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// A flag, an argument or an environment variable has a value that is not accepted.
    #[error("{what}: expected {expected}, found {found}")]
    Usage {
        /// The flag, argument or variable.
        what: String,
        /// What it takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A configuration file holds something other than it must.
    #[error("{place}{}: {problem}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Configuration {
        /// The file, or the name of the embedded recipe.
        place: String,
        /// Line in the file, counted from 1, where it is known.
        line: Option<usize>,
        /// The field, what it must hold and what it holds.
        problem: String,
    },
    /// The folder of a run cannot be used as asked.
    #[error("run folder {}: {problem}; {remedy}", path.display())]
    RunFolder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The folder of results cannot be used as asked.
    #[error("output folder {}: {problem}; {remedy}", path.display())]
    OutputFolder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A file is not what it must be.
    #[error("{}, {field}: expected {expected}, found {found}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The field in it.
        field: String,
        /// What it must hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// Network and data set do not fit each other.
    #[error(
        "data set {data}: {field}: the network takes {expected}, found {found}; choose the data set the network was trained on"
    )]
    Mismatch {
        /// The data set.
        data: String,
        /// What differs.
        field: String,
        /// What the network takes.
        expected: String,
        /// What the data set has.
        found: String,
    },
    /// A signal ended the work.
    #[error("interrupted")]
    Interrupted,
}

impl CommandError {
    /// A [`CommandError::Usage`].
    pub fn usage(what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), expected: expected.into(), found: found.into() }
    }
}

/// The exit code that belongs to an error: [`BAD_USAGE`], [`INTERRUPTED`] or [`FAILURE`].
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<CommandError>() {
        Some(CommandError::Usage { .. }) => BAD_USAGE,
        Some(CommandError::Interrupted) => INTERRUPTED,
        _ => FAILURE,
    }
}
