//! A model on its way into spikes, block after block.

use std::sync::Arc;

use kernels::Engine;
use ndarray::Array2;

use super::plan::Plan;
use super::{BlockReport, Stop, block, equalised, head, record, site_saliency};
use crate::LlmError;
use crate::forward::{Execution as _, FloatExecution, pass_block};
use crate::model::{Frame, Model, Norm, Site};
use crate::spike::configuration::SpikeConfiguration;
use crate::spike::execution::QuantisedExecution;
use crate::spike::model::{SpikedBlock, SpikedModel};

/// A model of which some blocks are in spikes.
///
/// Blocks are made one after the other: statistics of a block come from hidden states that the blocks before it made,
/// with spikes where the configuration says `quantised` (as SpikeLLM), then its weights become codes. Between two blocks
/// it can be [saved](Self::save) and [resumed](Self::resume); the model becomes the same bit for bit.
#[derive(Debug)]
pub struct Construction<'a> {
    pub(super) model: &'a Model,
    pub(super) configuration: &'a SpikeConfiguration,
    engine: Engine,
    pub(super) plan: Plan,
    /// With the gains of the blocks that were made.
    pub(super) frame: Frame,
    /// What enters the next block, `[tokens, hidden]` of each sequence.
    pub(super) hidden: Vec<Array2<f32>>,
    pub(super) blocks: Vec<SpikedBlock>,
    pub(super) reports: Vec<BlockReport>,
}

impl<'a> Construction<'a> {
    /// Before the first block. `sequences` are tokens to take statistics from.
    ///
    /// # Errors
    /// [`LlmError::Configuration`], [`LlmError::Text`] without samples, [`LlmError::Stopped`], those of the execution.
    pub fn new(
        model: &'a Model,
        configuration: &'a SpikeConfiguration,
        sequences: &[Vec<u32>],
        engine: Engine,
        stop: Stop<'_>,
    ) -> Result<Self, LlmError> {
        configuration.check()?;
        let hidden = starts(model, configuration, sequences)?;
        let plan = Plan::new(model, configuration, &hidden, engine, stop)?;
        Ok(Self::of_plan(model, configuration, engine, plan, hidden))
    }

    pub(super) fn of_plan(
        model: &'a Model,
        configuration: &'a SpikeConfiguration,
        engine: Engine,
        plan: Plan,
        hidden: Vec<Array2<f32>>,
    ) -> Self {
        let frame = model.frame().clone();
        Self { model, configuration, engine, plan, frame, hidden, blocks: Vec::new(), reports: Vec::new() }
    }

    /// What was told of the blocks that are made.
    pub fn reports(&self) -> &[BlockReport] {
        &self.reports
    }

    /// Whether all blocks are made.
    pub fn is_finished(&self) -> bool {
        self.blocks.len() == self.model.config().blocks
    }

    /// Makes the next block.
    ///
    /// # Errors
    /// [`LlmError::Stopped`], which leaves everything as it was before; [`LlmError::Configuration`] when all blocks are
    /// made; those of the execution.
    pub fn step(&mut self, stop: Stop<'_>) -> Result<&BlockReport, LlmError> {
        let (configuration, index) = (self.configuration, self.blocks.len());
        if self.is_finished() {
            return Err(LlmError::configuration("block to be made", format!("at most {index} blocks"), index + 1));
        }
        let mut block = self.model.of_block(index);
        let mut statistics = record(&block, self.engine, &self.hidden, stop)?;
        let mut norms = None;
        if !configuration.equalisation.alphas.is_empty() {
            block = equalised(&block, &statistics, configuration)?;
            statistics = record(&block, self.engine, &self.hidden, stop)?;
            let norm = |norm| block.frame().norm(0, norm).to_vec();
            norms = Some([norm(Norm::Attention), norm(Norm::FeedForward)]);
        }
        let mut saliency: [Vec<f64>; 4] = Default::default();
        for (saliency, site) in saliency.iter_mut().zip(Site::ALL) {
            stop.check()?;
            let stream = (index * 4 + site.index()) as u64;
            let statistics = &statistics.sites[site.index()];
            *saliency = site_saliency(statistics, &block::weights(&block, site), configuration, stream)?;
        }
        let spiked = SpikedBlock {
            sites: block::sites(&block, (&statistics, &saliency), configuration, &self.plan, index, stop)?,
            cache: block::cache(&statistics, configuration, self.model.config(), index)?,
        };
        stop.check()?;
        let spike_ratios = Site::ALL.map(|site| statistics.sites[site.index()].spike_ratio());
        let error = self.advance(&block, &spiked)?;
        if let Some(norms) = norms {
            self.frame.set_norms(index, norms)?;
        }
        self.blocks.push(spiked);
        self.reports.push(BlockReport { block: index, saliency, spike_ratios, error });
        self.reports.last().ok_or(LlmError::Stopped)
    }

    /// Lets the hidden states pass a block; returns its relative output error.
    fn advance(&mut self, block: &Model, spiked: &SpikedBlock) -> Result<f64, LlmError> {
        let single = SpikedModel::new(self.configuration.clone(), block.frame().clone(), vec![spiked.clone()])?;
        let execution = QuantisedExecution::new(Arc::new(single), self.engine)?;
        let float = FloatExecution::new(block.clone(), self.engine);
        let (mut wrong, mut all) = (0.0, 0.0);
        for hidden in &mut self.hidden {
            let (mut exact, mut found) = (hidden.clone(), hidden.clone());
            pass_block(&float, &mut float.new_state(hidden.nrows())?, 0, &mut exact)?;
            pass_block(&execution, &mut execution.new_state(hidden.nrows())?, 0, &mut found)?;
            for ((&exact, &found), &before) in exact.iter().zip(&found).zip(hidden.iter()) {
                wrong += f64::from(found - exact).powi(2);
                all += f64::from(exact - before).powi(2);
            }
            *hidden = if self.configuration.calibration.quantised { found } else { exact };
        }
        Ok(wrong / all.max(f64::MIN_POSITIVE))
    }

    /// The model of all blocks.
    ///
    /// # Errors
    /// [`LlmError::Shape`] when a block is missing, [`LlmError::Configuration`].
    pub fn finish(self) -> Result<SpikedModel, LlmError> {
        let head = head(&self.frame, self.configuration)?;
        let spiked = SpikedModel::new(self.configuration.clone(), self.frame, self.blocks)?;
        match head {
            Some(head) => spiked.with_head(head),
            None => Ok(spiked),
        }
    }
}

/// Hidden states before the first block.
pub(super) fn starts(
    model: &Model,
    configuration: &SpikeConfiguration,
    sequences: &[Vec<u32>],
) -> Result<Vec<Array2<f32>>, LlmError> {
    let section = configuration.calibration;
    let tokens = section.tokens.min(model.config().context);
    let cut = sequences.iter().take(section.sequences).map(|sequence| &sequence[..sequence.len().min(tokens)]);
    let hidden: Vec<_> = cut
        .filter(|sequence| !sequence.is_empty())
        .map(|sequence| model.frame().embed(sequence))
        .collect::<Result<_, _>>()?;
    if hidden.is_empty() {
        return Err(LlmError::Text {
            what: "samples for calibration".to_owned(),
            found: "none".to_owned(),
            remedy: "give a text with at least one token".to_owned(),
        });
    }
    Ok(hidden)
}
