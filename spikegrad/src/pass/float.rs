//! The float twin of both passes: for float weights, and for unrounded errors.

use kernels::{ConvolutionShape, float};
use snn::Connection;

use super::forward::fill_float;
use super::{Activity, Gradients, PassContext};
use crate::error::SpikegradError;
use crate::plan::Ratio;

impl PassContext<'_> {
    /// Total inputs of a population from float weights.
    pub(super) fn float_totals(
        &self,
        activity: &mut Activity,
        index: usize,
        trains: bool,
    ) -> Result<(), SpikegradError> {
        let examples = activity.examples;
        let population = &self.plan.populations[index];
        self.load_counts(activity, index);
        let buffers = &mut activity.float;
        let totals = &mut buffers.totals[..population.neurons * examples];
        let kept = if trains { population.kept.value() as f32 } else { 1.0 };
        match &self.prepared.bias[index] {
            None => totals.fill(0.0),
            Some(bias) => fill_float(totals, &bias.float, kept),
        }
        for &incoming in &self.network.populations()[index].incoming {
            let projection = &self.network.projections()[incoming];
            let length = self.plan.populations[projection.from].neurons * examples;
            let input = &buffers.counts[projection.from][..length];
            let weights = self.prepared.projections[incoming].float.as_deref().unwrap_or_default();
            match &projection.connection {
                Connection::Dense { inputs, outputs } => {
                    float::matmul(examples, *inputs, *outputs, input, weights, true, totals)?;
                }
                Connection::Convolution(shape) => {
                    float::convolution(shape, examples, input, weights, true, totals, &mut buffers.workspace)?;
                }
                Connection::SumPooling { shape, weight } => {
                    let sums = &mut buffers.scaled[..totals.len()];
                    float::sum_pooling(shape, examples, input, false, sums)?;
                    totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += *weight as f32 * *sum);
                }
                Connection::Identity { weight, .. } => {
                    totals.iter_mut().zip(input).for_each(|(total, count)| *total += *weight as f32 * count);
                }
            }
        }
        Ok(())
    }

    /// Spike counts and gates from float totals: `S = clamp(round_half_away(A / threshold))`.
    pub(super) fn float_fire(&self, activity: &mut Activity, index: usize, trains: bool) {
        let plan = &self.plan.populations[index];
        let population = &self.network.populations()[index];
        let kept = if trains { plan.kept } else { Ratio::ONE };
        let length = plan.neurons * activity.examples;
        let statistics = &mut activity.statistics[index];
        for position in 0..length {
            let total = f64::from(activity.float.totals[position]);
            let threshold = population.threshold(position % plan.channels) as f64 * kept.value();
            let rounded = (total / threshold).round();
            let count = rounded.clamp(f64::from(plan.low), f64::from(plan.high));
            let gate = total > 0.0 || !plan.is_rectified;
            activity.counts[index][position] = count as i32 as u8;
            activity.gates[index][position] = u8::from(gate);
            statistics.spikes += count.abs() as u64;
            statistics.active += u64::from(gate);
            let is_clipped = rounded > f64::from(plan.high) || (!plan.is_rectified && rounded < f64::from(plan.low));
            statistics.clipped_spikes += u64::from(is_clipped);
        }
    }

    /// Writes the spike counts of the populations before `index` as floats.
    fn load_counts(&self, activity: &mut Activity, index: usize) {
        for &incoming in &self.network.populations()[index].incoming {
            let from = self.network.projections()[incoming].from;
            let plan = &self.plan.populations[from];
            let length = plan.neurons * activity.examples;
            let out = activity.float.counts[from][..length].iter_mut();
            for (out, &byte) in out.zip(&activity.counts[from]) {
                *out = if plan.is_signed { f32::from(byte as i8) } else { f32::from(byte) };
            }
        }
    }

    /// Propagates float errors of the outputs down and adds the gradients. With `is_rounded` the
    /// errors are error spikes held in floats; otherwise nothing is rounded or clipped:
    /// `E = gate * sum_q W_q^T E_q / threshold_q`.
    pub fn float_backward(
        &self,
        activity: &mut Activity,
        gradients: &mut Gradients,
        is_rounded: bool,
    ) -> Result<(), SpikegradError> {
        for index in (0..self.plan.populations.len()).rev() {
            if self.plan.is_input(index) {
                continue;
            }
            if !self.plan.is_output(index) {
                self.float_errors(activity, index, is_rounded)?;
            }
            if is_rounded {
                self.count_float_errors(activity, index);
            }
            self.load_counts(activity, index);
            self.add_float_gradients(activity, index, gradients)?;
        }
        Ok(())
    }

    fn float_errors(&self, activity: &mut Activity, index: usize, is_rounded: bool) -> Result<(), SpikegradError> {
        let examples = activity.examples;
        let length = self.plan.populations[index].neurons * examples;
        let buffers = &mut activity.float;
        buffers.totals[..length].fill(0.0);
        for &outgoing in &self.network.populations()[index].outgoing {
            let projection = &self.network.projections()[outgoing];
            let target = &self.plan.populations[projection.to];
            let size = target.neurons * examples;
            let scaled = &mut buffers.scaled[..size];
            let reciprocal = |channel| target.error_scale.reciprocal(channel) / target.kept.value();
            let reciprocals: Vec<f64> = (0..target.channels).map(reciprocal).collect();
            let errors = buffers.errors[projection.to][..size].chunks_exact(target.channels);
            for (scaled, errors) in scaled.chunks_exact_mut(target.channels).zip(errors) {
                for ((scaled, &error), reciprocal) in scaled.iter_mut().zip(errors).zip(&reciprocals) {
                    *scaled = (f64::from(error) * reciprocal) as f32;
                }
            }
            let totals = &mut buffers.totals[..length];
            let weights = self.prepared.projections[outgoing].float.as_deref().unwrap_or_default();
            match &projection.connection {
                Connection::Dense { inputs, outputs } => {
                    float::matmul_transposed(examples, *outputs, *inputs, scaled, weights, true, totals)?;
                }
                Connection::Convolution(shape) => {
                    let workspace = &mut buffers.workspace;
                    float::convolution_transposed(shape, examples, scaled, weights, true, totals, workspace)?;
                }
                Connection::SumPooling { shape, weight } => {
                    scaled.iter_mut().for_each(|error| *error *= *weight as f32);
                    float::sum_pooling_transposed(shape, examples, scaled, true, totals)?;
                }
                Connection::Identity { weight, .. } => {
                    totals.iter_mut().zip(scaled).for_each(|(total, error)| *total += *weight as f32 * *error);
                }
            }
        }
        let statistics = &mut activity.statistics[index];
        let errors = buffers.errors[index][..length].iter_mut();
        for ((error, &total), &gate) in errors.zip(&buffers.totals).zip(&activity.gates[index]) {
            let open = gate != 0;
            let value = if is_rounded { total.round() } else { total };
            statistics.clipped_errors += u64::from(is_rounded && open && value.abs() > 127.0);
            *error = match (open, is_rounded) {
                (false, _) => 0.0,
                (true, true) => value.clamp(-127.0, 127.0),
                (true, false) => value,
            };
        }
        Ok(())
    }

    fn count_float_errors(&self, activity: &mut Activity, index: usize) {
        let population = &self.plan.populations[index];
        let errors = &activity.float.errors[index][..population.neurons * activity.examples];
        let magnitude = |error: f32| u64::from(error.abs() as u32);
        let total: u64 = errors.iter().map(|&error| magnitude(error)).sum();
        let accumulations = population.fan_in.weigh(errors, magnitude);
        let statistics = &mut activity.statistics[index];
        statistics.error_spikes += total;
        statistics.update_accumulations += accumulations;
        if self.receives_errors_below(index) {
            statistics.backward_accumulations += accumulations;
        }
    }

    fn add_float_gradients(
        &self,
        activity: &mut Activity,
        index: usize,
        gradients: &mut Gradients,
    ) -> Result<(), SpikegradError> {
        let examples = activity.examples;
        let length = self.plan.populations[index].neurons * examples;
        let buffers = &mut activity.float;
        let errors = &buffers.errors[index][..length];
        let bias = &mut gradients.float_bias[index];
        if !bias.is_empty() {
            for errors in errors.chunks_exact(bias.len()) {
                bias.iter_mut().zip(errors).for_each(|(sum, &error)| *sum += error);
            }
        }
        for &incoming in &self.network.populations()[index].incoming {
            let projection = &self.network.projections()[incoming];
            let counts = &buffers.counts[projection.from][..self.plan.populations[projection.from].neurons * examples];
            let out = &mut gradients.float_weights[incoming];
            match &projection.connection {
                Connection::Dense { inputs, outputs } => {
                    float::dense_gradient(examples, *outputs, *inputs, errors, counts, true, out)?;
                }
                Connection::Convolution(shape) => {
                    let workspace = &mut buffers.workspace;
                    float::convolution_gradient(shape, examples, errors, counts, true, out, workspace)?;
                }
                Connection::SumPooling { .. } | Connection::Identity { .. } => {}
            }
        }
        Ok(())
    }
}

/// Floats of workspace that the float kernels ask for.
pub(super) fn workspace_length(context: &PassContext<'_>) -> usize {
    let shapes = context.network.projections().iter().filter_map(|projection| match &projection.connection {
        Connection::Convolution(shape) => Some(shape),
        _ => None,
    });
    shapes.map(|shape: &ConvolutionShape| float::convolution_workspace(shape)).max().unwrap_or(0)
}
