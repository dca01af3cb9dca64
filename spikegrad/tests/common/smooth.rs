//! The network without any rounding, and the gradient formula of the float twin, in f64.

use snn::{Network, NeuronKind};

use super::networks::{cut, outputs};
use super::reference::{synapses, weight};

/// Weights per projection (fixed ones as a single entry) and biases per population, in grid units.
#[derive(Clone)]
pub struct Parameters {
    pub weights: Vec<Vec<f64>>,
    pub bias: Vec<Vec<f64>>,
}

impl Parameters {
    pub fn of(network: &Network) -> Self {
        let count = |index: usize| network.projections()[index].connection.weight_count().max(1);
        let weights = (0..network.projections().len())
            .map(|index| (0..count(index)).map(|place| weight(network, index, place)).collect());
        let bias = network
            .populations()
            .iter()
            .map(|p| p.bias.as_ref().map_or(Vec::new(), |bias| (0..bias.len()).map(|c| bias.get(c)).collect()));
        Self { weights: weights.collect(), bias: bias.collect() }
    }
}

/// Activations and gates of all populations: `s = A / threshold`, rectified where the population is.
/// The last entry of `activations` that matters, the readout's, are the logits.
pub struct Smooth {
    pub activations: Vec<Vec<f64>>,
    pub gates: Vec<Vec<bool>>,
}

pub fn forward(network: &Network, parameters: &Parameters, input: &[f64]) -> Smooth {
    let mut result = Smooth { activations: Vec::new(), gates: Vec::new() };
    for (index, population) in network.populations().iter().enumerate() {
        let neurons = population.shape.neurons();
        if population.neuron == NeuronKind::Input {
            result.activations.push(input.to_vec());
            result.gates.push(vec![true; neurons]);
            continue;
        }
        let channels = population.shape.channels;
        let bias = &parameters.bias[index];
        let mut totals: Vec<f64> =
            (0..neurons).map(|neuron| bias.get(neuron % channels).copied().unwrap_or(0.0)).collect();
        for &incoming in &population.incoming {
            let projection = &network.projections()[incoming];
            for (target, source, place) in synapses(&projection.connection) {
                totals[target] += parameters.weights[incoming][place] * result.activations[projection.from][source];
            }
        }
        let gates: Vec<bool> =
            totals.iter().map(|&total| population.neuron != NeuronKind::Relu || total > 0.0).collect();
        let normalised = totals.iter().enumerate().zip(&gates).map(|((neuron, total), &gate)| {
            if gate { total / population.threshold(neuron % channels) as f64 } else { 0.0 }
        });
        result.activations.push(normalised.collect());
        result.gates.push(gates);
    }
    result
}

/// Errors and products `E (outer) S` per projection, with `reciprocal(population, channel)` as
/// 1 / threshold.
pub fn backward(
    network: &Network,
    activations: &[Vec<f64>],
    gates: &[Vec<bool>],
    output_errors: &[f64],
    reciprocal: impl Fn(usize, usize) -> f64,
) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let populations = network.populations();
    let mut errors: Vec<Vec<f64>> = populations.iter().map(|p| vec![0.0; p.shape.neurons()]).collect();
    let outputs = outputs(network);
    for (&index, own) in outputs.iter().zip(cut(network, &outputs, output_errors)) {
        errors[index] = own.to_vec();
    }
    let mut products: Vec<Vec<f64>> =
        network.projections().iter().map(|p| vec![0.0; p.connection.weight_count()]).collect();
    for index in (0..populations.len()).rev() {
        for &outgoing in populations[index].outgoing.iter().filter(|_| populations[index].fires()) {
            let projection = &network.projections()[outgoing];
            let channels = populations[projection.to].shape.channels;
            for (target, source, place) in synapses(&projection.connection) {
                if gates[index][source] {
                    let scaled = errors[projection.to][target] * reciprocal(projection.to, target % channels);
                    errors[index][source] += weight(network, outgoing, place) * scaled;
                }
            }
        }
        for &incoming in &populations[index].incoming {
            let projection = &network.projections()[incoming];
            if projection.weights.is_some() {
                for (target, source, place) in synapses(&projection.connection) {
                    products[incoming][place] += errors[index][target] * activations[projection.from][source];
                }
            }
        }
    }
    (errors, products)
}
