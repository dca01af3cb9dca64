//! The parts of one block in spikes, from its statistics.

use ndarray::{Array2, Axis};

use super::plan::Plan;
use super::{BlockStatistics, ChannelSums, HeadStatistics, Stop, quantise, saliency, steps};
use crate::LlmError;
use crate::model::{Model, ModelConfig, Site};
use crate::spike::cache::CacheCoding;
use crate::spike::coding::SiteCoding;
use crate::spike::configuration::{ClassSection, FLOATS, SpikeConfiguration};
use crate::spike::kept::KeptWeights;
use crate::spike::model::{SpikedLinear, SpikedSite};

/// Weights of the linear maps of a site of a block that is given as a model of its own.
pub(super) fn weights(block: &Model, site: Site) -> Vec<Array2<f32>> {
    site.linears().iter().map(|&linear| block.linear(0, linear).weight.to_array()).collect()
}

/// The sites of a block, from statistics and saliency of the channels of each.
pub(super) fn sites(
    block: &Model,
    (statistics, saliency): (&BlockStatistics, &[Vec<f64>; 4]),
    configuration: &SpikeConfiguration,
    plan: &Plan,
    index: usize,
    stop: Stop<'_>,
) -> Result<[SpikedSite; 4], LlmError> {
    let mut sites = Vec::with_capacity(4);
    for (site, statistics) in Site::ALL.into_iter().zip(&statistics.sites) {
        let section = &configuration.activations;
        let coding = if section.bits == FLOATS {
            None
        } else {
            let steps = match &plan.steps {
                Some(all) => all.get(index * 4 + site.index()).cloned().unwrap_or_default(),
                None => steps(&saliency[site.index()], &section.classes),
            };
            Some(SiteCoding::new(section.bits, &steps, section.top, section.clip)?)
        };
        let order: Vec<usize> = match &coding {
            Some(coding) => coding.order.iter().map(|&channel| channel as usize).collect(),
            None => (0..statistics.channels.largest.len()).collect(),
        };
        let products = statistics.products.select(Axis(0), &order).select(Axis(1), &order);
        let mut linears = Vec::with_capacity(site.linears().len());
        for &linear in site.linears() {
            stop.check()?;
            let held = block.linear(0, linear);
            let is_float = configuration.weights.bits == FLOATS && configuration.weights.ternary.is_none();
            let is_kept = plan.kept.contains(&(index, linear));
            let kept = is_kept.then(|| KeptWeights::round(&held.weight, configuration.kept.format)).flatten();
            let spiked = if let Some(kept) = kept {
                SpikedLinear::Kept(kept)
            } else if is_float || is_kept {
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
pub(super) fn cache(
    statistics: &BlockStatistics,
    configuration: &SpikeConfiguration,
    config: &ModelConfig,
    index: usize,
) -> Result<Option<CacheCoding>, LlmError> {
    let section = &configuration.cache;
    if section.bits == FLOATS {
        return Ok(None);
    }
    let heads = statistics.heads.len();
    let classes = [ClassSection { share: section.share, steps: 2 }];
    let codings = |of: fn(&HeadStatistics) -> &ChannelSums, part: u64| -> Result<Vec<SiteCoding>, LlmError> {
        let mut salience = Vec::new();
        for (head, statistics) in statistics.heads.iter().enumerate() {
            // Apart from the streams of the sites.
            let stream = (1 << 32) + (2 * (index * heads + head)) as u64 + part;
            salience.extend(saliency(of(statistics), section.rule, configuration.calibration.seed, stream)?);
        }
        let steps = steps(&salience, &classes);
        steps
            .chunks(config.head)
            .map(|steps| SiteCoding::new(section.bits, steps, configuration.activations.top, 1.0))
            .collect()
    };
    Ok(Some(CacheCoding {
        keys: codings(|head| &head.keys, 0)?,
        values: codings(|head| &head.values, 1)?,
        query_bits: section.query_bits,
    }))
}
