//! The question whether to go on, which long work asks between its parts.

use std::fmt;

use crate::LlmError;

/// Asks whether to stop; copies ask the same.
#[derive(Clone, Copy)]
pub struct Stop<'a>(&'a (dyn Fn() -> bool + Sync));

impl<'a> Stop<'a> {
    /// Never.
    pub const NEVER: Stop<'static> = Stop(&|| false);

    /// When `asked` says so.
    pub fn when(asked: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self(asked)
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`LlmError::Stopped`].
    pub fn check(self) -> Result<(), LlmError> {
        if (self.0)() { Err(LlmError::Stopped) } else { Ok(()) }
    }
}

impl fmt::Debug for Stop<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Stop")
    }
}
