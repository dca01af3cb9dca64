//! The equivalent integer network: one pass forward and one backward for a group of examples.

mod backward;
mod buffers;
mod carried;
#[cfg(test)]
mod dropout_test;
mod float;
mod forward;
mod fused;

pub(crate) use backward::{Gradients, LARGEST_DENOMINATOR};
pub(crate) use buffers::{Activity, Statistics, group_size};
pub(crate) use carried::CarriedBuffers;
pub(crate) use forward::counts_of;

use kernels::Engine;
use snn::Network;

use crate::plan::Plan;
use crate::prepared::Prepared;
use crate::substrate::Substrate;

/// Everything a pass reads: the network, its plan and its weights.
#[derive(Clone, Copy)]
pub(crate) struct PassContext<'a> {
    pub network: &'a Network,
    pub plan: &'a Plan,
    pub prepared: &'a Prepared,
    pub engine: Engine,
    /// What some projections run on.
    pub substrate: Option<&'a dyn Substrate>,
}

/// Which neurons dropout silences; `None` outside training.
#[derive(Clone, Copy)]
pub(crate) struct DropoutPosition<'a> {
    pub seed: u64,
    pub epoch: u32,
    /// Index of each example among the training samples.
    pub samples: &'a [u32],
}
