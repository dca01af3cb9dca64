//! Weights and biases of a network, and the ways to set them.

use crate::description::WeightFormat;
use crate::error::SnnError;
use crate::network::Network;

/// Trained weights of a projection as mantissas on the target population's grid.
#[derive(Clone, Debug, PartialEq)]
pub enum Weights {
    /// 8-bit integers, -127..=127.
    I8(Vec<i8>),
    /// 16-bit integers, -32639..=32639.
    I16(Vec<i16>),
    /// Floats in grid units.
    F32(Vec<f32>),
}

impl Weights {
    /// Zero weights of a format.
    pub fn zeros(format: WeightFormat, count: usize) -> Self {
        match format {
            WeightFormat::I8 => Self::I8(vec![0; count]),
            WeightFormat::I16 => Self::I16(vec![0; count]),
            WeightFormat::F32 => Self::F32(vec![0.0; count]),
        }
    }

    /// Their number.
    pub fn len(&self) -> usize {
        match self {
            Self::I8(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their format.
    pub fn format(&self) -> WeightFormat {
        match self {
            Self::I8(_) => WeightFormat::I8,
            Self::I16(_) => WeightFormat::I16,
            Self::F32(_) => WeightFormat::F32,
        }
    }

    /// The weight with an index, in grid units.
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Self::I8(values) => f64::from(values[index]),
            Self::I16(values) => f64::from(values[index]),
            Self::F32(values) => f64::from(values[index]),
        }
    }

    /// Whether all lie within the limits of their format: folds without an early end, which the compiler vectorises.
    pub(crate) fn within_limits(&self) -> bool {
        match self {
            Self::I8(values) => values.iter().fold(0, |largest, &value| largest.max(value as u8 ^ 0x7f)) < 0xff,
            Self::I16(values) => {
                let (low, high) = values.iter().fold((0, 0), |(low, high), &value| (value.min(low), value.max(high)));
                low >= -32639 && high <= 32639
            }
            Self::F32(values) => {
                let magnitude = |value: f32| value.abs().to_bits().cast_signed();
                let largest = values.iter().fold(0, |largest, &value| magnitude(value).max(largest));
                largest < magnitude(f32::INFINITY)
            }
        }
    }
}

/// Biases of a population, one per channel, in grid units.
#[derive(Clone, Debug, PartialEq)]
pub enum Bias {
    /// Integers, with integer weights.
    Integer(Vec<i32>),
    /// Floats, with float weights.
    Float(Vec<f32>),
}

impl Bias {
    /// Zero biases that go with a weight format.
    pub fn zeros(format: WeightFormat, channels: usize) -> Self {
        match format {
            WeightFormat::F32 => Self::Float(vec![0.0; channels]),
            WeightFormat::I8 | WeightFormat::I16 => Self::Integer(vec![0; channels]),
        }
    }

    /// Number of channels.
    pub fn len(&self) -> usize {
        match self {
            Self::Integer(values) => values.len(),
            Self::Float(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bias of a channel.
    pub fn get(&self, channel: usize) -> f64 {
        match self {
            Self::Integer(values) => f64::from(values[channel]),
            Self::Float(values) => f64::from(values[channel]),
        }
    }
}

impl Network {
    /// Replaces the weights of a projection. Call [`Network::check_bounds`] when all are set.
    ///
    /// # Errors
    /// [`SnnError::Parameters`] when number, format or range differ from the description.
    pub fn set_weights(&mut self, projection: usize, weights: Weights) -> Result<(), SnnError> {
        let format = self.weight_format();
        let target = &mut self.projections[projection];
        let count = target.connection.weight_count();
        let fail = |found: String| SnnError::Parameters {
            what: "weights",
            name: target.name.clone(),
            expected: format!("{count} numbers of format {format} within its limits"),
            found,
        };
        if weights.len() != count || weights.format() != format {
            return Err(fail(format!("{} of {}", weights.len(), weights.format())));
        }
        if !weights.within_limits() {
            return Err(fail("a number beyond the limits".to_owned()));
        }
        target.weights = Some(weights);
        Ok(())
    }

    /// Exchanges the weights of a projection with others, so that their memory can be used again.
    /// Call [`Network::check_bounds`] when all are set.
    ///
    /// # Errors
    /// As [`Network::set_weights`]; the weights given are then lost.
    pub fn swap_weights(&mut self, projection: usize, weights: &mut Weights) -> Result<(), SnnError> {
        let format = self.weight_format();
        let old = self.projections[projection].weights.take();
        let new = std::mem::replace(weights, Weights::zeros(format, 0));
        let result = self.set_weights(projection, new);
        if let Some(old) = old {
            match result {
                Ok(()) => *weights = old,
                Err(_) => self.projections[projection].weights = Some(old),
            }
        }
        result
    }

    /// Replaces the bias of a population. Call [`Network::check_bounds`] when all are set.
    ///
    /// # Errors
    /// [`SnnError::Parameters`] when the population has no bias or the number or type differs.
    pub fn set_bias(&mut self, population: usize, bias: Bias) -> Result<(), SnnError> {
        let target = &mut self.populations[population];
        let fits = target
            .bias
            .as_ref()
            .is_some_and(|old| old.len() == bias.len() && std::mem::discriminant(old) == std::mem::discriminant(&bias));
        let finite = !matches!(&bias, Bias::Float(values) if values.iter().any(|value| !value.is_finite()));
        if !fits || !finite {
            return Err(SnnError::Parameters {
                what: "bias",
                name: target.name.clone(),
                expected: match &target.bias {
                    Some(old) => format!("{} finite numbers", old.len()),
                    None => "no bias".to_owned(),
                },
                found: format!("{} numbers", bias.len()),
            });
        }
        target.bias = Some(bias);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Weights;

    #[test]
    fn one_number_beyond_the_limits_is_found_wherever_it_is() {
        for place in [0, 1, 40, 99] {
            let bytes = |value: i8| {
                let mut values: Vec<i8> = (0..100).map(|index| [127, -127, 0, -1][index % 4]).collect();
                values[place] = value;
                Weights::I8(values).within_limits()
            };
            assert!(bytes(-127) && bytes(127) && !bytes(-128));
            let words = |value: i16| {
                let mut values: Vec<i16> = (0..100).map(|index| [32639, -32639, 0, -1][index % 4]).collect();
                values[place] = value;
                Weights::I16(values).within_limits()
            };
            assert!(words(32639) && words(-32639));
            assert!(![32640, -32640, i16::MAX, i16::MIN].into_iter().any(words));
            let floats = |value: f32| {
                let mut values: Vec<f32> = (0..100).map(|index| [f32::MAX, f32::MIN, -0.0, 1e-40][index % 4]).collect();
                values[place] = value;
                Weights::F32(values).within_limits()
            };
            assert!(floats(-3.0) && floats(f32::MIN_POSITIVE));
            assert!(![f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().any(floats));
        }
    }
}
