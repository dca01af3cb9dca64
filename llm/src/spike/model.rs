//! A model whose linear maps take spikes.

use std::sync::Arc;

use ndarray::Array2;

use super::cache::CacheCoding;
use super::coding::SiteCoding;
use super::configuration::SpikeConfiguration;
use super::kept::KeptWeights;
use super::weights::FewBitWeights;
use crate::model::{Frame, Linear, ModelConfig, Site};
use crate::{LlmError, Matrix};

/// A linear map of a spiked model.
#[derive(Clone, Debug)]
pub enum SpikedLinear {
    /// Weights of few bits, columns in the order of the site's coding.
    FewBit(FewBitWeights),
    /// Weights as the model holds them, which take the activations as they are: a projection kept out of quantisation.
    Float(Matrix),
    /// A projection kept out of quantisation, in half precision or FP8, columns in the order of the channels.
    Kept(KeptWeights),
}

/// A site of a block: how activations become codes, and the linear maps that take them.
#[derive(Clone, Debug)]
pub struct SpikedSite {
    /// The coding; without one activations stay floats.
    pub coding: Option<SiteCoding>,
    /// Linear maps in the order of [`Site::linears`], with their biases.
    pub linears: Vec<(SpikedLinear, Option<Vec<f32>>)>,
}

/// A block of a spiked model.
#[derive(Clone, Debug)]
pub struct SpikedBlock {
    /// In the order of [`Site::ALL`].
    pub sites: [SpikedSite; 4],
    /// Queries, keys and values; floats without.
    pub cache: Option<CacheCoding>,
}

/// A model whose linear maps and caches take spikes. Embedding, normalisations and output head stay floats, as in the
/// papers.
#[derive(Clone, Debug)]
pub struct SpikedModel {
    /// What it was made with.
    pub configuration: SpikeConfiguration,
    pub(super) frame: Frame,
    pub(super) blocks: Vec<SpikedBlock>,
    pub(super) caches: Option<Arc<Vec<CacheCoding>>>,
    pub(super) head: Option<SpikedHead>,
}

/// An output head of few bits.
#[derive(Clone, Debug)]
pub struct SpikedHead {
    /// How hidden states become codes.
    pub coding: SiteCoding,
    /// `[vocabulary, hidden]`, columns in the order of the coding.
    pub weights: FewBitWeights,
}

impl SpikedModel {
    /// Joins the parts and checks their shapes.
    ///
    /// # Errors
    /// [`LlmError::Shape`], [`LlmError::Configuration`].
    pub fn new(configuration: SpikeConfiguration, frame: Frame, blocks: Vec<SpikedBlock>) -> Result<Self, LlmError> {
        let config = frame.config();
        LlmError::check_shape("spiked blocks", &[config.blocks], &[blocks.len()])?;
        for (index, block) in blocks.iter().enumerate() {
            for (site, spiked) in Site::ALL.into_iter().zip(&block.sites) {
                spiked.check(config, index, site)?;
            }
            if let Some(cache) = &block.cache {
                cache.check(config.key_value_heads, config.head)?;
            }
        }
        let caches: Vec<CacheCoding> = blocks.iter().filter_map(|block| block.cache.clone()).collect();
        if !caches.is_empty() && caches.len() != blocks.len() {
            return Err(LlmError::configuration("caches", "spikes in all blocks or in none", caches.len()));
        }
        let caches = (!caches.is_empty()).then(|| Arc::new(caches));
        Ok(Self { configuration, frame, blocks, caches, head: None })
    }

    /// The model with an output head of few bits.
    ///
    /// # Errors
    /// [`LlmError::Shape`], [`LlmError::Configuration`].
    pub fn with_head(self, head: SpikedHead) -> Result<Self, LlmError> {
        let config = self.frame.config();
        head.coding.check(config.hidden)?;
        let shape = [head.weights.rows, head.weights.columns];
        LlmError::check_shape("output head", &[config.vocabulary, config.hidden], &shape)?;
        head.weights.check("the output head")?;
        Ok(Self { head: Some(head), ..self })
    }

    /// The output head, where it has few bits.
    pub fn head(&self) -> Option<&SpikedHead> {
        self.head.as_ref()
    }

    /// Embedding, normalisations, output head.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The model with the weights of its linear maps left out, for an execution that has packed them.
    pub(super) fn emptied(mut self) -> Self {
        let few_bit = |linear: &mut SpikedLinear| {
            if let SpikedLinear::FewBit(weights) = linear {
                weights.packed = Vec::new();
            }
        };
        for block in &mut self.blocks {
            for site in &mut block.sites {
                let is_packed = site.coding.is_some();
                site.linears.iter_mut().filter(|_| is_packed).for_each(|(linear, _)| few_bit(linear));
            }
        }
        if let Some(head) = &mut self.head {
            head.weights.packed = Vec::new();
        }
        self
    }

    /// Blocks.
    pub fn blocks(&self) -> &[SpikedBlock] {
        &self.blocks
    }

    /// A site of a block.
    ///
    /// # Panics
    /// When there is no such block.
    pub fn site(&self, block: usize, site: Site) -> &SpikedSite {
        &self.blocks[block].sites[site.index()]
    }

    /// Numbers of all weights.
    pub fn parameters(&self) -> usize {
        let size = |matrix: &Matrix| matrix.rows() * matrix.columns();
        let config = self.frame.config();
        let output = if config.tied_embeddings { 0 } else { size(self.frame.output()) };
        let norms = (2 * config.blocks + 1) * config.hidden;
        let linears = self.blocks.iter().flat_map(|block| &block.sites).flat_map(|site| &site.linears);
        let linears = linears.map(|(linear, bias)| {
            let [rows, columns] = linear.shape();
            rows * columns + bias.as_ref().map_or(0, Vec::len)
        });
        size(self.frame.embedding()) + output + norms + linears.sum::<usize>()
    }

    /// Bytes of the linear maps of all blocks.
    pub fn linear_bytes(&self) -> usize {
        let sites = self.blocks.iter().flat_map(|block| &block.sites);
        sites
            .flat_map(|site| &site.linears)
            .map(|(linear, bias)| linear.bytes() + 4 * bias.as_ref().map_or(0, Vec::len))
            .sum()
    }

    /// Mean steps of a channel, over all sites that spike, weighed by the outputs that their channels reach.
    pub fn mean_steps(&self) -> f64 {
        let config = self.frame.config();
        let (mut steps, mut all) = (0.0, 0.0);
        for block in &self.blocks {
            for (site, spiked) in Site::ALL.into_iter().zip(&block.sites) {
                let Some(coding) = &spiked.coding else { continue };
                let outputs: usize = site.linears().iter().map(|linear| linear.shape(config)[0]).sum();
                let weight = (outputs * coding.channels()) as f64;
                steps += coding.mean_steps() * weight;
                all += weight;
            }
        }
        if all > 0.0 { steps / all } else { 1.0 }
    }
}

impl SpikedLinear {
    /// Outputs and inputs.
    pub fn shape(&self) -> [usize; 2] {
        match self {
            Self::FewBit(weights) => [weights.rows, weights.columns],
            Self::Float(matrix) => [matrix.rows(), matrix.columns()],
            Self::Kept(kept) => [kept.weights().rows(), kept.weights().columns()],
        }
    }

    /// Bytes of the weights.
    pub fn bytes(&self) -> usize {
        match self {
            Self::FewBit(weights) => weights.bytes(),
            Self::Float(matrix) => matrix.rows() * matrix.columns() * matrix.format().bytes(),
            Self::Kept(kept) => {
                let scale = if kept.bits() == 8 { size_of::<f32>() } else { 0 };
                kept.weights().rows() * kept.weights().columns() * kept.weights().format().bytes() + scale
            }
        }
    }

    /// The weights as floats, columns in the order of the channels.
    ///
    /// # Errors
    /// [`LlmError::Shape`] when the order is not one of the columns.
    pub fn floats(&self, coding: Option<&SiteCoding>) -> Result<Matrix, LlmError> {
        match self {
            Self::Float(matrix) => Ok(matrix.clone()),
            Self::Kept(kept) => Ok(kept.dequantised()),
            Self::FewBit(weights) => {
                let Some(coding) = coding else { return Ok(weights.dequantised().into()) };
                LlmError::check_shape("order of columns", &[weights.columns], &[coding.order.len()])?;
                let ordered = weights.dequantised();
                let mut floats = Array2::zeros(ordered.raw_dim());
                for (place, &channel) in coding.order.iter().enumerate() {
                    floats.column_mut(channel as usize).assign(&ordered.column(place));
                }
                Ok(floats.into())
            }
        }
    }
}

impl SpikedSite {
    fn check(&self, config: &ModelConfig, block: usize, site: Site) -> Result<(), LlmError> {
        let linears: &[Linear] = site.linears();
        LlmError::check_shape(
            format!("linear maps of block {block}, {site}"),
            &[linears.len()],
            &[self.linears.len()],
        )?;
        if let Some(coding) = &self.coding {
            coding.check(site.width(config))?;
        }
        for (&linear, (spiked, bias)) in linears.iter().zip(&self.linears) {
            let what = format!("block {block}, {linear}");
            LlmError::check_shape(what.clone(), &linear.shape(config), &spiked.shape())?;
            if let SpikedLinear::FewBit(weights) = spiked {
                weights.check(&what)?;
            }
            let expected = if config.biases.has(linear) { vec![linear.shape(config)[0]] } else { vec![] };
            let found: Vec<usize> = bias.iter().map(Vec::len).collect();
            LlmError::check_shape(format!("{what}, bias"), &expected, &found)?;
        }
        Ok(())
    }
}
