//! The largest total input a neuron can reach: no sum may leave 32 bits.

use super::{Bias, Connection, Network, Population, Weights};
use crate::error::SnnError;

impl Network {
    /// Checks `sum |weight| * max |spike count| + |bias| <= 2^31 - 1` for every neuron of every
    /// population, with the weights as they are. Sums of float weights are not bounded.
    ///
    /// # Errors
    /// [`SnnError::Overflow`] naming the population and its worst neuron.
    pub fn check_bounds(&self) -> Result<(), SnnError> {
        for population in &self.populations {
            let Some(&first) = population.incoming.first() else { continue };
            if matches!(self.projections[first].weights, Some(Weights::F32(_))) {
                continue;
            }
            if self.bound_for_all_weights(population) <= i128::from(i32::MAX) {
                continue;
            }
            let channels = population.shape.channels;
            let mut bounds = vec![0i128; channels];
            for &index in &population.incoming {
                self.add_channel_bounds(index, &mut bounds);
            }
            if let Some(Bias::Integer(bias)) = &population.bias {
                bounds.iter_mut().zip(bias).for_each(|(bound, &bias)| *bound += i128::from(bias.unsigned_abs()));
            }
            let worst = bounds.iter().enumerate().max_by_key(|(_, bound)| **bound);
            if let Some((neuron, &bound)) = worst.filter(|(_, bound)| **bound > i128::from(i32::MAX)) {
                return Err(SnnError::Overflow { population: population.name.clone(), neuron, bound });
            }
        }
        Ok(())
    }

    /// The largest total input of a neuron whatever the weights of the network's format are.
    fn bound_for_all_weights(&self, population: &Population) -> i128 {
        let largest_weight = self.weight_format().limit() as i128;
        let bias = match &population.bias {
            Some(Bias::Integer(bias)) => bias.iter().map(|bias| bias.unsigned_abs()).max().unwrap_or(0).into(),
            Some(Bias::Float(_)) | None => 0,
        };
        population.incoming.iter().fold(bias, |bound, &index| {
            let projection = &self.projections[index];
            let (synapses, weight) = match &projection.connection {
                Connection::SumPooling { shape, weight } => {
                    (shape.window[0] * shape.window[1], weight.unsigned_abs().into())
                }
                Connection::Identity { weight, .. } => (1, weight.unsigned_abs().into()),
                Connection::Dense { inputs, .. } => (*inputs, largest_weight),
                Connection::Convolution(shape) => (shape.patch(), largest_weight),
            };
            let product = weight.saturating_mul(synapses as i128).saturating_mul(self.largest_count(projection.from));
            bound.saturating_add(product)
        })
    }

    /// The largest magnitude of a spike count of a population.
    fn largest_count(&self, population: usize) -> i128 {
        let source = &self.populations[population];
        source.minimum_count.unsigned_abs().max(source.maximum_count.unsigned_abs()).into()
    }

    /// Adds to each channel the largest contribution that projection `index` can make to one of
    /// its neurons.
    fn add_channel_bounds(&self, index: usize, bounds: &mut [i128]) {
        let projection = &self.projections[index];
        let largest = self.largest_count(projection.from);
        match &projection.connection {
            Connection::SumPooling { shape, weight } => {
                let window = (shape.window[0] * shape.window[1]) as i128;
                bounds.iter_mut().for_each(|bound| *bound += window * i128::from(weight.unsigned_abs()) * largest);
            }
            Connection::Identity { weight, .. } => {
                bounds.iter_mut().for_each(|bound| *bound += i128::from(weight.unsigned_abs()) * largest);
            }
            Connection::Dense { outputs, .. } => {
                let channels = bounds.len();
                let mut worst = vec![0i128; channels];
                for output in 0..*outputs {
                    let channel = output % channels;
                    worst[channel] =
                        worst[channel].max(absolute_row_sum(projection.weights.as_ref(), output, *outputs));
                }
                bounds.iter_mut().zip(worst).for_each(|(bound, sum)| *bound += sum * largest);
            }
            Connection::Convolution(shape) => {
                for (channel, bound) in bounds.iter_mut().enumerate() {
                    *bound += absolute_row_sum(projection.weights.as_ref(), channel, shape.output_channels) * largest;
                }
            }
        }
    }
}

/// sum |weight| over row `row` of a matrix with `rows` rows.
fn absolute_row_sum(weights: Option<&Weights>, row: usize, rows: usize) -> i128 {
    fn slice<T>(values: &[T], row: usize, rows: usize) -> &[T] {
        let length = values.len() / rows.max(1);
        &values[row * length..(row + 1) * length]
    }
    match weights {
        Some(Weights::I8(values)) => {
            slice(values, row, rows).iter().map(|value| u64::from(value.unsigned_abs())).sum::<u64>().into()
        }
        Some(Weights::I16(values)) => {
            slice(values, row, rows).iter().map(|value| u64::from(value.unsigned_abs())).sum::<u64>().into()
        }
        Some(Weights::F32(_)) | None => 0,
    }
}
