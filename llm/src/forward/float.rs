//! The reference execution: everything in f32.

use kernels::Engine;
use ndarray::{Array2, ArrayView2};

use super::{Attention, Execution, FloatCache};
use crate::LlmError;
use crate::model::{Frame, Model, Site};

/// Computes a model in f32, on weights in the format they are stored in.
#[derive(Clone, Debug)]
pub struct FloatExecution {
    model: Model,
    engine: Engine,
}

impl FloatExecution {
    /// An execution of a model. A clone of a model shares its weights, so this takes no memory.
    pub fn new(model: Model, engine: Engine) -> Self {
        Self { model, engine }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }
}

impl Execution for FloatExecution {
    type State = FloatCache;

    fn frame(&self) -> &Frame {
        self.model.frame()
    }

    fn engine(&self) -> Engine {
        self.engine
    }

    fn new_state(&self, _capacity: usize) -> Result<FloatCache, LlmError> {
        let config = self.model.config();
        Ok(FloatCache::new(Attention::new(config, self.engine), config.blocks))
    }

    fn project(
        &self,
        _state: &mut FloatCache,
        block: usize,
        site: Site,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut [Array2<f32>],
    ) -> Result<(), LlmError> {
        LlmError::check_shape(format!("outputs at {site}"), &[site.linears().len()], &[outputs.len()])?;
        for (&linear, output) in site.linears().iter().zip(outputs) {
            let weights = self.model.linear(block, linear);
            weights.weight.multiply(self.engine, inputs, output)?;
            if let Some(bias) = &weights.bias {
                *output += &ArrayView2::from_shape((1, bias.len()), bias).map_err(|_| LlmError::Shape {
                    what: format!("bias of {linear}"),
                    expected: vec![output.ncols()],
                    found: vec![bias.len()],
                })?;
            }
        }
        Ok(())
    }
}
