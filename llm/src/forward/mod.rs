//! The transformer, with its linear maps and its key-value cache left to an [`Execution`].

mod arithmetic;
mod attention;
mod cache;
mod execution;
mod float;
mod rotation;
mod session;
pub(crate) mod softmax;
#[cfg(test)]
mod tests;

pub use attention::{Attention, Sequence};
pub use cache::FloatCache;
pub use execution::{Execution, KeyValueCache};
pub use float::FloatExecution;
pub use rotation::rotate;
pub use session::Session;

use ndarray::{Array1, Array2, Axis};

use self::arithmetic::{add, gate, normalise};
use self::rotation::Angles;
use crate::LlmError;
use crate::model::{Frame, Linear, Norm, Site};

/// Runs the transformer on the next tokens of a sequence and returns their hidden states after the last normalisation,
/// `[tokens, hidden]`; [`Execution::logits`] turns these into logits.
///
/// All tokens pass a block together, so an execution sees the activations of each site as one matrix `[tokens, width]`.
/// The computation is that of [`ModelConfig`](crate::model::ModelConfig).
///
/// # Errors
/// [`LlmError::Token`], [`LlmError::Capacity`], [`LlmError::Text`] without a token; those of the execution. After an
/// error the session is no longer of use.
pub fn forward<E: Execution>(
    execution: &E,
    session: &mut Session<E::State>,
    tokens: &[u32],
) -> Result<Array2<f32>, LlmError> {
    let (frame, engine) = (execution.frame(), execution.engine());
    let position = session.advance(tokens.len())?;
    let mut hidden = frame.embed(tokens)?;
    let mut passage = Passage::new(frame, position, tokens.len());
    for block in 0..frame.config().blocks {
        passage.block(execution, &mut session.state, block, position, &mut hidden)?;
    }
    normalise(engine, &hidden, frame.final_norm(), frame, &mut passage.normalised)?;
    Ok(passage.normalised)
}

/// Runs one block on the hidden states of the first tokens of a sequence, `[tokens, hidden]`, which become what enters
/// the next block.
///
/// # Errors
/// Those of the execution.
pub fn pass_block<E: Execution>(
    execution: &E,
    state: &mut E::State,
    block: usize,
    hidden: &mut Array2<f32>,
) -> Result<(), LlmError> {
    Passage::new(execution.frame(), 0, hidden.nrows()).block(execution, state, block, 0, hidden)
}

/// Logits of the token after `tokens`, `[vocabulary]`: those of the last token only.
///
/// # Errors
/// As [`forward`].
pub fn next_logits<E: Execution>(
    execution: &E,
    session: &mut Session<E::State>,
    tokens: &[u32],
) -> Result<Array1<f32>, LlmError> {
    let hidden = forward(execution, session, tokens)?;
    let last = hidden.nrows().saturating_sub(1);
    let logits = execution.logits(hidden.slice_axis(Axis(0), (last..).into()))?;
    LlmError::check_shape("logits", &[1, execution.frame().config().vocabulary], logits.shape())?;
    Ok(logits.index_axis_move(Axis(0), 0))
}

/// The activations of some tokens on their way through the blocks; each `[tokens, width]`.
struct Passage {
    angles: Angles,
    normalised: Array2<f32>,
    /// Queries, keys, values.
    attention: [Array2<f32>; 3],
    attended: Array2<f32>,
    /// Gate, up.
    feed_forward: [Array2<f32>; 2],
    /// What is added to the hidden state.
    update: [Array2<f32>; 1],
}

impl Passage {
    fn new(frame: &Frame, position: usize, tokens: usize) -> Self {
        let config = frame.config();
        let outputs = |linear: Linear| Array2::zeros((tokens, linear.shape(config)[0]));
        Self {
            angles: Angles::new(config, position, tokens),
            normalised: Array2::zeros((tokens, config.hidden)),
            attention: [outputs(Linear::Query), outputs(Linear::Key), outputs(Linear::Value)],
            attended: Array2::zeros((tokens, config.query_width())),
            feed_forward: [outputs(Linear::Gate), outputs(Linear::Up)],
            update: [Array2::zeros((tokens, config.hidden))],
        }
    }

    /// A block: attention and feed-forward network, each added to the hidden state.
    fn block<E: Execution>(
        &mut self,
        execution: &E,
        state: &mut E::State,
        block: usize,
        position: usize,
        hidden: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        let (frame, engine) = (execution.frame(), execution.engine());
        normalise(engine, hidden, frame.norm(block, Norm::Attention), frame, &mut self.normalised)?;
        self.attend(execution, state, block, position)?;
        add(engine, hidden, &self.update[0])?;
        normalise(engine, hidden, frame.norm(block, Norm::FeedForward), frame, &mut self.normalised)?;
        self.feed_forward(execution, state, block)?;
        add(engine, hidden, &self.update[0])
    }

    /// The attention: from the normalised hidden state to the update.
    fn attend<E: Execution>(
        &mut self,
        execution: &E,
        state: &mut E::State,
        block: usize,
        position: usize,
    ) -> Result<(), LlmError> {
        execution.project(state, block, Site::AttentionInput, self.normalised.view(), &mut self.attention)?;
        let [queries, keys, values] = &mut self.attention;
        self.angles.rotate(execution.engine(), queries)?;
        self.angles.rotate(execution.engine(), keys)?;
        state.append(block, keys.view(), values.view())?;
        state.attend(block, queries.view(), position, &mut self.attended)?;
        execution.project(state, block, Site::AttentionOutput, self.attended.view(), &mut self.update)
    }

    /// The feed-forward network: from the normalised hidden state to the update.
    fn feed_forward<E: Execution>(
        &mut self,
        execution: &E,
        state: &mut E::State,
        block: usize,
    ) -> Result<(), LlmError> {
        execution.project(state, block, Site::FeedForwardInput, self.normalised.view(), &mut self.feed_forward)?;
        let [gates, ups] = &mut self.feed_forward;
        gate(execution.engine(), gates, ups)?;
        execution.project(state, block, Site::FeedForwardHidden, gates.view(), &mut self.update)
    }
}
