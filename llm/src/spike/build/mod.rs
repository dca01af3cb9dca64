//! Making spiked models: statistics, channels and their steps, codes of weights, block after block.

mod equalise;
mod gptq;
mod round;
mod saliency;
mod statistics;
#[cfg(test)]
mod tests;

pub use equalise::equalised;
pub use gptq::InverseHessian;
pub use round::quantise;
pub use saliency::{saliency, steps, steps_of_all};
pub use statistics::{BlockStatistics, HeadStatistics, SiteStatistics, record};

use std::sync::Arc;

use kernels::Engine;
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::cache::CacheCoding;
use super::coding::SiteCoding;
use super::configuration::{ClassSection, FLOATS, SpikeConfiguration, WeightMethod, WeightSection};
use super::execution::QuantisedExecution;
use super::model::{SpikedBlock, SpikedHead, SpikedLinear, SpikedModel, SpikedSite};
use crate::LlmError;
use crate::forward::{Execution as _, FloatExecution, pass_block};
use crate::model::{Frame, Linear, Model, ModelConfig, Norm, Site};

/// What is told while a model is made.
#[derive(Clone, Debug)]
pub struct BlockReport {
    /// The block.
    pub block: usize,
    /// Saliency of every channel of each site, in the order of [`Site::ALL`].
    pub saliency: [Vec<f64>; 4],
    /// Spike ratio of each site.
    pub spike_ratios: [f64; 4],
    /// Relative output error `|y' - y|^2 / |y|^2` of the block on the calibration samples.
    pub error: f64,
}

/// A model in spikes. `sequences` are tokens to take statistics from; `progress` is told of each block.
///
/// Blocks are made one after the other: statistics of a block come from hidden states that the blocks before it made,
/// with spikes where the configuration says `quantised` (as SpikeLLM), then its weights become codes.
///
/// # Errors
/// [`LlmError::Configuration`], [`LlmError::Text`] without samples, those of the execution.
pub fn spike(
    model: &Model,
    configuration: &SpikeConfiguration,
    sequences: &[Vec<u32>],
    engine: Engine,
    mut progress: impl FnMut(&BlockReport),
) -> Result<SpikedModel, LlmError> {
    configuration.check()?;
    let mut hidden = starts(model, configuration, sequences)?;
    let plan = Plan::new(model, configuration, &hidden, engine)?;
    let mut frame = model.frame().clone();
    let mut blocks = Vec::with_capacity(model.config().blocks);
    for index in 0..model.config().blocks {
        let mut block = model.of_block(index);
        let mut statistics = record(&block, engine, &hidden)?;
        if !configuration.equalisation.alphas.is_empty() {
            block = equalised(&block, &statistics, configuration)?;
            statistics = record(&block, engine, &hidden)?;
            let norm = |norm| block.frame().norm(0, norm).to_vec();
            frame.set_norms(index, [norm(Norm::Attention), norm(Norm::FeedForward)])?;
        }
        let salience = |site: Site| {
            let stream = (index * 4 + site.index()) as u64;
            let (rule, seed) = (configuration.activations.rule, configuration.calibration.seed);
            saliency(&statistics.sites[site.index()], rule, seed, stream)
        };
        let spiked = SpikedBlock {
            sites: sites(&block, &statistics, configuration, &plan, index)?,
            cache: cache(&statistics, configuration, model.config())?,
        };
        let single = SpikedModel::new(configuration.clone(), block.frame().clone(), vec![spiked.clone()])?;
        let execution = QuantisedExecution::new(Arc::new(single), engine)?;
        let float = FloatExecution::new(block.clone(), engine);
        let (mut wrong, mut all) = (0.0, 0.0);
        for hidden in &mut hidden {
            let (mut exact, mut found) = (hidden.clone(), hidden.clone());
            pass_block(&float, &mut float.new_state(hidden.nrows())?, 0, &mut exact)?;
            pass_block(&execution, &mut execution.new_state(hidden.nrows())?, 0, &mut found)?;
            for ((&exact, &found), &before) in exact.iter().zip(&found).zip(hidden.iter()) {
                wrong += f64::from(found - exact).powi(2);
                all += f64::from(exact - before).powi(2);
            }
            *hidden = if configuration.calibration.quantised { found } else { exact };
        }
        progress(&BlockReport {
            block: index,
            saliency: Site::ALL.map(salience),
            spike_ratios: Site::ALL.map(|site| statistics.sites[site.index()].spike_ratio()),
            error: wrong / all.max(f64::MIN_POSITIVE),
        });
        blocks.push(spiked);
    }
    let head = head(&frame, configuration)?;
    let spiked = SpikedModel::new(configuration.clone(), frame, blocks)?;
    match head {
        Some(head) => spiked.with_head(head),
        None => Ok(spiked),
    }
}

/// The output head in few bits, each weight to its nearest code.
fn head(frame: &Frame, configuration: &SpikeConfiguration) -> Result<Option<SpikedHead>, LlmError> {
    if configuration.weights.head == FLOATS {
        return Ok(None);
    }
    let hidden = frame.config().hidden;
    let section = WeightSection {
        bits: configuration.weights.head,
        method: WeightMethod::RoundToNearest,
        ternary: None,
        ..configuration.weights.clone()
    };
    let weights = quantise(&frame.output().to_array(), &Array2::from_diag_elem(hidden, 1.0), 1, &section)?;
    let coding = SiteCoding::new(8, &vec![1; hidden], configuration.activations.top, 1.0)?;
    Ok(Some(SpikedHead { coding, weights }))
}

/// Hidden states before the first block.
fn starts(
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

/// What needs all blocks at once.
struct Plan {
    /// Steps of the channels of each block and site, where sites compete.
    steps: Option<Vec<Vec<u32>>>,
    /// Projections that stay floats.
    kept: Vec<(usize, Linear)>,
}

impl Plan {
    fn new(
        model: &Model,
        configuration: &SpikeConfiguration,
        hidden: &[Array2<f32>],
        engine: Engine,
    ) -> Result<Self, LlmError> {
        let (kept, section) = (configuration.kept, &configuration.activations);
        let competes = section.global && section.bits != FLOATS && !section.classes.is_empty();
        let blocks = model.config().blocks;
        if kept.count == 0 && !competes {
            return Ok(Self { steps: None, kept: Vec::new() });
        }
        let mut projections: Vec<(usize, Linear)> =
            (0..blocks).flat_map(|block| Linear::ALL.map(|linear| (block, linear))).collect();
        let mut ratios = vec![[1.0f64; 4]; blocks];
        let mut sites = Vec::new();
        let mut hidden = hidden.to_vec();
        for (index, ratios) in ratios.iter_mut().enumerate() {
            let block = model.of_block(index);
            let statistics = record(&block, engine, &hidden)?;
            for (site, statistics) in Site::ALL.into_iter().zip(&statistics.sites) {
                ratios[site.index()] = statistics.spike_ratio();
                let outputs = site.linears().iter().map(|linear| linear.shape(model.config())[0]).sum();
                let stream = (index * 4 + site.index()) as u64;
                sites.push((saliency(statistics, section.rule, configuration.calibration.seed, stream), outputs));
            }
            let float = FloatExecution::new(block, engine);
            for hidden in &mut hidden {
                pass_block(&float, &mut float.new_state(hidden.nrows())?, 0, hidden)?;
            }
        }
        if kept.random {
            let mut generator = ChaCha8Rng::seed_from_u64(configuration.calibration.seed);
            let mut drawn: Vec<(u64, (usize, Linear))> =
                projections.into_iter().map(|projection| (generator.next_u64(), projection)).collect();
            drawn.sort();
            projections = drawn.into_iter().map(|(_, projection)| projection).collect();
        } else {
            let ratio = |(block, linear): &(usize, Linear)| ratios[*block][linear.site().index()];
            projections.sort_by(|a, b| ratio(b).total_cmp(&ratio(a)).then(a.cmp(b)));
        }
        projections.truncate(kept.count);
        Ok(Self { steps: competes.then(|| steps_of_all(&sites, section)), kept: projections })
    }
}

/// The sites of a block.
fn sites(
    block: &Model,
    statistics: &BlockStatistics,
    configuration: &SpikeConfiguration,
    plan: &Plan,
    index: usize,
) -> Result<[SpikedSite; 4], LlmError> {
    let mut sites = Vec::with_capacity(4);
    for (site, statistics) in Site::ALL.into_iter().zip(&statistics.sites) {
        let section = &configuration.activations;
        let coding = if section.bits == FLOATS {
            None
        } else {
            let stream = (index * 4 + site.index()) as u64;
            let steps = match &plan.steps {
                Some(all) => all.get(stream as usize).cloned().unwrap_or_default(),
                None => {
                    steps(&saliency(statistics, section.rule, configuration.calibration.seed, stream), &section.classes)
                }
            };
            Some(SiteCoding::new(section.bits, &steps, section.top, section.clip)?)
        };
        let order: Vec<usize> = match &coding {
            Some(coding) => coding.order.iter().map(|&channel| channel as usize).collect(),
            None => (0..statistics.largest.len()).collect(),
        };
        let products = statistics.products.select(Axis(0), &order).select(Axis(1), &order);
        let mut linears = Vec::with_capacity(site.linears().len());
        for &linear in site.linears() {
            let held = block.linear(0, linear);
            let is_float = configuration.weights.bits == FLOATS && configuration.weights.ternary.is_none();
            let spiked = if is_float || plan.kept.contains(&(index, linear)) {
                SpikedLinear::Float(held.weight.clone())
            } else {
                let weights = held.weight.to_array().select(Axis(1), &order);
                SpikedLinear::FewBit(quantise(&weights, &products, statistics.tokens, &configuration.weights)?)
            };
            linears.push((spiked, held.bias.clone()));
        }
        sites.push(SpikedSite { coding, linears });
    }
    sites.try_into().map_err(|_| LlmError::Shape { what: "sites".to_owned(), expected: vec![4], found: vec![] })
}

/// The coding of keys and values: of all channels of the heads of a block the most salient share has two steps.
fn cache(
    statistics: &BlockStatistics,
    configuration: &SpikeConfiguration,
    config: &ModelConfig,
) -> Result<Option<CacheCoding>, LlmError> {
    let section = &configuration.cache;
    if section.bits == FLOATS {
        return Ok(None);
    }
    let classes = [ClassSection { share: section.share, steps: 2 }];
    let codings = |of: fn(&HeadStatistics) -> &Vec<f64>| -> Result<Vec<SiteCoding>, LlmError> {
        let salience: Vec<f64> = statistics.heads.iter().flat_map(|head| of(head).clone()).collect();
        let steps = steps(&salience, &classes);
        let heads = steps.chunks(config.head);
        heads.map(|steps| SiteCoding::new(section.bits, steps, configuration.activations.top, 1.0)).collect()
    };
    Ok(Some(CacheCoding {
        keys: codings(|head| &head.keys)?,
        values: codings(|head| &head.values)?,
        query_bits: section.query_bits,
    }))
}
