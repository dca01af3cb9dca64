//! What a computation may use.

use kernels::Isa;

use crate::error::SpikegradError;

/// What a run computes with; none of it changes the result of integer training.
#[derive(Clone, Copy, Debug)]
pub struct Resources {
    /// Threads of the pool that is started.
    pub threads: usize,
    /// Instruction set of the kernels.
    pub isa: Isa,
}

impl Resources {
    /// A thread pool of its own; the global one stays untouched.
    pub(crate) fn pool(self) -> Result<rayon::ThreadPool, SpikegradError> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build()
            .map_err(|error| SpikegradError::Threads { threads: self.threads, reason: error.to_string() })
    }
}
