//! What can go wrong when a network is trained.

use std::path::PathBuf;

/// Errors of this crate; each message names the place, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpikegradError {
    /// A setting is out of its range.
    #[error("setting '{field}': expected {expected}, found {found}")]
    Setting {
        /// Name of the setting as in the configuration file.
        field: String,
        /// Its range.
        expected: String,
        /// The value given.
        found: String,
    },
    /// The network cannot be trained as it is.
    #[error("network: {problem}; {remedy}")]
    Network {
        /// What does not fit.
        problem: String,
        /// What to change.
        remedy: String,
    },
    /// The samples do not fit the network.
    #[error("samples: expected {expected}, found {found}")]
    Samples {
        /// What the network takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Training left the range of numbers.
    #[error(
        "training diverged in epoch {epoch}, batch {batch}: {what}; lower learning_rate or alpha, or add warm_up_epochs"
    )]
    Diverged {
        /// Epoch, counted from 1.
        epoch: u32,
        /// Batch within the epoch, counted from 1.
        batch: u64,
        /// What was no finite number.
        what: String,
    },
    /// A checkpoint's content is wrong.
    #[error("{path}, {field}: expected {expected}, found {found}", path = .path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Tensor or metadata field.
        field: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The thread pool could not be started.
    #[error("could not start {threads} threads: {reason}; ask for fewer")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
    /// The hardware that projections run on refuses its work.
    #[error(transparent)]
    Substrate(Box<dyn std::error::Error + Send + Sync>),
    /// An error of the network crate.
    #[error(transparent)]
    Snn(#[from] snn::SnnError),
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] kernels::KernelError),
}
