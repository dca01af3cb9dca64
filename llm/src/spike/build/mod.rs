//! Making spiked models: statistics, channels and their steps, codes of weights, block after block.

mod block;
mod checkpoint;
mod construction;
mod equalise;
mod gptq;
mod plan;
mod round;
mod saliency;
mod statistics;
mod stop;
mod sums;
#[cfg(test)]
mod tests;

pub use construction::Construction;
pub use equalise::equalised;
pub use gptq::InverseHessian;
pub use round::quantise;
pub use saliency::{saliency, site_saliency, steps, steps_of_all, weight_saliency};
pub use statistics::{BlockStatistics, HeadStatistics, SiteStatistics, record};
pub use stop::Stop;
pub use sums::ChannelSums;

use kernels::Engine;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::coding::SiteCoding;
use super::configuration::{FLOATS, SpikeConfiguration, WeightMethod, WeightSection};
use super::model::{SpikedHead, SpikedModel};
use crate::LlmError;
use crate::model::{Frame, Model};

/// What is told while a model is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockReport {
    /// The block.
    pub block: usize,
    /// Saliency of every channel of each site, in the order of [`Site::ALL`](crate::model::Site::ALL).
    pub saliency: [Vec<f64>; 4],
    /// Spike ratio of each site.
    pub spike_ratios: [f64; 4],
    /// Relative output error `|y' - y|^2 / |y|^2` of the block on the calibration samples.
    pub error: f64,
}

/// A model in spikes. `sequences` are tokens to take statistics from; `progress` is told of each block. Work that may be
/// interrupted goes block by block through a [`Construction`].
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
    let mut construction = Construction::new(model, configuration, sequences, engine, Stop::NEVER)?;
    while !construction.is_finished() {
        progress(construction.step(Stop::NEVER)?);
    }
    construction.finish()
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
