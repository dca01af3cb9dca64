//! Running a spiked model: in integer spikes, and its fake-quantised twin in floats.

use std::sync::Arc;

use kernels::Engine;
use ndarray::{Array2, ArrayView2};

use super::cache::{QuantisedCache, SpikeCache};
use super::codes::Codes;
use super::coding::SiteCoding;
use super::counts::SpikeCounts;
use super::kept::KeptWeights;
use super::linear::{self, SpikingLinear};
use super::model::{SpikedHead, SpikedLinear, SpikedModel};
use crate::forward::{Attention, Execution, FloatCache, KeyValueCache};
use crate::model::{Frame, Site};
use crate::{LlmError, Matrix};

/// Runs a spiked model in spikes: linear maps and attention are sums of integers.
#[derive(Clone, Debug)]
pub struct SpikingExecution {
    model: Arc<SpikedModel>,
    /// Per block and site.
    linears: Arc<Vec<[Vec<Executed>; 4]>>,
    head: Option<Arc<SpikingLinear>>,
    engine: Engine,
}

#[derive(Debug)]
enum Executed {
    Spikes(SpikingLinear),
    Floats(Matrix, Option<Vec<f32>>),
    Kept(KeptWeights, Option<Vec<f32>>),
}

/// Keys and values of a sequence, and the spikes counted so far.
#[derive(Clone, Debug)]
pub struct SpikingState {
    cache: Cache,
    /// Per block and site.
    pub counts: Vec<[SpikeCounts; 4]>,
}

#[derive(Clone, Debug)]
enum Cache {
    Spikes(SpikeCache),
    Floats(FloatCache),
}

impl SpikingExecution {
    /// Packs the weights of a model.
    ///
    /// # Errors
    /// Those of [`SpikingLinear::new`].
    pub fn new(model: Arc<SpikedModel>, engine: Engine) -> Result<Self, LlmError> {
        let mut linears = Vec::with_capacity(model.blocks.len());
        for block in &model.blocks {
            let mut sites: [Vec<Executed>; 4] = Default::default();
            for (executed, site) in sites.iter_mut().zip(&block.sites) {
                for (linear, bias) in &site.linears {
                    executed.push(match (linear, &site.coding) {
                        (SpikedLinear::FewBit(weights), Some(coding)) => {
                            Executed::Spikes(SpikingLinear::new(weights, bias.clone(), coding)?)
                        }
                        (SpikedLinear::Kept(kept), _) => Executed::Kept(kept.clone(), bias.clone()),
                        _ => Executed::Floats(linear.floats(None)?, bias.clone()),
                    });
                }
            }
            linears.push(sites);
        }
        let head = model.head.as_ref().map(|head| SpikingLinear::new(&head.weights, None, &head.coding)).transpose()?;
        // What is packed is not held twice.
        let model = Arc::new(Arc::try_unwrap(model).unwrap_or_else(|shared| shared.as_ref().clone()).emptied());
        Ok(Self { model, linears: Arc::new(linears), head: head.map(Arc::new), engine })
    }

    /// The model; the weights that were packed are empty.
    pub fn model(&self) -> &SpikedModel {
        &self.model
    }
}

impl Execution for SpikingExecution {
    type State = SpikingState;

    fn frame(&self) -> &Frame {
        self.model.frame()
    }

    fn engine(&self) -> Engine {
        self.engine
    }

    fn logits(&self, hidden: ArrayView2<'_, f32>) -> Result<Array2<f32>, LlmError> {
        let (Some(linear), Some(head)) = (&self.head, &self.model.head) else {
            return self.frame().logits(self.engine, hidden);
        };
        let codes = Codes::new(self.engine, &head.coding, hidden);
        let mut logits = Array2::zeros((hidden.nrows(), linear.outputs()));
        linear.multiply(self.engine, &codes, &mut logits)?;
        Ok(logits)
    }

    fn new_state(&self, _capacity: usize) -> Result<SpikingState, LlmError> {
        let (config, blocks) = (self.model.frame().config(), self.model.blocks.len());
        let attention = Attention::new(config, self.engine);
        let cache = match &self.model.caches {
            Some(codings) => Cache::Spikes(SpikeCache::new(attention, codings.clone())),
            None => Cache::Floats(FloatCache::new(attention, blocks)),
        };
        Ok(SpikingState { cache, counts: vec![[SpikeCounts::default(); 4]; blocks] })
    }

    fn project(
        &self,
        state: &mut SpikingState,
        block: usize,
        site: Site,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut [Array2<f32>],
    ) -> Result<(), LlmError> {
        let linears = &self.linears[block][site.index()];
        LlmError::check_shape(format!("outputs at {site}"), &[linears.len()], &[outputs.len()])?;
        let coding = self.model.site(block, site).coding.as_ref();
        let codes = coding.map(|coding| {
            let codes = Codes::new(self.engine, coding, inputs);
            codes.count(self.engine, coding, &mut state.counts[block][site.index()]);
            codes
        });
        let mut spiking = Vec::with_capacity(linears.len());
        for (linear, output) in linears.iter().zip(outputs) {
            match (linear, &codes) {
                (Executed::Spikes(linear), Some(_)) => spiking.push((linear, output)),
                (Executed::Spikes(_), None) => {
                    return Err(LlmError::configuration(
                        format!("coding at {site}"),
                        "one for weights of few bits",
                        "none",
                    ));
                }
                (Executed::Floats(matrix, bias), _) => multiply(matrix, bias.as_deref(), self.engine, inputs, output)?,
                (Executed::Kept(kept, bias), _) => {
                    kept.multiply(self.engine, inputs, output)?;
                    add(bias.as_deref(), output);
                }
            }
        }
        codes.map_or(Ok(()), |codes| linear::multiply(self.engine, &codes, spiking))
    }
}

impl SpikingState {
    /// Bytes of keys and values.
    pub fn cache_bytes(&self, width: usize) -> usize {
        match &self.cache {
            Cache::Spikes(cache) => cache.bytes(),
            Cache::Floats(cache) => 2 * 4 * width * cache.len() * self.counts.len(),
        }
    }
}

impl KeyValueCache for SpikingState {
    fn append(&mut self, block: usize, keys: ArrayView2<'_, f32>, values: ArrayView2<'_, f32>) -> Result<(), LlmError> {
        match &mut self.cache {
            Cache::Spikes(cache) => cache.append(block, keys, values),
            Cache::Floats(cache) => cache.append(block, keys, values),
        }
    }

    fn attend(
        &mut self,
        block: usize,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        match &mut self.cache {
            Cache::Spikes(cache) => cache.attend(block, queries, first_position, outputs),
            Cache::Floats(cache) => cache.attend(block, queries, first_position, outputs),
        }
    }

    fn len(&self) -> usize {
        match &self.cache {
            Cache::Spikes(cache) => cache.len(),
            Cache::Floats(cache) => cache.len(),
        }
    }
}

/// The twin of [`SpikingExecution`] in floats that are what codes stand for: what other tools call fake quantisation.
/// Both differ by the rounding of float sums.
#[derive(Clone, Debug)]
pub struct QuantisedExecution {
    model: Arc<SpikedModel>,
    linears: Arc<Vec<[Vec<Matrix>; 4]>>,
    head: Option<Matrix>,
    engine: Engine,
}

/// Keys and values of a sequence.
#[derive(Clone, Debug)]
pub enum QuantisedState {
    /// As what their codes stand for.
    Quantised(QuantisedCache),
    /// As they are.
    Floats(FloatCache),
}

impl QuantisedExecution {
    /// Unpacks the weights of a model.
    ///
    /// # Errors
    /// Those of [`SpikedLinear::floats`].
    pub fn new(model: Arc<SpikedModel>, engine: Engine) -> Result<Self, LlmError> {
        let mut linears = Vec::with_capacity(model.blocks.len());
        for block in &model.blocks {
            let mut sites: [Vec<Matrix>; 4] = Default::default();
            for (matrices, site) in sites.iter_mut().zip(&block.sites) {
                let floats = site.linears.iter().map(|(linear, _)| linear.floats(site.coding.as_ref()));
                *matrices = floats.collect::<Result<_, _>>()?;
            }
            linears.push(sites);
        }
        let floats = |head: &SpikedHead| SpikedLinear::FewBit(head.weights.clone()).floats(Some(&head.coding));
        let head = model.head.as_ref().map(floats).transpose()?;
        Ok(Self { model, linears: Arc::new(linears), head, engine })
    }
}

impl Execution for QuantisedExecution {
    type State = QuantisedState;

    fn frame(&self) -> &Frame {
        self.model.frame()
    }

    fn engine(&self) -> Engine {
        self.engine
    }

    fn logits(&self, hidden: ArrayView2<'_, f32>) -> Result<Array2<f32>, LlmError> {
        let (Some(matrix), Some(head)) = (&self.head, &self.model.head) else {
            return self.frame().logits(self.engine, hidden);
        };
        let mut quantised = hidden.to_owned();
        quantise_rows(&head.coding, &mut quantised);
        let mut logits = Array2::zeros((hidden.nrows(), matrix.rows()));
        matrix.multiply(self.engine, quantised.view(), &mut logits)?;
        Ok(logits)
    }

    fn new_state(&self, _capacity: usize) -> Result<QuantisedState, LlmError> {
        let attention = Attention::new(self.model.frame().config(), self.engine);
        Ok(match &self.model.caches {
            Some(codings) => QuantisedState::Quantised(QuantisedCache::new(attention, codings.clone())),
            None => QuantisedState::Floats(FloatCache::new(attention, self.model.blocks.len())),
        })
    }

    fn project(
        &self,
        _state: &mut QuantisedState,
        block: usize,
        site: Site,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut [Array2<f32>],
    ) -> Result<(), LlmError> {
        let spiked = self.model.site(block, site);
        LlmError::check_shape(format!("outputs at {site}"), &[spiked.linears.len()], &[outputs.len()])?;
        let mut quantised = inputs.to_owned();
        if let Some(coding) = &spiked.coding {
            quantise_rows(coding, &mut quantised);
        }
        let matrices = &self.linears[block][site.index()];
        for (((linear, bias), matrix), output) in spiked.linears.iter().zip(matrices).zip(outputs) {
            let kept;
            let inputs = match linear {
                SpikedLinear::Float(_) => inputs,
                SpikedLinear::FewBit(_) => quantised.view(),
                SpikedLinear::Kept(weights) => {
                    kept = weights.quantised(inputs);
                    kept.view()
                }
            };
            multiply(matrix, bias.as_deref(), self.engine, inputs, output)?;
        }
        Ok(())
    }
}

impl KeyValueCache for QuantisedState {
    fn append(&mut self, block: usize, keys: ArrayView2<'_, f32>, values: ArrayView2<'_, f32>) -> Result<(), LlmError> {
        match self {
            Self::Quantised(cache) => cache.append(block, keys, values),
            Self::Floats(cache) => cache.append(block, keys, values),
        }
    }

    fn attend(
        &mut self,
        block: usize,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        match self {
            Self::Quantised(cache) => cache.attend(block, queries, first_position, outputs),
            Self::Floats(cache) => cache.attend(block, queries, first_position, outputs),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Quantised(cache) => cache.len(),
            Self::Floats(cache) => cache.len(),
        }
    }
}

fn quantise_rows(coding: &SiteCoding, rows: &mut Array2<f32>) {
    for mut row in rows.rows_mut() {
        if let Some(row) = row.as_slice_mut() {
            coding.quantise(row);
        }
    }
}

/// `outputs = inputs W^T + bias`.
fn multiply(
    matrix: &Matrix,
    bias: Option<&[f32]>,
    engine: Engine,
    inputs: ArrayView2<'_, f32>,
    outputs: &mut Array2<f32>,
) -> Result<(), LlmError> {
    matrix.multiply(engine, inputs, outputs)?;
    add(bias, outputs);
    Ok(())
}

fn add(bias: Option<&[f32]>, outputs: &mut Array2<f32>) {
    for mut row in outputs.rows_mut() {
        row.iter_mut().zip(bias.unwrap_or(&[])).for_each(|(output, bias)| *output += bias);
    }
}
