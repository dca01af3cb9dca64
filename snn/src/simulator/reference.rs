//! The rounded pass in its plainest form: the judge of every faster path.
//!
//! It follows the equations of the crate's first page neuron by neuron in wide integers and
//! shares no code with the simulator or the kernels.

use kernels::Counts;

use crate::description::{NeuronKind, WeightFormat};
use crate::error::SnnError;
use crate::network::{Bias, Connection, Network, Weights};

/// Result of [`reference_counts`]; one entry per population, neurons channels-last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencePass {
    /// Total inputs A in grid units; zero for input populations.
    pub totals: Vec<Vec<i64>>,
    /// Spike counts S; the input counts for inputs, zero for readouts.
    pub counts: Vec<Vec<i32>>,
    /// Gates: `A > 0` for rectified neurons, true for all others.
    pub gates: Vec<Vec<bool>>,
}

/// A / threshold rounded to nearest, halves away from zero.
pub fn round_half_away(total: i64, threshold: i64) -> i64 {
    let (total, threshold) = (i128::from(total), i128::from(threshold));
    let magnitude = (2 * total.abs() + threshold) / (2 * threshold);
    (magnitude * total.signum()) as i64
}

/// Computes totals, counts and gates of one example; `inputs` as [`super::Simulator::run`] takes
/// them.
///
/// # Errors
/// [`SnnError::Input`] when inputs are missing, of wrong length or out of range;
/// [`SnnError::Parameters`] when weights are not integers.
pub fn reference_counts(network: &Network, inputs: &[Counts<'_>]) -> Result<ReferencePass, SnnError> {
    let mut given = inputs.iter();
    let mut pass = ReferencePass { totals: Vec::new(), counts: Vec::new(), gates: Vec::new() };
    for population in network.populations() {
        let neurons = population.shape.neurons();
        let wrong =
            |expected: String, found: String| SnnError::Input { population: population.name.clone(), expected, found };
        if population.neuron == NeuronKind::Input {
            let counts: Vec<i32> = match given.next() {
                Some(Counts::Unsigned(values)) => values.iter().map(|&value| value.into()).collect(),
                Some(Counts::Signed(values)) => values.iter().map(|&value| value.into()).collect(),
                None => return Err(wrong(format!("{neurons} counts"), "none".to_owned())),
            };
            if counts.len() != neurons {
                return Err(wrong(format!("{neurons} counts"), counts.len().to_string()));
            }
            let (low, high) = (population.minimum_count, population.maximum_count);
            if let Some(count) = counts.iter().find(|&&count| count < low || count > high) {
                return Err(wrong(format!("counts of {low}..={high}"), count.to_string()));
            }
            pass.totals.push(vec![0; neurons]);
            pass.counts.push(counts);
            pass.gates.push(vec![true; neurons]);
            continue;
        }
        let mut totals = vec![0i128; neurons];
        if let Some(Bias::Integer(bias)) = &population.bias {
            for (neuron, total) in totals.iter_mut().enumerate() {
                *total = bias[neuron % population.shape.channels].into();
            }
        }
        for &index in &population.incoming {
            let projection = &network.projections()[index];
            let weights = integers(projection.weights.as_ref(), &projection.name)?;
            add_input(&projection.connection, &weights, &pass.counts[projection.from], &mut totals);
        }
        let totals: Vec<i64> = totals.into_iter().map(|total| total as i64).collect();
        let count = |(neuron, &total): (usize, &i64)| {
            if population.neuron == NeuronKind::Readout {
                return 0;
            }
            let rounded = round_half_away(total, population.threshold(neuron % population.shape.channels));
            rounded.clamp(population.minimum_count.into(), population.maximum_count.into()) as i32
        };
        pass.counts.push(totals.iter().enumerate().map(count).collect());
        pass.gates.push(totals.iter().map(|&total| population.neuron != NeuronKind::Relu || total > 0).collect());
        pass.totals.push(totals);
    }
    match given.next() {
        None => Ok(pass),
        Some(_) => Err(SnnError::Input {
            population: "none".to_owned(),
            expected: "counts for the input populations only".to_owned(),
            found: format!("counts for {}", inputs.len()),
        }),
    }
}

fn integers(weights: Option<&Weights>, projection: &str) -> Result<Vec<i128>, SnnError> {
    match weights {
        None => Ok(Vec::new()),
        Some(Weights::I8(values)) => Ok(values.iter().map(|&value| value.into()).collect()),
        Some(Weights::I16(values)) => Ok(values.iter().map(|&value| value.into()).collect()),
        Some(Weights::F32(_)) => Err(SnnError::Parameters {
            what: "weights",
            name: projection.to_owned(),
            expected: format!("integers ({} or {})", WeightFormat::I8, WeightFormat::I16),
            found: WeightFormat::F32.to_string(),
        }),
    }
}

/// `totals += W * counts`, one synapse at a time.
fn add_input(connection: &Connection, weights: &[i128], counts: &[i32], totals: &mut [i128]) {
    match connection {
        Connection::Dense { inputs, outputs } => {
            for output in 0..*outputs {
                for input in 0..*inputs {
                    totals[output] += weights[output * inputs + input] * i128::from(counts[input]);
                }
            }
        }
        Connection::Convolution(shape) => {
            let [kernel_height, kernel_width] = shape.kernel;
            let (channels_in, channels_out) = (shape.input_channels, shape.output_channels);
            for (neuron, total) in totals.iter_mut().enumerate() {
                let channel = neuron % channels_out;
                let (row, column) =
                    (neuron / channels_out / shape.output_width(), neuron / channels_out % shape.output_width());
                for kernel in 0..kernel_height * kernel_width {
                    let y = (row * shape.stride[0] + kernel / kernel_width).checked_sub(shape.padding[0]);
                    let x = (column * shape.stride[1] + kernel % kernel_width).checked_sub(shape.padding[1]);
                    let (Some(y), Some(x)) = (y, x) else { continue };
                    if y >= shape.input_height || x >= shape.input_width {
                        continue;
                    }
                    for source in 0..channels_in {
                        let weight = weights[(channel * kernel_height * kernel_width + kernel) * channels_in + source];
                        *total += weight * i128::from(counts[(y * shape.input_width + x) * channels_in + source]);
                    }
                }
            }
        }
        Connection::SumPooling { shape, weight } => {
            for (neuron, total) in totals.iter_mut().enumerate() {
                let channel = neuron % shape.channels;
                let cell = neuron / shape.channels;
                let (top, left) =
                    (cell / shape.output_width() * shape.stride[0], cell % shape.output_width() * shape.stride[1]);
                for y in top..top + shape.window[0] {
                    for x in left..left + shape.window[1] {
                        let count = counts[(y * shape.input_width + x) * shape.channels + channel];
                        *total += i128::from(*weight) * i128::from(count);
                    }
                }
            }
        }
        Connection::Identity { weight, .. } => {
            for (total, &count) in totals.iter_mut().zip(counts) {
                *total += i128::from(*weight) * i128::from(count);
            }
        }
    }
}
