//! Models whose linear maps and caches take spikes (SpikeLLM, Xing et al., 2025): generalised integrate-and-fire
//! neurons with more steps for salient channels, weights of few bits, execution in integer sums.
//!
//! [`spike`] makes a [`SpikedModel`] of a [`crate::Model`]; [`SpikingExecution`] runs it in spikes and
//! [`QuantisedExecution`] is its fake-quantised twin in floats.

mod attention;
pub mod build;
mod bytes;
mod cache;
mod codes;
mod coding;
pub mod configuration;
mod counts;
mod encode;
mod execution;
pub mod file;
mod kept;
mod linear;
#[cfg(test)]
mod linear_test;
mod model;
mod report;
mod segment;
mod shares;
mod weights;

pub use build::{BlockReport, spike};
pub use cache::{CacheCoding, QuantisedCache, SpikeCache};
pub use codes::Codes;
pub use coding::{Class, SiteCoding, TokenScale, TopCodes, largest_code};
pub use configuration::SpikeConfiguration;
pub use counts::{MOST_CLASSES, SpikeCounts};
pub use execution::{QuantisedExecution, QuantisedState, SpikingExecution, SpikingState};
pub use kept::KeptWeights;
pub use linear::SpikingLinear;
pub use model::{SpikedBlock, SpikedHead, SpikedLinear, SpikedModel, SpikedSite};
pub use report::{SiteReport, SpikeReport, add_counts};
pub use weights::FewBitWeights;
