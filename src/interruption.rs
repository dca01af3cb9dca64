//! SIGINT and SIGTERM as a question that long work asks between two steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

use crate::error::INTERRUPTED;

/// Whether the user asked to stop; clones share the answer.
#[derive(Clone, Debug, Default)]
pub struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// Listens to SIGINT and SIGTERM for the rest of the process: the first signal is noted, a
    /// second one ends the process at once with exit code 130.
    ///
    /// # Errors
    /// When the system refuses the handler.
    pub fn listen() -> anyhow::Result<Self> {
        let interruption = Self::default();
        let noted = interruption.clone();
        ctrlc::set_handler(move || {
            if noted.0.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(INTERRUPTED));
            }
        })
        .context("cannot listen to SIGINT and SIGTERM")?;
        Ok(interruption)
    }

    /// Whether a signal has arrived.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
