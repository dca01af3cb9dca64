//! Which counts the rows of a crossbar get, position by position.

use kernels::ConvolutionShape;

use crate::error::CompilerError;
use crate::program::Geometry;

/// The rows of every output position: all neurons of a population, or a patch of its map.
#[derive(Clone, Debug, PartialEq)]
pub struct Patches {
    neurons: usize,
    rows: usize,
    convolution: Option<ConvolutionShape>,
}

impl Patches {
    /// For a population of `shape` `[channels, height, width]`, channels-last.
    ///
    /// # Errors
    /// [`CompilerError::Kernel`] for a window that does not fit the map.
    pub fn new(geometry: Geometry, shape: [usize; 3]) -> Result<Self, CompilerError> {
        let [channels, height, width] = shape;
        let neurons = channels.checked_mul(height).and_then(|cells| cells.checked_mul(width));
        let neurons = neurons.ok_or_else(|| CompilerError::Columns {
            what: "shape of the population".to_owned(),
            expected: "sizes within the address space".to_owned(),
            found: format!("{shape:?}"),
        })?;
        Ok(match geometry {
            Geometry::Dense {} => Self { neurons, rows: neurons, convolution: None },
            Geometry::Convolution { kernel, stride, padding } => {
                let shape = ConvolutionShape::new([height, width, channels], 1, kernel, stride, padding)?;
                Self { neurons, rows: shape.patch(), convolution: Some(shape) }
            }
        })
    }

    /// Neurons of the population that is read.
    pub fn neurons(&self) -> usize {
        self.neurons
    }

    /// Rows of a position: synapses of one output.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Output positions of an example.
    pub fn positions(&self) -> usize {
        self.convolution.map_or(1, |shape| shape.output_length())
    }

    /// Writes the counts of the rows of one position, 0 outside the map. `example` holds
    /// [`Patches::neurons`] counts, `out` takes [`Patches::rows`].
    pub fn gather(&self, example: &[u8], position: usize, out: &mut [u8]) {
        let Some(shape) = &self.convolution else {
            out.copy_from_slice(example);
            return;
        };
        let channels = shape.input_channels;
        let (row, column) = (position / shape.output_width(), position % shape.output_width());
        let (top, left) = (row * shape.stride[0], column * shape.stride[1]);
        // Kernel columns that lie on the map.
        let first = shape.padding[1].saturating_sub(left).min(shape.kernel[1]);
        let last = (shape.input_width + shape.padding[1]).saturating_sub(left).clamp(first, shape.kernel[1]);
        for (y, out) in out.chunks_exact_mut(shape.kernel[1] * channels).enumerate() {
            let map_row = (top + y).checked_sub(shape.padding[0]).filter(|&map_row| map_row < shape.input_height);
            let Some(map_row) = map_row.filter(|_| first < last) else {
                out.fill(0);
                continue;
            };
            let start = (map_row * shape.input_width + left + first - shape.padding[1]) * channels;
            out[..first * channels].fill(0);
            out[first * channels..last * channels].copy_from_slice(&example[start..][..(last - first) * channels]);
            out[last * channels..].fill(0);
        }
    }

    /// Adds the numbers of some rows of one position, `first` the first of them, to the neurons that drive them: the
    /// transposed of [`Patches::gather`]. `example` holds [`Patches::neurons`] sums.
    pub fn scatter(&self, values: &[i64], position: usize, first: usize, example: &mut [i64]) {
        // Rows of a tap are driven by neighbours.
        let run = self.convolution.map_or(values.len(), |shape| shape.input_channels);
        let mut row = first;
        while row < first + values.len() {
            let end = if self.convolution.is_some() { (row / run + 1) * run } else { row + run };
            let end = end.min(first + values.len());
            if let Some(neuron) = self.neuron(position, row) {
                let sums = example[neuron..].iter_mut();
                sums.zip(&values[row - first..end - first]).for_each(|(sum, &value)| *sum += value);
            }
            row = end;
        }
    }

    /// The neuron that drives a row at an output position; `None` outside the map.
    fn neuron(&self, position: usize, row: usize) -> Option<usize> {
        let Some(shape) = &self.convolution else { return Some(row) };
        let (channel, tap) = (row % shape.input_channels, row / shape.input_channels);
        let (y, x) = (position / shape.output_width(), position % shape.output_width());
        let y = (y * shape.stride[0] + tap / shape.kernel[1]).checked_sub(shape.padding[0])?;
        let x = (x * shape.stride[1] + tap % shape.kernel[1]).checked_sub(shape.padding[1])?;
        let is_inside = y < shape.input_height && x < shape.input_width;
        is_inside.then_some((y * shape.input_width + x) * shape.input_channels + channel)
    }
}
