//! Where the weights of a network without hidden layer lie.

use super::LearningArray;
use crate::error::CompilerError;
use crate::learning::array::{ArraySettings, ReadSettings, Reader, product};
use crate::learning::device::{DeviceSpecification, DeviceStatistics};

/// Weights that are read and learn.
#[derive(Clone, Debug, PartialEq)]
pub enum Synapses {
    /// Floats, changed as the rule asks: what an array is compared with.
    Float {
        /// `[inputs][outputs]`.
        weights: Vec<f32>,
    },
    /// States of devices.
    Array {
        /// The array.
        array: Box<LearningArray>,
        /// What a read of it is like.
        reader: Box<Reader>,
        /// Settings of reads.
        read: ReadSettings,
        /// Seed of reads.
        seed: u64,
        /// Reads so far.
        reads: u64,
    },
}

impl Synapses {
    /// Float weights of 0.
    pub fn float([inputs, outputs]: [usize; 2]) -> Self {
        Self::Float { weights: vec![0.0; inputs * outputs] }
    }

    /// An array of devices in state 0.
    ///
    /// # Errors
    /// Those of [`LearningArray::draw`] and [`Reader::new`].
    pub fn devices(
        specification: &DeviceSpecification,
        settings: &ArraySettings,
        shape: [usize; 2],
        seed: u64,
    ) -> Result<Self, CompilerError> {
        let array = LearningArray::draw(specification, settings, shape, seed, 0)?;
        let reader = Box::new(Reader::new(&array, &settings.read, seed, 0)?);
        Ok(Self::Array { array: Box::new(array), reader, read: settings.read.clone(), seed, reads: 0 })
    }

    /// Real weights as a read sees them, `[inputs][outputs]`.
    pub fn weights(&self) -> Vec<f32> {
        match self {
            Self::Float { weights } => weights.clone(),
            Self::Array { array, reader, .. } => reader.seen(array.weights()),
        }
    }

    /// Takes wires as the present state has them.
    ///
    /// # Errors
    /// Those of [`Reader::new`].
    pub fn prepare(&mut self) -> Result<(), CompilerError> {
        if let Self::Array { array, reader, read, seed, .. } = self
            && read.wires.is_some()
        {
            **reader = Reader::new(array, read, *seed, 0)?;
        }
        Ok(())
    }

    /// Total inputs of all outputs; `weights` are those of [`Synapses::weights`].
    pub fn read(&mut self, weights: &[f32], inputs: &[f32], totals: &mut [f32]) {
        match self {
            Self::Float { .. } => product(weights, inputs, totals),
            Self::Array { reader, reads, .. } => {
                reader.read(weights, inputs, *reads, totals);
                *reads += 1;
            }
        }
    }

    /// Adds `rate * inputs (outer) errors`.
    ///
    /// # Errors
    /// Those of [`LearningArray::learn`].
    pub fn learn(&mut self, inputs: &[f32], errors: &[f32], rate: f32) -> Result<(), CompilerError> {
        match self {
            Self::Float { weights } => {
                for (row, &input) in weights.chunks_exact_mut(errors.len()).zip(inputs).filter(|(_, x)| **x != 0.0) {
                    row.iter_mut().zip(errors).for_each(|(weight, error)| *weight += rate * input * error);
                }
                Ok(())
            }
            Self::Array { array, .. } => {
                array.set_learning_rate(rate.into());
                array.learn(inputs, errors, rate)?;
                array.relax(1.0)
            }
        }
    }

    /// The array, where there is one.
    pub fn array(&self) -> Option<&LearningArray> {
        match self {
            Self::Float { .. } => None,
            Self::Array { array, .. } => Some(array),
        }
    }

    /// What updates took, array by array; empty for floats.
    pub fn statistics(&self) -> Vec<DeviceStatistics> {
        self.array().map(LearningArray::statistics).unwrap_or_default()
    }
}
