//! Generation: one token after the other, each from the logits of those before.

mod sampling;
#[cfg(test)]
mod tests;

pub use sampling::{Sampler, Sampling};

use crate::LlmError;
use crate::forward::{Execution, Session, next_logits};

/// The tokens that follow a prompt, as an iterator. It ends at the model's end tokens, which it does not give, when the
/// context is full, and after an error.
pub struct Generation<'a, E: Execution> {
    execution: &'a E,
    session: Session<E::State>,
    sampler: Sampler,
    /// Tokens that the next step computes; empty at the end.
    pending: Vec<u32>,
}

impl<'a, E: Execution> Generation<'a, E> {
    /// Starts after `prompt`, whose first token is the beginning token where the model has one.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] for a sampling that is none, [`LlmError::Text`] for an empty prompt, and
    /// [`LlmError::Capacity`] for one that fills the context.
    pub fn new(execution: &'a E, prompt: &[u32], sampling: Sampling) -> Result<Self, LlmError> {
        let sampler = Sampler::new(sampling)?;
        let session = Session::new(execution, usize::MAX)?;
        if prompt.is_empty() {
            return Err(LlmError::Text {
                what: "the prompt".to_owned(),
                found: "no token".to_owned(),
                remedy: "begin with the model's beginning token, or with a text".to_owned(),
            });
        }
        if prompt.len() >= session.capacity() {
            return Err(LlmError::Capacity { position: prompt.len(), more: 1, capacity: session.capacity() });
        }
        Ok(Self { execution, session, sampler, pending: prompt.to_vec() })
    }

    /// The state of the sequence: what the execution has counted or recorded.
    pub fn state(&self) -> &E::State {
        &self.session.state
    }

    fn step(&mut self) -> Result<Option<u32>, LlmError> {
        let tokens = std::mem::take(&mut self.pending);
        if tokens.is_empty() || tokens.len() > self.session.capacity() - self.session.position() {
            return Ok(None);
        }
        let logits = next_logits(self.execution, &mut self.session, &tokens)?;
        let token = self.sampler.choose(logits.view())?;
        if self.execution.frame().config().ends.contains(&token) {
            return Ok(None);
        }
        self.pending.push(token);
        Ok(Some(token))
    }
}

impl<E: Execution> Iterator for Generation<'_, E> {
    type Item = Result<u32, LlmError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
