//! What both substrates, columns and arrays that learn, give a trainer.

use spikegrad::{SpikegradError, SubstrateScratch};

use crate::error::CompilerError;

impl From<CompilerError> for SpikegradError {
    /// An error of a crate below as itself, another one as that of the substrate.
    fn from(error: CompilerError) -> Self {
        match error {
            CompilerError::Spikegrad(error) => error,
            CompilerError::Snn(error) => error.into(),
            CompilerError::Kernel(error) => error.into(),
            error => Self::Substrate(Box::new(error)),
        }
    }
}

/// The scratch of one thread as what the substrate keeps in it; a new one where it holds something else.
pub(crate) fn scratch_of<T: Default + Send + Sync + 'static>(scratch: &mut SubstrateScratch) -> &mut T {
    if !scratch.is::<T>() {
        *scratch = Box::new(T::default());
    }
    // The line above makes it one.
    match scratch.downcast_mut::<T>() {
        Some(scratch) => scratch,
        None => unreachable!("the scratch was just made"),
    }
}
