//! The backward pass in its plainest form: exact rationals, one synapse at a time.
//!
//! Nothing is shared with the passes under test but the network itself. A threshold per channel
//! enters through its integer factor over the population's denominator, re-derived here.

use snn::{Connection, Network};
use spikegrad::{BackwardPass, ForwardResult};

use super::networks::{cut, outputs};

/// `(numerator, denominator)` that an error of each channel is multiplied with: 1 / threshold.
pub fn reciprocals(thresholds: &[i64]) -> Vec<(i128, i128)> {
    if let [threshold] = thresholds {
        return vec![(1, i128::from(*threshold))];
    }
    let smallest = i128::from(*thresholds.iter().min().unwrap());
    // Beyond 2^20 times the smallest threshold the multiple is of no use.
    let multiple = thresholds.iter().try_fold(1i128, |multiple, &threshold| {
        Some(lcm(multiple, threshold.into())).filter(|multiple| multiple / smallest <= 1 << 20)
    });
    if let Some(multiple) = multiple {
        return thresholds.iter().map(|&threshold| (multiple / i128::from(threshold), multiple)).collect();
    }
    // 2^19 times the largest power of two that is at most the smallest threshold.
    let mut denominator = 1i128 << 19;
    let mut power = 1;
    while 2 * power <= smallest {
        power *= 2;
        denominator *= 2;
    }
    let factor = |threshold: i128| round_half_away(denominator, threshold).max(1);
    thresholds.iter().map(|&threshold| (factor(threshold.into()), denominator)).collect()
}

pub fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

fn lcm(a: i128, b: i128) -> i128 {
    a / gcd(a, b) * b
}

/// numerator / denominator to nearest, halves away from zero; the denominator is positive.
pub fn round_half_away(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator.abs() / denominator, numerator.abs() % denominator);
    (whole + i128::from(2 * rest >= denominator)) * numerator.signum()
}

/// Every synapse of a connection: target neuron, source neuron, place of the weight.
pub fn synapses(connection: &Connection) -> Vec<(usize, usize, usize)> {
    let mut all = Vec::new();
    match connection {
        Connection::Dense { inputs, outputs } => {
            for target in 0..*outputs {
                all.extend((0..*inputs).map(|source| (target, source, target * inputs + source)));
            }
        }
        Connection::Convolution(shape) => {
            let (width, channels) = (shape.input_width, shape.input_channels);
            for source in 0..shape.input_length() {
                let (y, x, c) = (source / channels / width, source / channels % width, source % channels);
                for target in 0..shape.output_length() {
                    let o = target % shape.output_channels;
                    let cell = target / shape.output_channels;
                    let (row, column) = (cell / shape.output_width(), cell % shape.output_width());
                    let i = (y + shape.padding[0]) as i64 - (row * shape.stride[0]) as i64;
                    let j = (x + shape.padding[1]) as i64 - (column * shape.stride[1]) as i64;
                    if (0..shape.kernel[0] as i64).contains(&i) && (0..shape.kernel[1] as i64).contains(&j) {
                        let place = (o * shape.kernel[0] + i as usize) * shape.kernel[1] + j as usize;
                        all.push((target, source, place * channels + c));
                    }
                }
            }
        }
        Connection::SumPooling { shape, .. } => {
            for target in 0..shape.output_length() {
                let (cell, c) = (target / shape.channels, target % shape.channels);
                let (row, column) = (cell / shape.output_width(), cell % shape.output_width());
                for y in 0..shape.window[0] {
                    for x in 0..shape.window[1] {
                        let cell = (row * shape.stride[0] + y) * shape.input_width + column * shape.stride[1] + x;
                        all.push((target, cell * shape.channels + c, 0));
                    }
                }
            }
        }
        Connection::Identity { neurons, .. } => all.extend((0..*neurons).map(|neuron| (neuron, neuron, 0))),
    }
    all
}

/// The weight at a place of a projection, in grid units.
pub fn weight(network: &Network, projection: usize, place: usize) -> f64 {
    let projection = &network.projections()[projection];
    match &projection.connection {
        Connection::SumPooling { weight, .. } | Connection::Identity { weight, .. } => f64::from(*weight),
        _ => projection.weights.as_ref().unwrap().get(place),
    }
}

/// `E = gate * clamp(round_half_away(sum W^T E / threshold), -127, 127)`, exact.
pub fn backward(network: &Network, forward: &ForwardResult, output_errors: &[i32]) -> BackwardPass {
    let populations = network.populations();
    let mut errors: Vec<Vec<i32>> = populations.iter().map(|p| vec![0; p.shape.neurons()]).collect();
    let outputs = outputs(network);
    for (&index, own) in outputs.iter().zip(cut(network, &outputs, output_errors)) {
        errors[index] = own.to_vec();
    }
    let mut weight_gradients: Vec<Vec<i64>> =
        network.projections().iter().map(|p| vec![0; p.connection.weight_count()]).collect();
    for index in (0..populations.len()).rev() {
        if populations[index].fires() && !populations[index].outgoing.is_empty() {
            let mut sums = vec![(0i128, 1i128); populations[index].shape.neurons()];
            for &outgoing in &populations[index].outgoing {
                let projection = &network.projections()[outgoing];
                let reciprocals = reciprocals(&populations[projection.to].thresholds);
                for (target, source, place) in synapses(&projection.connection) {
                    let (factor, denominator) = reciprocals[target % reciprocals.len()];
                    // A uniform threshold has one entry; per channel there is one for each.
                    let term = weight(network, outgoing, place) as i128 * i128::from(errors[projection.to][target]);
                    let (sum, below) = sums[source];
                    let common = lcm(below, denominator);
                    sums[source] = (sum * (common / below) + term * factor * (common / denominator), common);
                }
            }
            for (neuron, (sum, below)) in sums.into_iter().enumerate() {
                let rounded = round_half_away(sum, below).clamp(-127, 127) as i32;
                errors[index][neuron] = if forward.gates[index][neuron] { rounded } else { 0 };
            }
        }
        for &incoming in &populations[index].incoming {
            let projection = &network.projections()[incoming];
            if projection.weights.is_some() {
                for (target, source, place) in synapses(&projection.connection) {
                    weight_gradients[incoming][place] +=
                        i64::from(errors[index][target]) * i64::from(forward.counts[projection.from][source]);
                }
            }
        }
    }
    let bias_gradients = populations.iter().zip(&errors).map(|(population, errors)| {
        let mut sums = vec![0i64; population.bias.as_ref().map_or(0, |bias| bias.len())];
        let channels = sums.len();
        if channels > 0 {
            errors.iter().enumerate().for_each(|(neuron, &error)| sums[neuron % channels] += i64::from(error));
        }
        sums
    });
    let bias_gradients = bias_gradients.collect();
    BackwardPass { errors, weight_gradients, bias_gradients }
}
