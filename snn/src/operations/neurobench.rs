//! The static and workload measures of NeuroBench.

use serde::Serialize;

use super::synapses::{fan_in, nonzero_fan_out};
use crate::network::{Bias, Network, Weights};

/// Synaptic operations per sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SynapticOperations {
    /// Effective operations of projections whose input is not ternary: non-zero weight times
    /// non-zero input, a multiplication each.
    #[serde(rename = "Effective_MACs")]
    pub effective_macs: f64,
    /// Effective operations of projections whose whole input lies in {-1, 0, 1}: additions only.
    #[serde(rename = "Effective_ACs")]
    pub effective_acs: f64,
    /// Operations with all weights and inputs set to one; zero padding, pooling, fixed weights
    /// and biases never count.
    #[serde(rename = "Dense")]
    pub dense: f64,
}

/// All measures under NeuroBench's key names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Bytes of all parameters and thresholds.
    #[serde(rename = "Footprint")]
    pub footprint: u64,
    /// Trained weights and biases.
    #[serde(rename = "ParameterCount")]
    pub parameter_count: u64,
    /// Share of zero weights, four decimals.
    #[serde(rename = "ConnectionSparsity")]
    pub connection_sparsity: f64,
    /// Share of firing neurons, over all samples, whose spike count was zero.
    #[serde(rename = "ActivationSparsity")]
    pub activation_sparsity: f64,
    /// Operations per sample.
    #[serde(rename = "SynapticOperations")]
    pub synaptic_operations: SynapticOperations,
}

/// Counts effective operations and activity over a batch, however large.
///
/// NeuroBench decides between additions and multiplications for the whole batch, so the counter
/// keeps both sums open until it is read.
#[derive(Clone, Debug)]
pub struct OperationCounter {
    projections: Vec<Counted>,
    activity: Vec<Activity>,
    statics: (u64, u64, f64),
}

#[derive(Clone, Debug)]
struct Counted {
    from: usize,
    nonzero_fan_out: Vec<u32>,
    dense: u64,
    effective: u64,
}

#[derive(Clone, Debug)]
struct Activity {
    neurons: usize,
    fires: bool,
    samples: u64,
    nonzero: u64,
    is_ternary: bool,
}

impl OperationCounter {
    /// A counter for a network with its weights as they are.
    pub fn new(network: &Network) -> Self {
        let trained = network.projections().iter().filter(|projection| projection.weights.is_some());
        let projections = trained.map(|projection| Counted {
            from: projection.from,
            nonzero_fan_out: nonzero_fan_out(projection),
            dense: fan_in(&projection.connection).iter().map(|&synapses| u64::from(synapses)).sum(),
            effective: 0,
        });
        let activity = network.populations().iter().map(|population| Activity {
            neurons: population.shape.neurons(),
            fires: population.fires(),
            samples: 0,
            nonzero: 0,
            is_ternary: true,
        });
        Self {
            projections: projections.collect(),
            activity: activity.collect(),
            statics: (footprint(network), network.parameter_count() as u64, connection_sparsity(network)),
        }
    }

    /// Adds the spike counts of a population for one or more whole samples, channels-last, one
    /// sample after the other. Give every population that fires or feeds others the same samples.
    /// Counts after the last whole sample are ignored.
    pub fn record<T: Copy + Into<i32>>(&mut self, population: usize, counts: &[T]) {
        let Some(activity) = self.activity.get_mut(population) else { return };
        for sample in counts.chunks_exact(activity.neurons) {
            activity.samples += 1;
            for &count in sample {
                let count: i32 = count.into();
                activity.nonzero += u64::from(count != 0);
                activity.is_ternary &= count.unsigned_abs() <= 1;
            }
            for projection in self.projections.iter_mut().filter(|projection| projection.from == population) {
                let active = sample.iter().zip(&projection.nonzero_fan_out);
                let active = active.filter(|(count, _)| Into::<i32>::into(**count) != 0);
                projection.effective += active.map(|(_, &synapses)| u64::from(synapses)).sum::<u64>();
            }
        }
    }

    /// Operations per sample of what was recorded.
    pub fn synaptic_operations(&self) -> SynapticOperations {
        let mut sum = SynapticOperations::default();
        for projection in &self.projections {
            sum.dense += projection.dense as f64;
            let source = &self.activity[projection.from];
            let effective = projection.effective as f64 / source.samples.max(1) as f64;
            if source.is_ternary {
                sum.effective_acs += effective;
            } else {
                sum.effective_macs += effective;
            }
        }
        sum
    }

    /// All measures.
    pub fn report(&self) -> Report {
        let firing = self.activity.iter().filter(|activity| activity.fires);
        let (nonzero, all) = firing.fold((0, 0), |(nonzero, all), activity| {
            (nonzero + activity.nonzero, all + activity.samples * activity.neurons as u64)
        });
        let (footprint, parameter_count, connection_sparsity) = self.statics;
        Report {
            footprint,
            parameter_count,
            connection_sparsity,
            activation_sparsity: activation_sparsity(nonzero, all),
            synaptic_operations: self.synaptic_operations(),
        }
    }
}

/// `1 - nonzero / all` over the outputs of firing neurons; 0 when there are none.
pub fn activation_sparsity(nonzero: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { 1.0 - nonzero as f64 / all as f64 }
}

/// Zero weights / all trained weights, rounded to four decimals; biases and fixed weights are
/// left out, 0 when there are no weights.
pub fn connection_sparsity(network: &Network) -> f64 {
    let (mut zeros, mut all) = (0usize, 0usize);
    for weights in network.projections().iter().filter_map(|projection| projection.weights.as_ref()) {
        all += weights.len();
        zeros += match weights {
            Weights::I8(values) => values.iter().filter(|&&value| value == 0).count(),
            Weights::I16(values) => values.iter().filter(|&&value| value == 0).count(),
            Weights::F32(values) => values.iter().filter(|&&value| value == 0.0).count(),
        };
    }
    if all == 0 { 0.0 } else { (zeros as f64 / all as f64 * 1e4).round() / 1e4 }
}

/// Bytes of all parameters and buffers in their stored formats: weights, biases (4 bytes each)
/// and the thresholds of neurons that have one (4 bytes each).
pub fn footprint(network: &Network) -> u64 {
    let weights = network.projections().iter().filter_map(|projection| projection.weights.as_ref());
    let weight_bytes = weights.map(|weights| match weights {
        Weights::I8(values) => values.len() as u64,
        Weights::I16(values) => 2 * values.len() as u64,
        Weights::F32(values) => 4 * values.len() as u64,
    });
    let others = network.populations().iter().map(|population| {
        let thresholds = if population.fires() { population.thresholds.len() } else { 0 };
        4 * (population.bias.as_ref().map_or(0, Bias::len) + thresholds) as u64
    });
    weight_bytes.sum::<u64>() + others.sum::<u64>()
}
