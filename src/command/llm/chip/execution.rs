//! A spiked model whose linear maps are computed by the arrays of a chip.

use compiler::CompilerError;
use compiler::simulation::{SimulationOptions, Simulator};
use kernels::Engine;
use llm::LlmError;
use llm::forward::Execution;
use llm::model::{Frame, Site};
use llm::spike::{Codes, SpikingExecution, SpikingState};
use ndarray::{Array2, ArrayView2};

use super::arrays::{ChipModel, Map};

/// Tokens that an array is given at once.
const TOKENS: usize = 16;

/// Runs a spiked model with its linear maps on a chip; attention, normalisations and output head as in spikes. With exact
/// columns it gives the bits of [`SpikingExecution`].
#[derive(Debug)]
pub struct ChipExecution<'a> {
    inner: SpikingExecution,
    /// Per block, in the order of [`Linear::ALL`].
    maps: Vec<Vec<(&'a Map, Vec<Simulator<'a>>)>>,
}

impl<'a> ChipExecution<'a> {
    /// Prepares the programs of a model.
    ///
    /// # Errors
    /// Those of [`Simulator::new`].
    pub fn new(inner: SpikingExecution, chip: &'a ChipModel) -> Result<Self, CompilerError> {
        let options = SimulationOptions { count_reads: false, ..SimulationOptions::new(inner.engine().isa()) };
        let prepared = |map: &'a Map| -> Result<_, CompilerError> {
            let simulators = map.parts.iter().map(|part| Simulator::new(&part.program, options));
            Ok((map, simulators.collect::<Result<_, _>>()?))
        };
        let blocks = chip.maps.iter().map(|maps| maps.iter().map(prepared).collect());
        Ok(Self { inner, maps: blocks.collect::<Result<_, _>>()? })
    }
}

impl Execution for ChipExecution<'_> {
    type State = SpikingState;

    fn frame(&self) -> &Frame {
        self.inner.frame()
    }

    fn engine(&self) -> Engine {
        self.inner.engine()
    }

    fn logits(&self, hidden: ArrayView2<'_, f32>) -> Result<Array2<f32>, LlmError> {
        self.inner.logits(hidden)
    }

    fn new_state(&self, capacity: usize) -> Result<SpikingState, LlmError> {
        self.inner.new_state(capacity)
    }

    fn project(
        &self,
        state: &mut SpikingState,
        block: usize,
        site: Site,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut [Array2<f32>],
    ) -> Result<(), LlmError> {
        let Some(coding) = &self.inner.model().site(block, site).coding else {
            return self.inner.project(state, block, site, inputs, outputs);
        };
        let codes = Codes::new(self.engine(), coding, inputs);
        codes.count(self.engine(), coding, &mut state.counts[block][site.index()]);
        for (linear, outputs) in site.linears().iter().zip(outputs) {
            let (map, simulators) = &self.maps[block][linear.index()];
            multiply(map, simulators, &codes, outputs)
                .map_err(|error| LlmError::Execution { what: map.name.clone(), source: Box::new(error) })?;
        }
        Ok(())
    }
}

/// What the arrays of a linear map make of codes, `[tokens, outputs]`.
fn multiply(
    map: &Map,
    simulators: &[Simulator<'_>],
    codes: &Codes,
    outputs: &mut Array2<f32>,
) -> Result<(), CompilerError> {
    for mut row in outputs.rows_mut() {
        match &map.bias {
            Some(bias) => row.iter_mut().zip(bias).for_each(|(output, &bias)| *output = bias),
            None => row.fill(0.0),
        }
    }
    for (part, simulator) in map.parts.iter().zip(simulators) {
        let mut state = simulator.state(TOKENS);
        for first in (0..codes.tokens()).step_by(TOKENS) {
            let tokens = TOKENS.min(codes.tokens() - first);
            // No code has more than 8 bits: the model was compiled.
            let of_token =
                |token: usize| codes.token(token)[part.places.clone()].iter().map(|&code| code as u8).collect();
            let bytes: Vec<Vec<u8>> = (first..first + tokens).map(of_token).collect();
            simulator.run(&mut state, &bytes.concat(), tokens, first as u64)?;
            let delivered = state.logits().chunks_exact(simulator.classes().max(1));
            for ((token, bytes), delivered) in (first..).zip(&bytes).zip(delivered) {
                let scale = codes.scale(token, part.class);
                let all: i64 = bytes.iter().map(|&code| i64::from(code)).sum();
                let of_outputs = part.scales.iter().zip(part.offsets.iter().zip(&part.rests));
                for ((output, &sum), (&of_weights, (&offset, &rest))) in
                    outputs.row_mut(token).into_iter().zip(delivered).zip(of_outputs)
                {
                    let integer = sum as i64 + i64::from(offset) * all - i64::from(scale.zero) * i64::from(rest);
                    *output += scale.scale * of_weights * integer as f32;
                }
            }
        }
    }
    Ok(())
}
