//! How well a model of either kind predicts sequences, and the spikes it takes.

use std::sync::Arc;

use kernels::Engine;
use llm::forward::{Execution, FloatExecution};
use llm::perplexity::{Likelihood, likelihood, likelihood_with_states};
use llm::spike::{
    QuantisedExecution, SpikeCounts, SpikeReport, SpikedModel, SpikingExecution, SpikingState, add_counts,
};
use llm::{LlmError, Model};

use super::loaded::{AnyModel, ExecutionChoice};

/// What was measured.
pub struct Measured {
    /// How well the sequences are predicted.
    pub likelihood: Likelihood,
    /// Spikes, where the model was run in spikes.
    pub spikes: Option<SpikeReport>,
    /// Spikes per block and site.
    pub counts: Vec<[SpikeCounts; 4]>,
}

/// Measures a model; `progress` as in [`likelihood`].
///
/// # Errors
/// Those of the execution.
pub fn measure(
    model: &AnyModel,
    how: ExecutionChoice,
    engine: Engine,
    sequences: &[Vec<u32>],
    progress: impl FnMut(usize, &Likelihood),
) -> Result<Measured, LlmError> {
    match (model, how) {
        (AnyModel::Float(model), _) => floats(model, engine, sequences, progress),
        (AnyModel::Spiked(model), ExecutionChoice::Spikes) => spikes(model, engine, sequences, progress),
        (AnyModel::Spiked(model), ExecutionChoice::Floats) => {
            plain(&QuantisedExecution::new(model.clone(), engine)?, sequences, progress)
        }
    }
}

fn floats(
    model: &Model,
    engine: Engine,
    sequences: &[Vec<u32>],
    progress: impl FnMut(usize, &Likelihood),
) -> Result<Measured, LlmError> {
    plain(&FloatExecution::new(model.clone(), engine), sequences, progress)
}

fn plain<E: Execution>(
    execution: &E,
    sequences: &[Vec<u32>],
    progress: impl FnMut(usize, &Likelihood),
) -> Result<Measured, LlmError> {
    Ok(Measured { likelihood: likelihood(execution, sequences, progress)?, spikes: None, counts: Vec::new() })
}

fn spikes(
    model: &Arc<SpikedModel>,
    engine: Engine,
    sequences: &[Vec<u32>],
    progress: impl FnMut(usize, &Likelihood),
) -> Result<Measured, LlmError> {
    counted(&SpikingExecution::new(model.clone(), engine)?, model, sequences, progress)
}

/// Measures an execution in spikes of a model, on its chip or not; `progress` as in [`likelihood`].
///
/// # Errors
/// Those of the execution.
pub fn counted<E: Execution<State = SpikingState>>(
    execution: &E,
    model: &SpikedModel,
    sequences: &[Vec<u32>],
    progress: impl FnMut(usize, &Likelihood),
) -> Result<Measured, LlmError> {
    let mut counts = Vec::new();
    let likelihood = likelihood_with_states(execution, sequences, progress, |_, state| {
        add_counts(&mut counts, &state.counts);
    })?;
    Ok(Measured { likelihood, spikes: Some(model.report(&counts)), counts })
}
