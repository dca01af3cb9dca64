//! What a spiked model costs: steps, spikes, additions, bits.

use serde::Serialize;

use super::configuration::FLOATS;
use super::counts::SpikeCounts;
use super::model::{SpikedLinear, SpikedModel};
use crate::model::Site;

/// One site of a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteReport {
    /// The block.
    pub block: usize,
    /// The site.
    pub site: &'static str,
    /// Channels.
    pub channels: usize,
    /// Outputs of all its linear maps.
    pub outputs: usize,
    /// Mean steps of a channel.
    pub steps: f64,
    /// Multi-level spikes of a token.
    pub spikes: f64,
    /// Sum of their levels, for a token.
    pub levels: f64,
    /// Additions of a token: one for each spike and output.
    pub additions: f64,
    /// Multiply-accumulates of the dense linear maps, for a token.
    pub multiply_accumulates: u64,
    /// Arithmetic computation effort of a token: `weight bits * activation bits * steps` of each multiply-accumulate
    /// (SpikeLLM, section "cost"); floats count 16 bits, FP8 8.
    pub effort: f64,
    /// Bytes of the weights.
    pub bytes: usize,
}

/// All sites, and their sums.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpikeReport {
    /// Tokens that were counted.
    pub tokens: u64,
    /// Mean steps of a channel, weighed by the outputs it reaches.
    pub steps: f64,
    /// Spikes of a token.
    pub spikes: f64,
    /// Additions of a token.
    pub additions: f64,
    /// Multiply-accumulates of a token.
    pub multiply_accumulates: u64,
    /// Arithmetic computation effort of a token.
    pub effort: f64,
    /// Bytes of all linear maps.
    pub bytes: usize,
    /// Block after block.
    pub sites: Vec<SiteReport>,
}

impl SpikedModel {
    /// What the model costs, from spikes counted per block and site.
    pub fn report(&self, counts: &[[SpikeCounts; 4]]) -> SpikeReport {
        let config = self.frame().config();
        let mut sites = Vec::with_capacity(4 * self.blocks().len());
        for (index, block) in self.blocks().iter().enumerate() {
            for (site, spiked) in Site::ALL.into_iter().zip(&block.sites) {
                let counted = counts.get(index).map_or(SpikeCounts::default(), |sites| sites[site.index()]);
                let tokens = counted.tokens.max(1) as f64;
                let (mut outputs, mut spiking, mut effort, mut bytes) = (0, 0, 0.0, 0);
                let channels = site.width(config);
                for (linear, bias) in &spiked.linears {
                    let [rows, columns] = linear.shape();
                    // What is kept takes activations in its own format.
                    let (weight_bits, kept_bits) = match linear {
                        SpikedLinear::FewBit(weights) => (weights.bits, None),
                        SpikedLinear::Float(_) => (FLOATS, Some(FLOATS)),
                        SpikedLinear::Kept(kept) => (kept.bits(), Some(kept.bits())),
                    };
                    let coding = spiked.coding.as_ref().filter(|_| kept_bits.is_none());
                    let floats = (kept_bits.unwrap_or(FLOATS), 1.0);
                    let (bits, steps) = coding.map_or(floats, |coding| (coding.bits, coding.mean_steps()));
                    effort += f64::from(weight_bits) * f64::from(bits) * steps * (rows * columns) as f64;
                    outputs += rows;
                    spiking += if coding.is_some() { rows } else { 0 };
                    bytes += linear.bytes() + 4 * bias.as_ref().map_or(0, Vec::len);
                }
                sites.push(SiteReport {
                    block: index,
                    site: site.name(),
                    channels,
                    outputs,
                    steps: spiked.coding.as_ref().map_or(1.0, super::SiteCoding::mean_steps),
                    spikes: counted.spikes as f64 / tokens,
                    levels: counted.levels as f64 / tokens,
                    additions: counted.additions(spiking) as f64 / tokens,
                    multiply_accumulates: (channels * outputs) as u64,
                    effort,
                    bytes,
                });
            }
        }
        let sum = |of: fn(&SiteReport) -> f64| sites.iter().map(of).sum();
        SpikeReport {
            tokens: counts.iter().flatten().map(|counts| counts.tokens).max().unwrap_or(0),
            steps: self.mean_steps(),
            spikes: sum(|site| site.spikes),
            additions: sum(|site| site.additions),
            multiply_accumulates: sites.iter().map(|site| site.multiply_accumulates).sum(),
            effort: sum(|site| site.effort),
            bytes: self.linear_bytes(),
            sites,
        }
    }
}

/// Adds the spikes of another sequence.
pub fn add_counts(total: &mut Vec<[SpikeCounts; 4]>, counts: &[[SpikeCounts; 4]]) {
    total.resize(total.len().max(counts.len()), [SpikeCounts::default(); 4]);
    for (total, counts) in total.iter_mut().flatten().zip(counts.iter().flatten()) {
        total.add(counts);
    }
}
