//! Error counts of all populations and weight gradients for a group of examples.

use kernels::{Counts, Divisor, Loop, Store, digits_needed, split_digits};
use snn::{Connection, Network};

use super::forward::counts_of;
use super::{Activity, PassContext};
use crate::error::SpikegradError;
use crate::plan::{Ratio, greatest_common_divisor};

/// Sums over examples of `E (outer) S` per projection and of E per channel of a population.
#[derive(Clone, Debug)]
pub(crate) struct Gradients {
    /// Per projection, in the layout of its weights; empty for fixed weights and for those whose
    /// gradient is not wanted here.
    pub weights: Vec<Vec<i32>>,
    /// Per population with a bias.
    pub bias: Vec<Vec<i64>>,
    /// The float twins, used instead where errors are floats.
    pub float_weights: Vec<Vec<f32>>,
    pub float_bias: Vec<Vec<f32>>,
}

impl Gradients {
    /// Zero gradients of all projections but those `left_out`, none when it is empty.
    pub fn new(network: &Network, is_float: bool, left_out: &[bool]) -> Self {
        let weights = |wanted: bool| {
            let count = |(index, p): (usize, &snn::Projection)| {
                let is_left_out = left_out.get(index).copied().unwrap_or(false);
                if wanted && !is_left_out { p.connection.weight_count() } else { 0 }
            };
            network.projections().iter().enumerate().map(count).collect::<Vec<usize>>()
        };
        let bias = |wanted: bool| {
            let count = |p: &snn::Population| p.bias.as_ref().filter(|_| wanted).map_or(0, |bias| bias.len());
            network.populations().iter().map(count).collect::<Vec<usize>>()
        };
        Self {
            weights: weights(!is_float).into_iter().map(|count| vec![0; count]).collect(),
            bias: bias(!is_float).into_iter().map(|count| vec![0; count]).collect(),
            float_weights: weights(is_float).into_iter().map(|count| vec![0.0; count]).collect(),
            float_bias: bias(is_float).into_iter().map(|count| vec![0.0; count]).collect(),
        }
    }

    pub fn is_float(&self) -> bool {
        self.float_weights.iter().any(|values| !values.is_empty())
    }

    pub fn clear(&mut self) {
        self.weights.iter_mut().for_each(|values| values.fill(0));
        self.bias.iter_mut().for_each(|values| values.fill(0));
        self.float_weights.iter_mut().for_each(|values| values.fill(0.0));
        self.float_bias.iter_mut().for_each(|values| values.fill(0.0));
    }
}

/// The largest common denominator of error sums: with 32-bit products, digits of up to 2^32 and
/// kept shares of up to 2^10 the sums stay below 2^126.
pub(crate) const LARGEST_DENOMINATOR: i64 = 1 << 50;

/// Takes an unscaled product of digits, with its scale, out of the totals.
type Take<'t> = dyn FnMut(&mut [i32], i64) + 't;

/// What divides the errors arriving at a population from one projection:
/// `g = G * ratio.numerator / ratio.denominator`.
fn arriving_ratio(context: &PassContext<'_>, projection: usize) -> Ratio {
    let target = &context.plan.populations[context.network.projections()[projection].to];
    let Ratio { numerator, denominator } = target.kept;
    let own = context.own_denominator(projection).unwrap_or(1);
    Ratio::new(denominator, target.error_scale.denominator.saturating_mul(numerator).saturating_mul(own))
}

impl PassContext<'_> {
    /// Propagates `activity.output_errors` down to the lowest population and adds the gradients.
    ///
    /// For every population below the outputs: `g = sum_q W_q^T E_q / threshold_q` as an exact
    /// rational, `Z = clamp(round_half_away(g), -127, 127)`, `E = gate * Z`.
    ///
    /// `samples` are the indices of the examples among the training samples.
    pub fn backward(
        &self,
        activity: &mut Activity,
        gradients: &mut Gradients,
        samples: Option<&[u32]>,
    ) -> Result<(), SpikegradError> {
        for index in (0..self.plan.populations.len()).rev() {
            if self.plan.is_input(index) {
                continue;
            }
            if !self.plan.is_output(index) {
                self.integer_errors(activity, index)?;
            }
            self.count_errors(activity, index);
            self.add_gradients(activity, index, gradients)?;
            self.carried_gradients(activity, index, samples)?;
        }
        Ok(())
    }

    fn integer_errors(&self, activity: &mut Activity, index: usize) -> Result<(), SpikegradError> {
        let length = self.plan.populations[index].neurons * activity.examples;
        let outgoing = &self.network.populations()[index].outgoing;
        let ratios: Vec<Ratio> = outgoing.iter().map(|&projection| arriving_ratio(self, projection)).collect();
        let Some(&first) = ratios.first() else {
            activity.errors[index][..length].fill(0);
            return Ok(());
        };
        let is_exact = outgoing.iter().all(|&projection| self.own_denominator(projection).is_none());
        if is_exact && ratios.iter().all(|&ratio| ratio == first) && self.fits_32_bits(outgoing) {
            let divisor = Divisor::uniform(first.denominator, first.numerator)?;
            if let Some(fired) = self.fire_errors_fused(activity, index, &divisor)? {
                activity.statistics[index].add_backward(fired);
                return Ok(());
            }
            activity.totals[..length].fill(0);
            for &projection in outgoing {
                self.error_product(activity, projection, length, None)?;
            }
            let Activity { totals, gates, errors, statistics, .. } = activity;
            let (gates, errors) = (&gates[index][..length], &mut errors[index][..length]);
            let fired = self.engine.fire_errors(&divisor, &totals[..length], gates, errors)?;
            statistics[index].add_backward(fired);
            return Ok(());
        }
        self.wide_errors(activity, index, length, &ratios)
    }

    /// The general case: several denominators, thresholds per channel, or sums beyond 32 bits.
    fn wide_errors(
        &self,
        activity: &mut Activity,
        index: usize,
        length: usize,
        ratios: &[Ratio],
    ) -> Result<(), SpikegradError> {
        let common = ratios.iter().try_fold(1i64, |common, ratio| {
            (common / greatest_common_divisor(common, ratio.denominator)).checked_mul(ratio.denominator)
        });
        let common = common.filter(|&common| common < LARGEST_DENOMINATOR).ok_or_else(|| SpikegradError::Network {
            problem: format!(
                "the thresholds after population '{}' have no common denominator below 2^50",
                self.network.populations()[index].name
            ),
            remedy: "use thresholds that are powers of two or multiples of each other".to_owned(),
        })?;
        let mut sums = vec![0i128; length];
        for (&projection, ratio) in self.network.populations()[index].outgoing.iter().zip(ratios) {
            let factor = i128::from(ratio.numerator) * i128::from(common / ratio.denominator);
            if self.own_denominator(projection).is_some() {
                let errors = &activity.carried.sums[projection].errors;
                sums.iter_mut().zip(errors).for_each(|(sum, &error)| *sum += i128::from(error) * factor);
                continue;
            }
            activity.totals[..length].fill(0);
            let mut take = |totals: &mut [i32], scale: i64| {
                for (sum, total) in sums.iter_mut().zip(totals.iter_mut()) {
                    *sum += i128::from(*total) * i128::from(scale) * factor;
                    *total = 0;
                }
            };
            self.error_product(activity, projection, length, Some(&mut take))?;
        }
        let Activity { gates, errors, statistics, .. } = activity;
        let common = i128::from(common);
        for ((&sum, &gate), error) in sums.iter().zip(&gates[index]).zip(&mut errors[index]) {
            let rounded = quotient(2 * sum.abs() + common, 2 * common);
            let clamped = rounded.min(127);
            let open = gate != 0;
            *error = if !open {
                0
            } else if sum < 0 {
                -(clamped as i8)
            } else {
                clamped as i8
            };
            statistics[index].error_spikes += u64::from(error.unsigned_abs());
            statistics[index].clipped_errors += u64::from(open && rounded > 127);
        }
        Ok(())
    }

    /// Whether `sum |W| |E|` over the projections stays below 2^31 whatever the weights are.
    fn fits_32_bits(&self, projections: &[usize]) -> bool {
        let mut bound = 0i128;
        for &index in projections {
            let projection = &self.network.projections()[index];
            if self.plan.populations[projection.to].error_scale.factors.is_some() {
                return false;
            }
            let error = self.plan.largest_error(projection.to);
            let (weight, synapses) = match &projection.connection {
                Connection::Dense { outputs, .. } => (self.network.weight_format().limit() as i128, *outputs),
                Connection::Convolution(shape) => {
                    let taps = shape.kernel[0] * shape.kernel[1] * shape.output_channels;
                    (self.network.weight_format().limit() as i128, taps)
                }
                Connection::SumPooling { shape, weight } => {
                    (i128::from(weight.unsigned_abs()), shape.window[0] * shape.window[1])
                }
                Connection::Identity { weight, .. } => (i128::from(weight.unsigned_abs()), 1),
            };
            bound += weight * error * synapses as i128;
        }
        bound <= i128::from(i32::MAX)
    }

    /// Adds W^T E of one projection to `activity.totals`. Without `take` the totals are the whole
    /// sum, which must fit 32 bits. With it, `take` receives the unscaled product of each pair of
    /// digits and its scale, and moves the totals elsewhere.
    fn error_product(
        &self,
        activity: &mut Activity,
        index: usize,
        length: usize,
        mut take: Option<&mut Take<'_>>,
    ) -> Result<(), SpikegradError> {
        let projection = &self.network.projections()[index];
        let examples = activity.examples;
        let factors = self.plan.populations[projection.to].error_scale.factors.as_deref();
        let splits = self.split_errors(activity, projection.to, factors)?;
        let is_plain = take.is_none();
        let Activity { totals, errors, digits, workspace, .. } = activity;
        let totals = &mut totals[..length];
        let target = self.plan.populations[projection.to].neurons * examples;
        let whole = [&errors[projection.to][..if splits == 0 { target } else { 0 }]];
        let split: Vec<&[i8]> = digits.iter().take(splits).map(|digit| &digit[..target]).collect();
        let planes: &[&[i8]] = if splits == 0 { &whole } else { &split };
        for (place, plane) in planes.iter().enumerate() {
            let place_scale = 256i64.pow(place as u32);
            let store = |scale: i32| Store {
                accumulate: true,
                scale: if is_plain { scale.wrapping_mul(place_scale as i32) } else { 1 },
            };
            let mut done = |totals: &mut [i32], scale: i32| {
                if let Some(take) = &mut take {
                    take(totals, i64::from(scale) * place_scale);
                }
            };
            match &projection.connection {
                Connection::SumPooling { shape, weight } => {
                    self.engine.sum_pooling_transposed(shape, examples, plane, store(*weight), totals)?;
                    done(totals, *weight);
                }
                Connection::Identity { neurons, weight } => {
                    let shape = kernels::PoolingShape::new([1, 1, *neurons], [1, 1], [1, 1])?;
                    self.engine.sum_pooling_transposed(&shape, examples, plane, store(*weight), totals)?;
                    done(totals, *weight);
                }
                Connection::Dense { .. } | Connection::Convolution(_) => {
                    for weights in &self.prepared.projections[index].planes {
                        let Some(backward) = &weights.backward else { continue };
                        let store = store(weights.scale);
                        if let Connection::Convolution(shape) = &projection.connection {
                            self.engine
                                .convolution_transposed(shape, examples, plane, backward, store, totals, workspace)?;
                        } else {
                            let errors = Counts::Signed(plane);
                            self.engine.matmul(errors, examples, backward, store, totals, workspace)?;
                        }
                        done(totals, weights.scale);
                    }
                }
            }
        }
        Ok(())
    }

    /// Splits the error counts of a population, times its factors, into signed 8-bit digits when
    /// they do not fit one; returns the number of digits, 0 when the counts serve as they are.
    fn split_errors(
        &self,
        activity: &mut Activity,
        population: usize,
        factors: Option<&[i64]>,
    ) -> Result<usize, SpikegradError> {
        let is_output = self.plan.is_output(population);
        if !is_output && factors.is_none() {
            return Ok(0);
        }
        let length = self.plan.populations[population].neurons * activity.examples;
        let channels = self.plan.populations[population].channels;
        let Activity { errors, output_errors, digits, .. } = activity;
        let error = |position: usize| {
            if is_output {
                i64::from(output_errors[population][position])
            } else {
                i64::from(errors[population][position])
            }
        };
        let mut values = Vec::with_capacity(length);
        let mut largest = 0i64;
        for position in 0..length {
            let value = error(position) * factors.map_or(1, |factors| factors[position % channels]);
            largest = largest.max(value.abs());
            values.push(i32::try_from(value).map_err(|_| SpikegradError::Network {
                problem: format!(
                    "error counts of '{}' times their threshold factors exceed 32 bits",
                    self.network.populations()[population].name
                ),
                remedy: "lower alpha or bring its thresholds closer together".to_owned(),
            })?);
        }
        let needed = digits_needed(largest).max(1);
        digits.resize_with(digits.len().max(needed), Vec::new);
        for digit in &mut digits[..needed] {
            digit.resize(digit.len().max(length), 0);
        }
        let mut planes: Vec<&mut [i8]> = digits[..needed].iter_mut().map(|digit| &mut digit[..length]).collect();
        split_digits(&values, &mut planes)?;
        Ok(needed)
    }

    fn count_errors(&self, activity: &mut Activity, index: usize) {
        let population = &self.plan.populations[index];
        let length = population.neurons * activity.examples;
        let Activity { errors, output_errors, statistics, .. } = activity;
        let accumulations = if self.plan.is_output(index) {
            let errors = &output_errors[index][..length];
            let total: u64 = errors.iter().map(|error| u64::from(error.unsigned_abs())).sum();
            statistics[index].error_spikes += total;
            population.fan_in.weigh(errors, |error| error.unsigned_abs().into())
        } else {
            let errors = &errors[index][..length];
            population.fan_in.weigh_bytes(self.engine, errors, |error| error.unsigned_abs().into())
        };
        statistics[index].update_accumulations += accumulations;
        if self.receives_errors_below(index) {
            statistics[index].backward_accumulations += accumulations;
        }
    }

    /// Whether errors of population `index` cross trained weights to a population below that
    /// takes errors itself.
    pub(super) fn receives_errors_below(&self, index: usize) -> bool {
        let incoming = self.network.populations()[index].incoming.iter();
        incoming
            .map(|&projection| &self.network.projections()[projection])
            .any(|projection| projection.weights.is_some() && !self.plan.is_input(projection.from))
    }

    fn add_gradients(
        &self,
        activity: &mut Activity,
        index: usize,
        gradients: &mut Gradients,
    ) -> Result<(), SpikegradError> {
        let examples = activity.examples;
        let length = self.plan.populations[index].neurons * examples;
        let splits = if self.plan.is_output(index) { self.split_errors(activity, index, None)? } else { 0 };
        let Activity { counts, errors, output_errors, digits, workspace, .. } = activity;
        let bias = &mut gradients.bias[index];
        if !bias.is_empty() {
            if self.plan.is_output(index) {
                sum_channels(bias, output_errors[index][..length].iter().map(|&error| i64::from(error)));
            } else {
                self.engine.vectorised(SumBytes { errors: &errors[index][..length], sums: bias });
            }
        }
        let whole = [&errors[index][..if splits == 0 { length } else { 0 }]];
        let split: Vec<&[i8]> = digits.iter().take(splits).map(|digit| &digit[..length]).collect();
        let planes: &[&[i8]] = if splits == 0 { &whole } else { &split };
        for &incoming in &self.network.populations()[index].incoming {
            let projection = &self.network.projections()[incoming];
            let source = &self.plan.populations[projection.from];
            let input = counts_of(&counts[projection.from], source, examples);
            let out = &mut gradients.weights[incoming];
            if out.is_empty() || self.own_denominator(incoming).is_some() {
                continue;
            }
            for (place, plane) in planes.iter().enumerate() {
                let store = Store { accumulate: true, scale: 256i32.pow(place as u32) };
                match &projection.connection {
                    Connection::Dense { inputs, outputs } => {
                        self.engine.dense_gradient(examples, plane, *outputs, input, *inputs, store, out, workspace)?;
                    }
                    Connection::Convolution(shape) => {
                        self.engine.convolution_gradient(shape, examples, plane, input, store, out, workspace)?;
                    }
                    Connection::SumPooling { .. } | Connection::Identity { .. } => {}
                }
            }
        }
        Ok(())
    }
}

/// A quotient of numbers that are not negative; most fit 64 bits, whose division is several times
/// faster.
fn quotient(dividend: i128, divisor: i128) -> i128 {
    match (u64::try_from(dividend), u64::try_from(divisor)) {
        (Ok(dividend), Ok(divisor)) => i128::from(dividend / divisor),
        _ => dividend / divisor,
    }
}

fn sum_channels(sums: &mut [i64], values: impl Iterator<Item = i64>) {
    let channels = sums.len();
    values.enumerate().for_each(|(position, value)| sums[position % channels] += value);
}

/// Rows of errors whose sums fit 16 bits: 256 * -128 = -2^15.
const SHORT_ROWS: usize = 256;
/// Rows are summed side by side up to this many errors, so that inner loops stay long.
const WIDTH: usize = 512;

/// Adds errors to the sums of their channels.
struct SumBytes<'a> {
    errors: &'a [i8],
    sums: &'a mut [i64],
}

impl Loop for SumBytes<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let channels = self.sums.len();
        let mut partial = vec![0i16; channels * (WIDTH / channels).max(1)];
        for errors in self.errors.chunks(partial.len() * SHORT_ROWS) {
            for row in errors.chunks(partial.len()) {
                partial.iter_mut().zip(row).for_each(|(sum, &error)| *sum += i16::from(error));
            }
            for part in partial.chunks_exact_mut(channels) {
                self.sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += i64::from(std::mem::take(part)));
            }
        }
    }
}
