//! Weights in the forms that the passes multiply with, refreshed once per update.

use kernels::{Engine, PackedMatrix, Parallelism, Store};
use rayon::prelude::*;
use snn::{Bias, Connection, Network, Weights};

use crate::error::SpikegradError;
use crate::plan::Plan;

/// One signed 8-bit digit of a projection's weights, packed for both directions.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    pub forward: PackedMatrix,
    pub backward: Option<PackedMatrix>,
    /// 256^digit.
    pub scale: i32,
}

/// Weights of one projection, ready for the kernels.
#[derive(Clone, Debug, Default)]
pub(crate) struct PreparedProjection {
    /// Digits of integer weights, the highest first; empty for float and fixed weights.
    pub planes: Vec<Plane>,
    /// Mantissas as floats where a float pass needs them.
    pub float: Option<Vec<f32>>,
}

/// Biases of one population in grid units.
#[derive(Clone, Debug, Default)]
pub(crate) struct PreparedBias {
    pub integer: Vec<i32>,
    pub float: Vec<f32>,
}

/// Which forms are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forms {
    /// Packed for error spikes.
    pub backward: bool,
    /// Floats beside integer weights.
    pub float: bool,
}

/// All weights and biases of a network, ready for the kernels.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub projections: Vec<PreparedProjection>,
    pub bias: Vec<Option<PreparedBias>>,
}

impl Prepared {
    /// Allocates and fills all forms from a network's parameters, with the instruction set of `engine` and the threads
    /// of the current pool.
    pub fn new(network: &Network, plan: &Plan, forms: Forms, engine: Engine) -> Result<Self, SpikegradError> {
        let engine = Engine::new(engine.isa(), Parallelism::Rayon)?;
        let matrix = |inner, columns| PackedMatrix::new(inner, columns).map(|matrix| matrix.with_engine(engine));
        let mut projections = Vec::with_capacity(network.projections().len());
        for projection in network.projections() {
            let mut prepared = PreparedProjection::default();
            let digits = match &projection.weights {
                Some(Weights::I8(_)) => 1,
                Some(Weights::I16(_)) => 2,
                Some(Weights::F32(_)) | None => 0,
            };
            for digit in (0..digits).rev() {
                let (inner, columns) = match &projection.connection {
                    Connection::Dense { inputs, outputs } => (*inputs, *outputs),
                    Connection::Convolution(shape) => (shape.patch(), shape.output_channels),
                    Connection::SumPooling { .. } | Connection::Identity { .. } => continue,
                };
                let needs_backward = forms.backward && !plan.is_input(projection.from);
                let backward = needs_backward.then(|| match &projection.connection {
                    Connection::Convolution(shape) => {
                        let taps = shape.kernel[0] * shape.kernel[1] * shape.output_channels;
                        matrix(taps, shape.input_channels)
                    }
                    _ => matrix(columns, inner),
                });
                let backward = backward.transpose()?;
                let forward = matrix(inner, columns)?;
                prepared.planes.push(Plane { forward, backward, scale: 256i32.pow(digit) });
            }
            let needs_float = forms.float || matches!(projection.weights, Some(Weights::F32(_)));
            if let Some(weights) = projection.weights.as_ref().filter(|_| needs_float) {
                prepared.float = Some(vec![0.0; weights.len()]);
            }
            projections.push(prepared);
        }
        let bias =
            network.populations().iter().map(|population| population.bias.as_ref().map(|_| PreparedBias::default()));
        let mut prepared = Self { projections, bias: bias.collect() };
        prepared.refresh(network)?;
        Ok(prepared)
    }

    /// Takes over all weights and biases of the network it was made for.
    pub fn refresh(&mut self, network: &Network) -> Result<(), SpikegradError> {
        let projections = self.projections.par_iter_mut().zip(network.projections());
        projections.try_for_each(|(prepared, projection)| match &projection.weights {
            Some(weights) => prepared.set_weights(&projection.connection, weights),
            None => Ok(()),
        })?;
        for (index, population) in network.populations().iter().enumerate() {
            if let Some(bias) = &population.bias {
                self.set_bias(index, bias);
            }
        }
        Ok(())
    }

    fn set_bias(&mut self, index: usize, bias: &Bias) {
        if let Some(target) = &mut self.bias[index] {
            match bias {
                Bias::Integer(values) => {
                    target.integer.clone_from(values);
                    target.float = values.iter().map(|&value| value as f32).collect();
                }
                Bias::Float(values) => target.float.clone_from(values),
            }
        }
    }
}

impl PreparedProjection {
    fn set_weights(&mut self, connection: &Connection, weights: &Weights) -> Result<(), SpikegradError> {
        match weights {
            Weights::I8(values) => {
                if let Some(plane) = self.planes.first_mut() {
                    plane.pack(connection, values)?;
                }
            }
            Weights::I16(values) => {
                for plane in &mut self.planes {
                    let is_high = plane.scale > 1;
                    let digit = |&value: &i16| if is_high { split(value).0 } else { split(value).1 };
                    plane.pack(connection, &values.par_iter().map(digit).collect::<Vec<i8>>())?;
                }
            }
            Weights::F32(_) => {}
        }
        if let Some(float) = &mut self.float {
            match weights {
                Weights::I8(values) => float.iter_mut().zip(values).for_each(|(out, &value)| *out = f32::from(value)),
                Weights::I16(values) => float.iter_mut().zip(values).for_each(|(out, &value)| *out = f32::from(value)),
                Weights::F32(values) => float.copy_from_slice(values),
            }
        }
        Ok(())
    }
}

impl Plane {
    fn pack(&mut self, connection: &Connection, weights: &[i8]) -> Result<(), SpikegradError> {
        match connection {
            Connection::Convolution(shape) => self.forward.pack_convolution(shape, weights)?,
            _ => self.forward.pack(weights)?,
        }
        match (&mut self.backward, connection) {
            (Some(backward), Connection::Convolution(shape)) => backward.pack_convolution_transposed(shape, weights)?,
            (Some(backward), _) => backward.pack_transposed(weights)?,
            (None, _) => {}
        }
        Ok(())
    }

    /// How this digit's product enters the sum.
    pub fn store(&self) -> Store {
        Store { accumulate: true, scale: self.scale }
    }
}

/// The two signed base-256 digits of a weight, high and low.
fn split(value: i16) -> (i8, i8) {
    let low = value as i8;
    let high = ((i32::from(value) - i32::from(low)) >> 8) as i8;
    (high, low)
}
