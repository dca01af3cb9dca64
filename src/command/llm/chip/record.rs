//! The codes that arrive at every site of a model while it reads some tokens.

use kernels::Engine;
use llm::LlmError;
use llm::forward::{Execution, KeyValueCache, Session, forward};
use llm::model::{Frame, Site};
use llm::spike::{Codes, SpikedModel, SpikingExecution, SpikingState};
use ndarray::{Array2, ArrayView2};

/// Codes per block and site, one value for each sequence; none where a site does not spike.
pub type Recorded = Vec<[Vec<Codes>; 4]>;

/// Runs the model over the sequences, each for itself.
///
/// # Errors
/// Those of [`forward`].
pub fn record(execution: SpikingExecution, sequences: &[&[u32]]) -> Result<Recorded, LlmError> {
    let recorder = Recorder { inner: execution };
    let mut all: Recorded = vec![Default::default(); recorder.inner.model().blocks().len()];
    for tokens in sequences {
        let mut session = Session::new(&recorder, tokens.len())?;
        forward(&recorder, &mut session, tokens)?;
        for (all, sites) in all.iter_mut().flatten().zip(session.state.codes.into_iter().flatten()) {
            all.extend(sites);
        }
    }
    Ok(all)
}

/// An execution in spikes that keeps the codes.
struct Recorder {
    inner: SpikingExecution,
}

/// The state of a sequence and its codes.
struct Seen {
    inner: SpikingState,
    codes: Recorded,
}

impl Recorder {
    fn model(&self) -> &SpikedModel {
        self.inner.model()
    }
}

impl Execution for Recorder {
    type State = Seen;

    fn frame(&self) -> &Frame {
        self.inner.frame()
    }

    fn engine(&self) -> Engine {
        self.inner.engine()
    }

    fn new_state(&self, capacity: usize) -> Result<Seen, LlmError> {
        let codes = vec![Default::default(); self.model().blocks().len()];
        Ok(Seen { inner: self.inner.new_state(capacity)?, codes })
    }

    fn project(
        &self,
        state: &mut Seen,
        block: usize,
        site: Site,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut [Array2<f32>],
    ) -> Result<(), LlmError> {
        if let Some(coding) = &self.model().site(block, site).coding {
            state.codes[block][site.index()].push(Codes::new(self.engine(), coding, inputs));
        }
        self.inner.project(&mut state.inner, block, site, inputs, outputs)
    }
}

impl KeyValueCache for Seen {
    fn append(&mut self, block: usize, keys: ArrayView2<'_, f32>, values: ArrayView2<'_, f32>) -> Result<(), LlmError> {
        self.inner.append(block, keys, values)
    }

    fn attend(
        &mut self,
        block: usize,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        self.inner.attend(block, queries, first_position, outputs)
    }

    fn len(&self) -> usize {
        self.inner.len()
    }
}
