//! The engine: an instruction set proven to be available, and a way to use threads.

use crate::dispatch::{Loop, vectorised};
use crate::{Isa, KernelError};

/// How an operation uses threads. Results never depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parallelism {
    /// The calling thread only.
    Serial,
    /// The current rayon pool, when the work is large enough to share.
    Rayon,
}

/// Runs the kernels with one instruction set; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    isa: Isa,
    parallelism: Parallelism,
}

/// Multiply-accumulates below which a part of the work is not worth a thread.
const WORK_PER_PART: usize = 1 << 21;

impl Engine {
    /// An engine with a given instruction set.
    ///
    /// # Errors
    /// [`KernelError::UnavailableIsa`] if this processor lacks it.
    pub fn new(isa: Isa, parallelism: Parallelism) -> Result<Engine, KernelError> {
        if isa.is_available() {
            Ok(Engine { isa, parallelism })
        } else {
            Err(KernelError::UnavailableIsa { isa, available: Isa::names(&Isa::available()) })
        }
    }

    /// An engine with an instruction set that need not be available; for tests that emulate it.
    #[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
    pub(crate) fn emulated(isa: Isa, parallelism: Parallelism) -> Engine {
        Engine { isa, parallelism }
    }

    /// An engine with the fastest instruction set of this processor.
    pub fn detect(parallelism: Parallelism) -> Engine {
        Engine { isa: Isa::detect(), parallelism }
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The use of threads.
    pub fn parallelism(&self) -> Parallelism {
        self.parallelism
    }

    /// Runs a loop, compiled for the instruction set.
    #[inline]
    pub fn vectorised<Work: Loop>(&self, work: Work) -> Work::Output {
        vectorised(self.isa, work)
    }

    /// Into how many parts to split `tasks` equal tasks of `work` multiply-accumulates in all.
    pub(crate) fn parts(&self, tasks: usize, work: usize) -> usize {
        match self.parallelism {
            Parallelism::Serial => 1,
            Parallelism::Rayon => rayon::current_num_threads().min(tasks).min(work / WORK_PER_PART).max(1),
        }
    }
}
