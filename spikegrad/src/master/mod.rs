//! Trained parameters as floats, their momentum, and the rounding onto the weight grid.

mod homeostasis;
mod lanes;
mod standardise;
mod step;
mod update;

pub(crate) use homeostasis::{ChannelActivity, Control};
pub(crate) use lanes::{convert, replace};
pub(crate) use update::{RowGradients, RowScratch, UpdateRates};

use kernels::{Engine, Parallelism};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use snn::random::{Purpose, Stream};
use snn::{Bias, Connection, Network, Population, WeightFormat, Weights};

use crate::error::SpikegradError;
use crate::settings::{Normalisation, TrainingSettings};

/// Float weights (in real units, mantissa * 2^-fraction_bits) and biases (in units of the
/// threshold), with their momentum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Master {
    /// Per projection; empty for fixed weights.
    pub weights: Vec<Vec<f32>>,
    pub weight_momentum: Vec<Vec<f32>>,
    /// Per projection and neuron: running mean square of its gradient, 0 before the first; changed only
    /// where weights turn.
    pub gradient_squares: Vec<Vec<f32>>,
    /// Per population; empty without bias.
    pub bias: Vec<Vec<f32>>,
    pub bias_momentum: Vec<Vec<f32>>,
}

impl Master {
    /// He initialisation on the grid: `N(0, sqrt(2 / fan_in))` rounded to the mantissa, biases 0;
    /// with [`Normalisation::Homeostatic`] the same, not rounded, brought to the constraint.
    pub fn initialise(network: &Network, settings: &TrainingSettings) -> Self {
        let engine = Engine::detect(Parallelism::Serial);
        let mut weights = Vec::with_capacity(network.projections().len());
        for (index, projection) in network.projections().iter().enumerate() {
            let row = row_length(&projection.connection).max(1);
            let mut stream = Stream::new(settings.seed, Purpose::Initialisation, index as u64);
            let spread = (2.0 / row as f32).sqrt();
            let population = &network.populations()[projection.to];
            let unit = unit(population);
            let format = network.weight_format();
            let is_constrained = settings.normalisation == Normalisation::Homeostatic;
            let target = if is_constrained { standardise::target(network, population) } else { None };
            let draw = |_| {
                let normal: f32 = StandardNormal.sample(stream.generator());
                let value = normal * spread;
                match format {
                    WeightFormat::F32 => value,
                    _ if target.is_some() => value,
                    _ => mantissa(value, unit, format.limit()) / unit,
                }
            };
            let mut values = (0..projection.connection.weight_count()).map(draw).collect::<Vec<f32>>();
            if let Some(target) = target {
                values.chunks_exact_mut(row).for_each(|row| standardise::standardise(engine, row, target));
            }
            weights.push(values);
        }
        Self::with_weights(network, weights)
    }

    /// The parameters of a network as they are.
    pub fn from_network(network: &Network) -> Self {
        let weights = network.projections().iter().map(|projection| {
            let unit = unit(&network.populations()[projection.to]);
            let count = projection.connection.weight_count();
            let weights = projection.weights.as_ref();
            (0..count).map(|index| weights.map_or(0.0, |w| w.get(index) as f32 / unit)).collect()
        });
        let mut master = Self::with_weights(network, weights.collect());
        for (target, population) in master.bias.iter_mut().zip(network.populations()) {
            if let Some(bias) = &population.bias {
                for (channel, value) in target.iter_mut().enumerate() {
                    *value = (bias.get(channel) / population.threshold(channel) as f64) as f32;
                }
            }
        }
        master
    }

    fn with_weights(network: &Network, weights: Vec<Vec<f32>>) -> Self {
        let zeros = |values: &[Vec<f32>]| values.iter().map(|v| vec![0.0; v.len()]).collect::<Vec<_>>();
        let bias: Vec<Vec<f32>> =
            network.populations().iter().map(|p| vec![0.0; p.bias.as_ref().map_or(0, Bias::len)]).collect();
        let rows = weights.iter().zip(network.projections());
        let rows = rows.map(|(values, projection)| values.len() / row_length(&projection.connection).max(1));
        let gradient_squares = rows.map(|rows| vec![0.0; rows]).collect();
        Self { weight_momentum: zeros(&weights), gradient_squares, bias_momentum: zeros(&bias), weights, bias }
    }

    /// Writes the parameters, rounded onto the grid, into a network.
    ///
    /// # Errors
    /// [`SpikegradError::Snn`] when a parameter is no finite number.
    pub fn write_to(&self, network: &mut Network) -> Result<(), SpikegradError> {
        let format = network.weight_format();
        let limit = format.limit();
        for (index, values) in self.weights.iter().enumerate() {
            if values.is_empty() {
                continue;
            }
            let unit = unit(&network.populations()[network.projections()[index].to]);
            let weights = match format {
                WeightFormat::I8 => Weights::I8(values.par_iter().map(|&v| mantissa(v, unit, limit) as i8).collect()),
                WeightFormat::I16 => {
                    Weights::I16(values.par_iter().map(|&v| mantissa(v, unit, limit) as i16).collect())
                }
                WeightFormat::F32 => Weights::F32(values.par_iter().map(|&v| v * unit).collect()),
            };
            network.set_weights(index, weights)?;
        }
        self.write_biases(network)
    }

    /// Writes the biases, rounded onto the grid, into a network.
    ///
    /// # Errors
    /// [`SpikegradError::Snn`] when a bias is no finite number.
    pub fn write_biases(&self, network: &mut Network) -> Result<(), SpikegradError> {
        let format = network.weight_format();
        for (index, values) in self.bias.iter().enumerate() {
            if values.is_empty() {
                continue;
            }
            let population = &network.populations()[index];
            let scaled =
                values.iter().enumerate().map(|(channel, &v)| f64::from(v) * population.threshold(channel) as f64);
            let bias = match format {
                WeightFormat::F32 => Bias::Float(scaled.map(|v| v as f32).collect()),
                _ => Bias::Integer(scaled.map(|v| v.round().clamp(-LARGEST_BIAS, LARGEST_BIAS) as i32).collect()),
            };
            network.set_bias(index, bias)?;
        }
        Ok(())
    }

    /// Number of weights beyond the limit of their mantissa, per projection.
    pub fn clipped_weights(&self, network: &Network) -> Vec<u64> {
        let limit = network.weight_format().limit();
        let clipped = self.weights.iter().zip(network.projections()).map(|(values, projection)| {
            let largest = (limit + 0.5) / unit(&network.populations()[projection.to]);
            values.iter().filter(|value| value.abs() >= largest).count() as u64
        });
        clipped.collect()
    }

    /// Whether all parameters are finite numbers.
    pub fn is_finite(&self) -> bool {
        let all = |values: &[Vec<f32>]| values.iter().flatten().all(|value| value.is_finite());
        all(&self.weights) && all(&self.bias)
    }
}

/// The largest magnitude of an integer bias.
const LARGEST_BIAS: f64 = (1 << 30) as f64;

/// Grid units in 1.0: 2^fraction_bits.
fn unit(population: &Population) -> f32 {
    (1u64 << population.fraction_bits) as f32
}

fn mantissa(value: f32, unit: f32, limit: f32) -> f32 {
    (value * unit).round().clamp(-limit, limit)
}

/// Weights into one output channel or output neuron: those of one row of the weight matrix.
fn row_length(connection: &Connection) -> usize {
    match connection {
        Connection::Dense { inputs, .. } => *inputs,
        Connection::Convolution(shape) => shape.patch(),
        Connection::SumPooling { .. } | Connection::Identity { .. } => 1,
    }
}
