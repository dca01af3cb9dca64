//! A sequence that grows.

use crate::LlmError;
use crate::forward::Execution;

/// A sequence of tokens as far as it has been computed.
#[derive(Clone, Debug)]
pub struct Session<S> {
    /// Keys and values of its tokens, and whatever else the execution keeps for a sequence.
    pub state: S,
    position: usize,
    capacity: usize,
}

impl<S> Session<S> {
    /// An empty sequence with room for `capacity` tokens, at most the model's context.
    ///
    /// # Errors
    /// Those of [`Execution::new_state`].
    pub fn new<E: Execution<State = S>>(execution: &E, capacity: usize) -> Result<Self, LlmError> {
        let capacity = capacity.min(execution.frame().config().context);
        Ok(Self { state: execution.new_state(capacity)?, position: 0, capacity })
    }

    /// Tokens of the sequence so far; the position of the next one.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Tokens that fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes room for more tokens; returns the position of the first.
    pub(super) fn advance(&mut self, more: usize) -> Result<usize, LlmError> {
        let (position, capacity) = (self.position, self.capacity);
        if more == 0 {
            return Err(LlmError::Text {
                what: "tokens to compute".to_owned(),
                found: "none".to_owned(),
                remedy: "a sequence needs at least one token; begin with the model's beginning token".to_owned(),
            });
        }
        if more > capacity - position {
            return Err(LlmError::Capacity { position, more, capacity });
        }
        self.position += more;
        Ok(position)
    }
}
