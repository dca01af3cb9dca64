//! The synapses that end in one neuron, met from above.

use kernels::{ConvolutionShape, PoolingShape};
use snn::{Connection, Projection, Weights};

/// One synapse: its source neuron, the place of its trained weight, and its weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Synapse {
    pub source: usize,
    /// Index into the weights of the projection; `None` where the weight is fixed.
    pub place: Option<usize>,
    pub weight: i32,
}

/// Visits every synapse of `projection` that ends in neuron `target`, zero padding left out.
pub(super) fn visit(projection: &Projection, target: usize, mut visitor: impl FnMut(Synapse)) {
    let weights = projection.weights.as_ref();
    let mut trained = |source: usize, place: usize| {
        visitor(Synapse { source, place: Some(place), weight: weight(weights, place) });
    };
    match &projection.connection {
        Connection::Dense { inputs, .. } => (0..*inputs).for_each(|source| trained(source, target * inputs + source)),
        Connection::Convolution(shape) => visit_convolution(shape, target, trained),
        Connection::SumPooling { shape, weight } => {
            visit_pooling(shape, target, |source| visitor(Synapse { source, place: None, weight: *weight }));
        }
        Connection::Identity { weight, .. } => {
            visitor(Synapse { source: target, place: None, weight: *weight });
        }
    }
}

fn weight(weights: Option<&Weights>, place: usize) -> i32 {
    match weights {
        Some(Weights::I8(values)) => values[place].into(),
        Some(Weights::I16(values)) => values[place].into(),
        Some(Weights::F32(_)) | None => 0,
    }
}

fn visit_convolution(shape: &ConvolutionShape, target: usize, mut visitor: impl FnMut(usize, usize)) {
    let [height, width] = shape.kernel;
    let (cell, channel) = (target / shape.output_channels, target % shape.output_channels);
    let top = cell / shape.output_width() * shape.stride[0];
    let left = cell % shape.output_width() * shape.stride[1];
    for row in 0..height {
        let Some(y) = (top + row).checked_sub(shape.padding[0]).filter(|&y| y < shape.input_height) else { continue };
        for column in 0..width {
            let x = (left + column).checked_sub(shape.padding[1]).filter(|&x| x < shape.input_width);
            let Some(x) = x else { continue };
            let sources = (y * shape.input_width + x) * shape.input_channels;
            let places = ((channel * height + row) * width + column) * shape.input_channels;
            (0..shape.input_channels).for_each(|source| visitor(sources + source, places + source));
        }
    }
}

fn visit_pooling(shape: &PoolingShape, target: usize, mut visitor: impl FnMut(usize)) {
    let (cell, channel) = (target / shape.channels, target % shape.channels);
    let top = cell / shape.output_width() * shape.stride[0];
    let left = cell % shape.output_width() * shape.stride[1];
    for y in top..top + shape.window[0] {
        for x in left..left + shape.window[1] {
            visitor((y * shape.input_width + x) * shape.channels + channel);
        }
    }
}
