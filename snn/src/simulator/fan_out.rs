//! Projections in the form in which one spike is delivered: runs of consecutive targets.

use kernels::{ConvolutionShape, PoolingShape};

use super::population::Neurons;
use super::total::{FanOutWeights, Total, Weight};
use crate::network::{Connection, Projection};

/// A projection prepared for delivery.
#[derive(Clone, Debug)]
pub(super) struct FanOut<T: Total> {
    pub(super) to: usize,
    kind: Kind<T>,
}

#[derive(Clone, Debug)]
enum Kind<T: Total> {
    /// `[source][target]`.
    Dense {
        outputs: usize,
        weights: FanOutWeights<T>,
    },
    /// `[source channel][kernel row][run][target channel]`; see [`Runs`].
    Convolution {
        shape: ConvolutionShape,
        runs: Runs,
        weights: FanOutWeights<T>,
    },
    SumPooling {
        shape: PoolingShape,
        weight: i32,
    },
    Identity {
        weight: i32,
    },
}

/// Kernel columns ordered so that a spike's targets in one row are consecutive.
///
/// A source column x meets only the kernel columns congruent to `x + padding` modulo the stride;
/// these form one run, in descending order, because the target column falls as the kernel column
/// rises. Runs are stored by residue.
#[derive(Clone, Debug)]
struct Runs {
    /// First kernel column of each residue's run within a kernel row.
    offsets: Vec<usize>,
    /// Length of each residue's run.
    lengths: Vec<usize>,
}

impl Runs {
    fn new(kernel: usize, stride: usize) -> Self {
        // A stride beyond the kernel leaves residues that no kernel column meets.
        let residues = stride.min(kernel);
        let lengths: Vec<usize> = (0..residues).map(|residue| (kernel - residue).div_ceil(stride)).collect();
        let offsets = lengths.iter().scan(0, |next, length| Some(std::mem::replace(next, *next + length))).collect();
        Self { offsets, lengths }
    }

    /// Kernel columns in stored order.
    fn columns(&self, stride: usize) -> impl Iterator<Item = usize> + '_ {
        self.lengths
            .iter()
            .enumerate()
            .flat_map(move |(residue, &length)| (0..length).rev().map(move |step| residue + stride * step))
    }
}

impl<T: Total> FanOut<T> {
    /// Reorders the weights of a projection; `None` when they are missing or of the other number type.
    pub(super) fn new(projection: &Projection) -> Option<Self> {
        let weights = projection.weights.as_ref();
        let kind = match &projection.connection {
            Connection::Dense { inputs, outputs } => {
                let (inputs, outputs) = (*inputs, *outputs);
                let order = (0..inputs).flat_map(|from| (0..outputs).map(move |to| to * inputs + from));
                Kind::Dense { outputs, weights: T::gather(weights?, order)? }
            }
            Connection::Convolution(shape) => {
                let runs = Runs::new(shape.kernel[1], shape.stride[1]);
                let columns: Vec<usize> = runs.columns(shape.stride[1]).collect();
                let [height, width] = shape.kernel;
                let (sources, targets) = (shape.input_channels, shape.output_channels);
                let columns = &columns;
                let order = (0..sources).flat_map(|source| {
                    (0..height).flat_map(move |row| {
                        columns.iter().flat_map(move |column| {
                            (0..targets)
                                .map(move |target| ((target * height + row) * width + column) * sources + source)
                        })
                    })
                });
                let weights = T::gather(weights?, order)?;
                Kind::Convolution { shape: *shape, runs, weights }
            }
            Connection::SumPooling { shape, weight } => Kind::SumPooling { shape: *shape, weight: *weight },
            Connection::Identity { weight, .. } => Kind::Identity { weight: *weight },
        };
        Some(Self { to: projection.to, kind })
    }

    /// Adds the spikes of source neuron `from` to all its targets, lists those that may fire and
    /// returns the number of synapses.
    pub(super) fn deliver(&self, from: usize, spikes: i16, targets: &mut Neurons<T>, crossed: &mut Vec<u32>) -> u64 {
        match &self.kind {
            Kind::Dense { outputs, weights } => match weights {
                FanOutWeights::Narrow(weights) => deliver_dense(weights, *outputs, from, spikes, targets, crossed),
                FanOutWeights::Wide(weights) => deliver_dense(weights, *outputs, from, spikes, targets, crossed),
            },
            Kind::Convolution { shape, runs, weights } => match weights {
                FanOutWeights::Narrow(weights) => {
                    deliver_convolution(weights, shape, runs, from, spikes, targets, crossed)
                }
                FanOutWeights::Wide(weights) => {
                    deliver_convolution(weights, shape, runs, from, spikes, targets, crossed)
                }
            },
            Kind::SumPooling { shape, weight } => {
                deliver_pooling(shape, from, T::fixed(*weight, spikes), targets, crossed)
            }
            Kind::Identity { weight } => {
                targets.add_one(from, T::fixed(*weight, spikes), crossed);
                1
            }
        }
    }
}

fn deliver_dense<T: Total, W: Weight<T>>(
    weights: &[W],
    outputs: usize,
    from: usize,
    spikes: i16,
    targets: &mut Neurons<T>,
    crossed: &mut Vec<u32>,
) -> u64 {
    targets.add_run(0, &weights[from * outputs..(from + 1) * outputs], spikes, crossed);
    outputs as u64
}

/// Position of a channels-last neuron: `(y, x, channel)`.
#[inline]
fn position(neuron: usize, width: usize, channels: usize) -> (usize, usize, usize) {
    let (neuron, width, channels) = (neuron as u32, width as u32, channels as u32);
    let (cell, channel) = (neuron / channels, neuron % channels);
    ((cell / width) as usize, (cell % width) as usize, channel as usize)
}

fn deliver_convolution<T: Total, W: Weight<T>>(
    weights: &[W],
    shape: &ConvolutionShape,
    runs: &Runs,
    from: usize,
    spikes: i16,
    targets: &mut Neurons<T>,
    crossed: &mut Vec<u32>,
) -> u64 {
    let (y, x, source) = position(from, shape.input_width, shape.input_channels);
    let [kernel_height, kernel_width] = shape.kernel;
    let (height, width, channels) = (shape.output_height(), shape.output_width(), shape.output_channels);
    let (padded_y, padded_x) = (y + shape.padding[0], x + shape.padding[1]);
    let residue = padded_x % shape.stride[1];
    let Some(&length) = runs.lengths.get(residue) else { return 0 };
    // Step k of the run ends in target column `last + 1 + k - length`.
    let last = padded_x / shape.stride[1];
    let first_step = length.saturating_sub(last + 1);
    let end_step = length.min((width + length).saturating_sub(last + 1));
    if first_step >= end_step {
        return 0;
    }
    let column = last + 1 + first_step - length;
    let run = (end_step - first_step) * channels;
    let mut synapses = 0;
    let mut row = padded_y % shape.stride[0];
    while row < kernel_height && row <= padded_y {
        let target_row = (padded_y - row) / shape.stride[0];
        if target_row < height {
            let begin = ((source * kernel_height + row) * kernel_width + runs.offsets[residue] + first_step) * channels;
            let start = (target_row * width + column) * channels;
            targets.add_run(start, &weights[begin..begin + run], spikes, crossed);
            synapses += run as u64;
        }
        row += shape.stride[0];
    }
    synapses
}

fn deliver_pooling<T: Total>(
    shape: &PoolingShape,
    from: usize,
    input: T,
    targets: &mut Neurons<T>,
    crossed: &mut Vec<u32>,
) -> u64 {
    let (y, x, channel) = position(from, shape.input_width, shape.channels);
    let width = shape.output_width();
    let rows = windows(y, shape.window[0], shape.stride[0], shape.output_height());
    let columns = windows(x, shape.window[1], shape.stride[1], width);
    let mut synapses = 0;
    for row in rows {
        for column in columns.clone() {
            targets.add_one((row * width + column) * shape.channels + channel, input, crossed);
            synapses += 1;
        }
    }
    synapses
}

/// The windows that hold a coordinate.
#[inline]
fn windows(coordinate: usize, window: usize, stride: usize, count: usize) -> std::ops::Range<usize> {
    let end = coordinate / stride + 1;
    let start = if coordinate < window { 0 } else { (coordinate - window) / stride + 1 };
    start..end.min(count)
}
