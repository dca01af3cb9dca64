//! Scaling of channels between what makes activations and what takes them.

use ndarray::{Array2, Axis};

use super::statistics::{BlockStatistics, SiteStatistics};
use crate::LlmError;
use crate::model::{Linear, Model, ModelConfig, Norm, Site, Weights};
use crate::spike::coding::{SiteCoding, TopCodes};
use crate::spike::configuration::SpikeConfiguration;

/// Smallest scale of a channel.
const SMALLEST: f32 = 1e-5;

/// A block, given as a model of its own, with channels scaled at the sites where that leaves a smaller output error;
/// in exact arithmetic it computes the same.
///
/// Scales are divided out of the gains of the normalisation before the site, out of the rows of the value projection
/// for the attention's output, and out of the rows of the up projection before the down projection.
///
/// # Errors
/// [`LlmError::Shape`], [`LlmError::Configuration`].
pub fn equalised(
    block: &Model,
    statistics: &BlockStatistics,
    configuration: &SpikeConfiguration,
) -> Result<Model, LlmError> {
    let mut scales: Vec<Option<Vec<f32>>> = Vec::with_capacity(4);
    for (site, statistics) in Site::ALL.into_iter().zip(&statistics.sites) {
        let linears = site.linears().iter();
        let weights: Vec<Array2<f32>> = linears.map(|&linear| block.linear(0, linear).weight.to_array()).collect();
        scales.push(best_scales(block.config(), site, statistics, &weights, configuration)?);
    }
    let mut norms =
        [block.frame().norm(0, Norm::Attention).to_vec(), block.frame().norm(0, Norm::FeedForward).to_vec()];
    let (config, Weights { embedding, mut blocks, final_norm, output }) = block.clone().into_parts();
    for (site, scales) in Site::ALL.into_iter().zip(&scales) {
        let (Some(scales), Some(weights)) = (scales, blocks.first_mut()) else { continue };
        for &linear in site.linears() {
            let held = &mut weights.linears[linear.index()].weight;
            let mut matrix = held.to_array();
            matrix.rows_mut().into_iter().for_each(|mut row| row.iter_mut().zip(scales).for_each(|(w, s)| *w *= s));
            *held = matrix.into();
        }
        match site {
            Site::AttentionInput => divide(&mut norms[0], scales),
            Site::FeedForwardInput => divide(&mut norms[1], scales),
            Site::AttentionOutput => {
                divide_rows(&mut weights.linears[Linear::Value.index()], &of_heads(&config, scales))
            }
            Site::FeedForwardHidden => divide_rows(&mut weights.linears[Linear::Up.index()], scales),
        }
    }
    if let Some(weights) = blocks.first_mut() {
        [weights.attention_norm, weights.feed_forward_norm] = norms;
    }
    Model::new(config, Weights { embedding, blocks, final_norm, output })
}

fn divide(numbers: &mut [f32], scales: &[f32]) {
    numbers.iter_mut().zip(scales).for_each(|(number, scale)| *number /= scale);
}

fn divide_rows(linear: &mut crate::model::LinearWeights, scales: &[f32]) {
    let mut matrix = linear.weight.to_array();
    matrix.rows_mut().into_iter().zip(scales).for_each(|(mut row, scale)| row.iter_mut().for_each(|w| *w /= scale));
    linear.weight = matrix.into();
    if let Some(bias) = &mut linear.bias {
        divide(bias, scales);
    }
}

/// The scales of value channels: query heads that share a head have the same ones.
fn of_heads(config: &ModelConfig, scales: &[f32]) -> Vec<f32> {
    (0..config.key_value_width())
        .map(|index| scales[index / config.head * config.group() * config.head + index % config.head])
        .collect()
}

/// `max|x_j|^alpha / max|w_j|^(1 - alpha)` with the exponent that leaves the least output error on sample tokens; `None`
/// where scales help nothing.
fn best_scales(
    config: &ModelConfig,
    site: Site,
    statistics: &SiteStatistics,
    weights: &[Array2<f32>],
    configuration: &SpikeConfiguration,
) -> Result<Option<Vec<f32>>, LlmError> {
    let channels = statistics.channels.largest.len();
    let views: Vec<_> = weights.iter().map(|matrix| matrix.view()).collect();
    let stacked = ndarray::concatenate(Axis(0), &views).map_err(|_| LlmError::Shape {
        what: format!("linear maps at {site}"),
        expected: vec![channels],
        found: views.iter().map(|view| view.ncols()).collect(),
    })?;
    let mut of_weights: Vec<f32> =
        stacked.columns().into_iter().map(|column| column.iter().fold(0.0f32, |most, w| most.max(w.abs()))).collect();
    let mut of_inputs = statistics.channels.largest.clone();
    if site == Site::AttentionOutput {
        share(config, &mut of_weights);
        share(config, &mut of_inputs);
    }
    let exact = statistics.sample.dot(&stacked.t());
    let error = |scales: Option<&[f32]>| -> Result<f64, LlmError> {
        let (mut x, mut w) = (statistics.sample.clone(), stacked.clone());
        if let Some(scales) = scales {
            x.rows_mut().into_iter().for_each(|mut row| row.iter_mut().zip(scales).for_each(|(x, s)| *x /= s));
            w.rows_mut().into_iter().for_each(|mut row| row.iter_mut().zip(scales).for_each(|(w, s)| *w *= s));
        }
        quantise_rows(&mut x, configuration.activations.bits)?;
        quantise_rows(&mut w, configuration.weights.bits)?;
        Ok((x.dot(&w.t()) - &exact).iter().map(|&error| f64::from(error).powi(2)).sum())
    };
    let (mut least, mut chosen) = (error(None)?, None);
    for &alpha in &configuration.equalisation.alphas {
        let scale =
            |(&x, &w): (&f32, &f32)| (x.max(SMALLEST).powf(alpha) / w.max(SMALLEST).powf(1.0 - alpha)).max(SMALLEST);
        let mut scales: Vec<f32> = of_inputs.iter().zip(&of_weights).map(scale).collect();
        // The geometric mean is 1, so that gains keep their size.
        let mean = scales.iter().map(|&scale| f64::from(scale).ln()).sum::<f64>() / channels.max(1) as f64;
        scales.iter_mut().for_each(|scale| *scale = (f64::from(*scale) / mean.exp()) as f32);
        let found = error(Some(&scales))?;
        if found < least {
            (least, chosen) = (found, Some(scales));
        }
    }
    Ok(chosen)
}

/// Replaces numbers of query heads that share a value head by the largest of them.
fn share(config: &ModelConfig, numbers: &mut [f32]) {
    let (head, group) = (config.head, config.group());
    for shared in 0..config.key_value_heads {
        for channel in 0..head {
            let places: Vec<usize> = (0..group).map(|member| (shared * group + member) * head + channel).collect();
            let most = places.iter().map(|&place| numbers[place]).fold(0.0, f32::max);
            places.into_iter().for_each(|place| numbers[place] = most);
        }
    }
}

fn quantise_rows(matrix: &mut Array2<f32>, bits: u32) -> Result<(), LlmError> {
    if bits > 8 {
        return Ok(());
    }
    let coding = SiteCoding::new(bits, &vec![1; matrix.ncols()], TopCodes::Full, 1.0)?;
    for mut row in matrix.rows_mut() {
        if let Some(row) = row.as_slice_mut() {
            coding.quantise(row);
        }
    }
    Ok(())
}
