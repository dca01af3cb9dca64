//! Populations with one projection: product, threshold and gate in one pass over a panel of totals.

use kernels::{Divisor, FiringStatistics};
use snn::{Connection, WeightFormat};

use super::forward::{counts_of, scale_bias};
use super::{Activity, PassContext};
use crate::error::SpikegradError;
use crate::plan::Ratio;

impl PassContext<'_> {
    /// Computes counts and gates of a population that a single projection drives, through weights
    /// of one digit or unit pooling; `None` for all others.
    pub(super) fn fire_fused(
        &self,
        activity: &mut Activity,
        index: usize,
        trains: bool,
    ) -> Result<Option<FiringStatistics>, SpikegradError> {
        let [incoming] = self.network.populations()[index].incoming[..] else { return Ok(None) };
        if self.network.weight_format() == WeightFormat::F32 || !self.plan.populations[index].fires {
            return Ok(None);
        }
        let projection = &self.network.projections()[incoming];
        let population = &self.plan.populations[index];
        let examples = activity.examples;
        let length = population.neurons * examples;
        let Activity { counts, gates, workspace, .. } = activity;
        let Some((sources, targets)) = counts.split_at_mut_checked(index) else { return Ok(None) };
        let Some(source) = sources.get(projection.from) else { return Ok(None) };
        let input = counts_of(source, &self.plan.populations[projection.from], examples);
        let (counts, gates) = (&mut targets[0][..length], &mut gates[index][..length]);
        let rule = if trains { &population.training_rule } else { &population.rule };
        let scaled: Vec<i32>;
        let bias = match &self.prepared.bias[index] {
            Some(bias) if trains && population.kept != Ratio::ONE => {
                scaled = bias.integer.iter().map(|&bias| scale_bias(bias, population.kept)).collect();
                Some(&scaled[..])
            }
            bias => bias.as_ref().map(|bias| &bias.integer[..]),
        };
        let planes = &self.prepared.projections[incoming].planes[..];
        let fired = match (&projection.connection, planes) {
            (Connection::Dense { outputs, .. }, [plane]) if bias.is_none_or(|bias| bias.len() == *outputs) => {
                self.engine.matmul_fire(input, examples, &plane.forward, bias, rule, counts, gates, workspace)?
            }
            (Connection::Convolution(shape), [plane]) => self.engine.convolution_fire(
                shape,
                examples,
                input,
                &plane.forward,
                bias,
                rule,
                counts,
                gates,
                workspace,
            )?,
            (Connection::SumPooling { shape, weight: 1 }, _) if bias.is_none() => {
                self.engine.sum_pooling_fire(shape, examples, input, rule, counts, gates, workspace)?
            }
            _ => return Ok(None),
        };
        Ok(Some(fired))
    }

    /// Computes the error counts of a population that projects to a single other one, through
    /// weights of one digit or unit pooling; `None` for all others. The sums fit 32 bits.
    pub(super) fn fire_errors_fused(
        &self,
        activity: &mut Activity,
        index: usize,
        divisor: &Divisor,
    ) -> Result<Option<FiringStatistics>, SpikegradError> {
        let [outgoing] = self.network.populations()[index].outgoing[..] else { return Ok(None) };
        let projection = &self.network.projections()[outgoing];
        if self.plan.is_output(projection.to) || projection.to <= index {
            return Ok(None);
        }
        let examples = activity.examples;
        let length = self.plan.populations[index].neurons * examples;
        let target = self.plan.populations[projection.to].neurons * examples;
        let Activity { errors, gates, workspace, .. } = activity;
        let (below, above) = errors.split_at_mut(projection.to);
        let above = &above[0][..target];
        let (gates, out) = (&gates[index][..length], &mut below[index][..length]);
        let planes = &self.prepared.projections[outgoing].planes[..];
        let backward = match planes {
            [plane] => plane.backward.as_ref(),
            _ => None,
        };
        let fired = match (&projection.connection, backward) {
            (Connection::Dense { .. }, Some(weights)) => {
                self.engine.matmul_fire_errors(above, examples, weights, divisor, gates, out, workspace)?
            }
            (Connection::Convolution(shape), Some(weights)) => self
                .engine
                .convolution_transposed_fire_errors(shape, examples, above, weights, divisor, gates, out, workspace)?,
            (Connection::SumPooling { shape, weight: 1 }, _) => self
                .engine
                .sum_pooling_transposed_fire_errors(shape, examples, above, divisor, gates, out, workspace)?,
            _ => return Ok(None),
        };
        Ok(Some(fired))
    }

    /// Bytes of workspace that both take for a projection.
    pub(super) fn fused_workspace(&self, connection: &Connection, examples: usize, trains: bool) -> usize {
        let engine = &self.engine;
        let (forward, backward) = match connection {
            Connection::Dense { inputs, outputs } => (
                engine.matmul_fire_workspace(examples, *inputs, *outputs),
                engine.matmul_fire_workspace(examples, *outputs, *inputs),
            ),
            Connection::Convolution(shape) => (
                engine.convolution_fire_workspace(shape, examples),
                engine.convolution_transposed_fire_errors_workspace(shape, examples),
            ),
            Connection::SumPooling { shape, .. } => (
                engine.sum_pooling_fire_workspace(shape, examples),
                engine.sum_pooling_transposed_fire_errors_workspace(shape, examples),
            ),
            Connection::Identity { .. } => (0, 0),
        };
        if trains { forward.max(backward) } else { forward }
    }
}
