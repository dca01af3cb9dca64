//! Synapses per neuron, zero padding left out.

use crate::network::{Connection, Projection, Weights};

/// Number of synapses that leave each source neuron: the accumulations that one of its spikes
/// costs. Source neurons channels-last.
pub fn fan_out(connection: &Connection) -> Vec<u32> {
    match connection {
        Connection::Dense { inputs, outputs } => vec![*outputs as u32; *inputs],
        Connection::Convolution(shape) => {
            let axis = |axis: usize, input: usize, output: usize| {
                sources(input, output, shape.kernel[axis], shape.stride[axis], shape.padding[axis])
            };
            let rows = axis(0, shape.input_height, shape.output_height());
            let columns = axis(1, shape.input_width, shape.output_width());
            spread(&rows, &columns, shape.input_channels, shape.output_channels)
        }
        Connection::SumPooling { shape, .. } => {
            let axis = |axis: usize, input: usize, output: usize| {
                sources(input, output, shape.window[axis], shape.stride[axis], 0)
            };
            let rows = axis(0, shape.input_height, shape.output_height());
            let columns = axis(1, shape.input_width, shape.output_width());
            spread(&rows, &columns, shape.channels, 1)
        }
        Connection::Identity { neurons, .. } => vec![1; *neurons],
    }
}

/// Number of synapses that end in each target neuron: the accumulations that one of its error
/// spikes costs. Target neurons channels-last.
pub fn fan_in(connection: &Connection) -> Vec<u32> {
    match connection {
        Connection::Dense { inputs, outputs } => vec![*inputs as u32; *outputs],
        Connection::Convolution(shape) => {
            let axis = |axis: usize, input: usize, output: usize| {
                targets(input, output, shape.kernel[axis], shape.stride[axis], shape.padding[axis])
            };
            let rows = axis(0, shape.input_height, shape.output_height());
            let columns = axis(1, shape.input_width, shape.output_width());
            spread(&rows, &columns, shape.output_channels, shape.input_channels)
        }
        Connection::SumPooling { shape, .. } => {
            let synapses = shape.window[0] * shape.window[1];
            vec![synapses as u32; shape.output_length()]
        }
        Connection::Identity { neurons, .. } => vec![1; *neurons],
    }
}

/// Number of synapses with a weight other than zero that leave each source neuron.
pub fn nonzero_fan_out(projection: &Projection) -> Vec<u32> {
    let Some(weights) = &projection.weights else { return fan_out(&projection.connection) };
    match &projection.connection {
        Connection::Dense { inputs, outputs } => {
            let mut result = vec![0; *inputs];
            for output in 0..*outputs {
                for (input, number) in result.iter_mut().enumerate() {
                    *number += u32::from(is_nonzero(weights, output * inputs + input));
                }
            }
            result
        }
        Connection::Convolution(shape) => {
            let [kernel_height, kernel_width] = shape.kernel;
            let channels = shape.input_channels;
            let mut kernel = vec![0u32; kernel_height * kernel_width * channels];
            for output in 0..shape.output_channels {
                for (index, number) in kernel.iter_mut().enumerate() {
                    *number += u32::from(is_nonzero(weights, output * shape.patch() + index));
                }
            }
            let mut result = vec![0; shape.input_length()];
            for output_y in 0..shape.output_height() {
                for output_x in 0..shape.output_width() {
                    for tap in 0..kernel_height * kernel_width {
                        let y = output_y * shape.stride[0] + tap / kernel_width;
                        let x = output_x * shape.stride[1] + tap % kernel_width;
                        let (Some(y), Some(x)) = (y.checked_sub(shape.padding[0]), x.checked_sub(shape.padding[1]))
                        else {
                            continue;
                        };
                        if y < shape.input_height && x < shape.input_width {
                            let start = (y * shape.input_width + x) * channels;
                            let numbers = &kernel[tap * channels..(tap + 1) * channels];
                            result[start..start + channels].iter_mut().zip(numbers).for_each(|(sum, n)| *sum += n);
                        }
                    }
                }
            }
            result
        }
        Connection::SumPooling { .. } | Connection::Identity { .. } => fan_out(&projection.connection),
    }
}

/// `sum_j |count_j| * synapses_j`: forward accumulations with spike counts and [`fan_out`],
/// backward ones with error counts and [`fan_in`] (spikegrad notes 3.6). Entries beyond the
/// shorter slice do not count.
pub fn accumulations<T: Copy + Into<i32>>(counts: &[T], synapses: &[u32]) -> u64 {
    let terms = counts.iter().zip(synapses);
    terms.map(|(&count, &synapses)| u64::from(Into::<i32>::into(count).unsigned_abs()) * u64::from(synapses)).sum()
}

fn is_nonzero(weights: &Weights, index: usize) -> bool {
    match weights {
        Weights::I8(values) => values[index] != 0,
        Weights::I16(values) => values[index] != 0,
        Weights::F32(values) => values[index] != 0.0,
    }
}

/// Along one axis: windows that hold each input coordinate.
fn sources(input: usize, output: usize, window: usize, stride: usize, padding: usize) -> Vec<u32> {
    let windows = |coordinate: usize| {
        let padded = coordinate + padding;
        let end = (padded / stride + 1).min(output);
        let start = if padded < window { 0 } else { (padded - window) / stride + 1 };
        end.saturating_sub(start) as u32
    };
    (0..input).map(windows).collect()
}

/// Along one axis: input coordinates in each window.
fn targets(input: usize, output: usize, window: usize, stride: usize, padding: usize) -> Vec<u32> {
    let coordinates = |position: usize| {
        let start = position * stride;
        (start + window).min(input + padding).saturating_sub(start.max(padding)) as u32
    };
    (0..output).map(coordinates).collect()
}

/// `rows x columns` with `channels` equal neurons per cell, times `factor`.
fn spread(rows: &[u32], columns: &[u32], channels: usize, factor: usize) -> Vec<u32> {
    let cells = rows.iter().flat_map(|row| columns.iter().map(move |column| row * column));
    cells.flat_map(|cell| std::iter::repeat_n(cell * factor as u32, channels)).collect()
}
