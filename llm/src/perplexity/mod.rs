//! Perplexity: how well a model predicts texts.

mod likelihood;
mod sequences;
#[cfg(test)]
mod tests;

pub use likelihood::negative_log_likelihood;
pub use sequences::{documents, windows};

use kernels::Parallelism;
use ndarray::Axis;
use rayon::prelude::*;
use serde::Serialize;

use crate::LlmError;
use crate::forward::{Execution, Session, forward};

/// Memory for the keys and values of sequences that are computed at once.
const CACHE_BYTES: usize = 1 << 28;
/// Tokens whose logits are held at once.
const LOGIT_TOKENS: usize = 64;

/// How well a model predicts some sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Likelihood {
    /// Sum of `-ln p(token | tokens before it)` over all predictions, in nats.
    pub negative_log_likelihood: f64,
    /// Tokens that were predicted: all but the first of each sequence.
    pub predictions: u64,
}

impl Likelihood {
    /// Mean negative log-likelihood of a token, in nats.
    pub fn mean(&self) -> f64 {
        self.negative_log_likelihood / self.predictions as f64
    }

    /// `exp` of the mean negative log-likelihood.
    pub fn perplexity(&self) -> f64 {
        self.mean().exp()
    }

    /// Adds another sequence.
    pub fn add(&mut self, other: &Self) {
        self.negative_log_likelihood += other.negative_log_likelihood;
        self.predictions += other.predictions;
    }
}

/// How well an execution predicts each of some sequences, all computed on their own: every token but the first is
/// predicted from those before it in the same sequence. `progress` is called with the number of sequences that are
/// done and the likelihood so far.
///
/// The result is a sum in the order of the sequences; neither the number of threads nor the memory at hand changes it.
///
/// # Errors
/// Those of [`forward`].
pub fn likelihood<E: Execution>(
    execution: &E,
    sequences: &[Vec<u32>],
    progress: impl FnMut(usize, &Likelihood),
) -> Result<Likelihood, LlmError> {
    likelihood_with_states(execution, sequences, progress, |_, _| ())
}

/// As [`likelihood`], and hands out the state that every sequence leaves behind, with its number, in order: what an
/// execution has counted or recorded.
///
/// # Errors
/// Those of [`forward`].
pub fn likelihood_with_states<E: Execution>(
    execution: &E,
    sequences: &[Vec<u32>],
    mut progress: impl FnMut(usize, &Likelihood),
    mut finished: impl FnMut(usize, E::State),
) -> Result<Likelihood, LlmError> {
    let config = execution.frame().config();
    let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
    let bytes = 2 * 4 * config.blocks * config.key_value_width() * longest.max(1);
    let at_once = match execution.engine().parallelism() {
        Parallelism::Serial => 1,
        Parallelism::Rayon => (CACHE_BYTES / bytes).clamp(1, 4 * rayon::current_num_threads()),
    };
    let mut total = Likelihood::default();
    let mut done = 0;
    for group in sequences.chunks(at_once) {
        let results: Vec<_> = if at_once == 1 {
            group.iter().map(|tokens| sequence(execution, tokens)).collect::<Result<_, _>>()?
        } else {
            group.par_iter().map(|tokens| sequence(execution, tokens)).collect::<Result<_, _>>()?
        };
        for (likelihood, state) in results {
            total.add(&likelihood);
            finished(done, state);
            done += 1;
            progress(done, &total);
        }
    }
    Ok(total)
}

/// How well one sequence is predicted.
fn sequence<E: Execution>(execution: &E, tokens: &[u32]) -> Result<(Likelihood, E::State), LlmError> {
    let mut session = Session::new(execution, tokens.len())?;
    let hidden = forward(execution, &mut session, tokens)?;
    let mut total = Likelihood::default();
    for first in (0..tokens.len().saturating_sub(1)).step_by(LOGIT_TOKENS) {
        let end = (first + LOGIT_TOKENS).min(tokens.len() - 1);
        let logits = execution.logits(hidden.slice_axis(Axis(0), (first..end).into()))?;
        for (logits, &next) in logits.rows().into_iter().zip(tokens.iter().skip(first + 1)) {
            total.negative_log_likelihood += negative_log_likelihood(logits, next)?;
            total.predictions += 1;
        }
    }
    Ok((total, session.state))
}
