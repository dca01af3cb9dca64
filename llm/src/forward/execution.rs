//! What computes the linear maps and keeps keys and values: floats, quantised integers, spikes.

use kernels::Engine;
use ndarray::{Array2, ArrayView2};

use crate::LlmError;
use crate::model::{Frame, Site};

/// A way to compute a model's linear maps and its attention over a cache. [`forward`](super::forward) does the rest.
///
/// An execution may wrap another one, to see the inputs of every site or to change some.
pub trait Execution: Sync {
    /// What belongs to one sequence: its keys and values, and whatever the execution counts or records on the way. It
    /// is a value of its own, so that several sequences may be computed at once.
    type State: KeyValueCache + Send;

    /// Embedding, normalisations, output head and the description of the model.
    fn frame(&self) -> &Frame;

    /// Instruction set and threads of the arithmetic around the linear maps.
    fn engine(&self) -> Engine;

    /// The state of an empty sequence of at most `capacity` tokens. Memory should grow with the tokens that come.
    ///
    /// # Errors
    /// Whatever keeps the execution from making one.
    fn new_state(&self, capacity: usize) -> Result<Self::State, LlmError>;

    /// Computes the linear maps of a site: `outputs[n][t][r] = b_n[r] + sum over c of inputs[t][c] * W_n[r][c]` for the
    /// linear maps `n` of [`Site::linears`], in that order. `inputs` is `[tokens, width of the site]`, each output
    /// `[tokens, outputs of the linear map]`; what the outputs held before is overwritten.
    ///
    /// # Errors
    /// [`LlmError::Shape`], and whatever else keeps the execution from computing them.
    fn project(
        &self,
        state: &mut Self::State,
        block: usize,
        site: Site,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut [Array2<f32>],
    ) -> Result<(), LlmError>;

    /// Logits of the next token, `[tokens, vocabulary]`, from the hidden states after the last normalisation.
    ///
    /// # Errors
    /// As [`Frame::logits`].
    fn logits(&self, hidden: ArrayView2<'_, f32>) -> Result<Array2<f32>, LlmError> {
        self.frame().logits(self.engine(), hidden)
    }
}

/// The keys and values of a sequence in every block, and the attention over them.
pub trait KeyValueCache {
    /// Appends the keys, rotated to their positions, and the values of the next tokens; both
    /// `[tokens, key and value heads * head]`, head after head.
    ///
    /// # Errors
    /// [`LlmError::Shape`].
    fn append(&mut self, block: usize, keys: ArrayView2<'_, f32>, values: ArrayView2<'_, f32>) -> Result<(), LlmError>;

    /// Attends from the tokens whose positions begin at `first_position` to themselves and those before:
    /// `outputs[t][h] = sum over j of p_j values[j][h / group]`, `p = softmax over j of
    /// queries[t][h] . keys[j][h / group] / sqrt(head)`, `j` from the start of the sliding window to the token itself.
    /// `queries`, rotated to their positions, and `outputs` are `[tokens, heads * head]`, head after head. The keys and
    /// values of these tokens have been appended before. It may change the cache, so that queries can be recorded.
    ///
    /// # Errors
    /// [`LlmError::Shape`].
    fn attend(
        &mut self,
        block: usize,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError>;

    /// Tokens whose keys and values all blocks hold.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
