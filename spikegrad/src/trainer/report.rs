//! What every epoch reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::inference::Score;
use crate::substrate::Histogram;

/// Means over the training examples of an epoch for one population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PopulationReport {
    /// Name of the population.
    pub name: String,
    /// Number of neurons.
    pub neurons: usize,
    /// sum |S| per example.
    pub spikes: f64,
    /// Share of neurons with an open gate.
    pub active_share: f64,
    /// Share of spike counts that the clamp changed.
    pub clipped_spike_share: f64,
    /// sum |E| per example.
    pub error_spikes: f64,
    /// Share of error counts that the clamp changed.
    pub clipped_error_share: f64,
    /// Share of incoming weights beyond the limit of their mantissa, at the end of the epoch.
    pub clipped_weight_share: f64,
}

/// Operations per example of the three phases, over all projections with trained weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationReport {
    /// Multiply-accumulates of the dense network's forward pass.
    pub dense: f64,
    /// Multiply-accumulates of the dense backward pass: the first projections need none.
    pub dense_backward: f64,
    /// sum |S| * fan-out; the input counts once per nonzero value.
    pub forward: f64,
    /// sum |E| * fan-in over projections that errors cross.
    pub backward: f64,
    /// sum |E| * fan-in over all trained projections.
    pub update: f64,
    /// forward / dense.
    pub forward_ratio: f64,
    /// backward / dense_backward.
    pub backward_ratio: f64,
    /// update / dense.
    pub update_ratio: f64,
}

/// Everything an epoch reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Epoch, counted from 1.
    pub epoch: u32,
    /// Base learning rate at its end, before division by alpha.
    pub learning_rate: f64,
    /// On the training examples as they were learned, dropout and augmentation included.
    pub train: Score,
    /// On the validation examples, after the epoch.
    pub validation: Score,
    /// Whether the validation accuracy is the highest so far.
    pub is_best: bool,
    /// One entry per population, in topological order.
    pub populations: Vec<PopulationReport>,
    /// Accumulations relative to the dense network's multiply-accumulates.
    pub operations: OperationReport,
    /// What looks wrong, with the remedy.
    pub diagnoses: Vec<Diagnosis>,
    /// Training examples per second of the epoch's updates; `None` unless the caller timed it.
    pub samples_per_second: Option<f64>,
    /// Figures of the substrate at its end, by name; empty without one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
    /// States of the substrate's devices at its end, by name; empty without one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub histograms: BTreeMap<String, Histogram>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Learning goes on but is hampered.
    Warning,
    /// The population no longer learns or carries no information.
    Error,
}

/// A finding about one population or the whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The population it concerns.
    pub population: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was noticed.
    pub finding: String,
    /// What to change.
    pub remedy: String,
}
