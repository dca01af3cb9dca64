//! Spike counts of all populations for a group of examples.

use kernels::{Counts, PoolingShape, Store, as_signed};
use snn::random::{Purpose, Stream};
use snn::{Connection, WeightFormat};

use super::{Activity, DropoutPosition, PassContext};
use crate::error::SpikegradError;
use crate::fan_count::sum_bytes;
use crate::plan::{PopulationPlan, Ratio};

impl PassContext<'_> {
    /// Computes spike counts and gates of every population and the logits.
    ///
    /// `input` holds the counts of `examples` examples as bytes (u8, or i8 for a signed input).
    /// With `dropout` the training thresholds apply and dropped neurons stay silent.
    pub fn forward(
        &self,
        activity: &mut Activity,
        input: &[u8],
        examples: usize,
        dropout: Option<DropoutPosition<'_>>,
    ) -> Result<(), SpikegradError> {
        let plan = self.plan;
        activity.examples = examples;
        self.take_inputs(activity, input);
        for index in 0..plan.populations.len() {
            if plan.is_input(index) {
                continue;
            }
            let population = &plan.populations[index];
            let length = population.neurons * examples;
            let trains = dropout.is_some();
            if self.is_driven(index) {
                self.integer_totals(activity, index, trains)?;
                self.carried_totals(activity, index, dropout)?;
                if !population.fires {
                    self.carried_read_out(activity, index, trains);
                    continue;
                }
                let fired = self.carried_fire(activity, index, trains);
                activity.statistics[index].add_forward(fired);
            } else if let Some(fired) = self.fire_fused(activity, index, trains)? {
                activity.statistics[index].add_forward(fired);
            } else if self.network.weight_format() == WeightFormat::F32 {
                self.float_totals(activity, index, trains)?;
                if population.fires {
                    self.float_fire(activity, index, trains);
                }
            } else {
                self.integer_totals(activity, index, trains)?;
                if population.fires {
                    let rule = if trains { &population.training_rule } else { &population.rule };
                    let (counts, gates) = (&mut activity.counts[index][..length], &mut activity.gates[index][..length]);
                    let fired = self.engine.fire(rule, &activity.totals[..length], counts, gates)?;
                    activity.statistics[index].add_forward(fired);
                }
            }
            if !population.fires {
                self.read_out(activity, index, trains);
                continue;
            }
            if plan.is_output(index) {
                self.read_counts(activity, index);
            }
            if let Some(position) = dropout.filter(|_| population.dropped > 0.0) {
                self.drop(activity, index, &position);
            }
            self.count_accumulations(activity, index);
        }
        Ok(())
    }

    fn integer_totals(&self, activity: &mut Activity, index: usize, trains: bool) -> Result<(), SpikegradError> {
        let examples = activity.examples;
        let population = &self.plan.populations[index];
        let Activity { totals, counts, workspace, .. } = activity;
        let totals = &mut totals[..population.neurons * examples];
        match &self.prepared.bias[index] {
            None => totals.fill(0),
            Some(bias) if trains && population.kept != Ratio::ONE => {
                let scaled: Vec<i32> = bias.integer.iter().map(|&bias| scale_bias(bias, population.kept)).collect();
                fill(totals, &scaled);
            }
            Some(bias) => fill(totals, &bias.integer),
        }
        for &incoming in &self.network.populations()[index].incoming {
            if self.carried(incoming).is_some() {
                continue;
            }
            let projection = &self.network.projections()[incoming];
            let source = &self.plan.populations[projection.from];
            let input = counts_of(&counts[projection.from], source, examples);
            match &projection.connection {
                Connection::Dense { .. } => {
                    for plane in &self.prepared.projections[incoming].planes {
                        self.engine.matmul(input, examples, &plane.forward, plane.store(), totals, workspace)?;
                    }
                }
                Connection::Convolution(shape) => {
                    for plane in &self.prepared.projections[incoming].planes {
                        let store = plane.store();
                        self.engine.convolution(shape, examples, input, &plane.forward, store, totals, workspace)?;
                    }
                }
                Connection::SumPooling { shape, weight } => {
                    let store = Store { accumulate: true, scale: *weight };
                    self.engine.sum_pooling(shape, examples, input, store, totals)?;
                }
                Connection::Identity { neurons, weight } => {
                    let store = Store { accumulate: true, scale: *weight };
                    let shape = PoolingShape::new([1, 1, *neurons], [1, 1], [1, 1])?;
                    self.engine.sum_pooling(&shape, examples, input, store, totals)?;
                }
            }
        }
        Ok(())
    }

    /// Logits of a readout: total input / threshold.
    fn read_out(&self, activity: &mut Activity, index: usize, trains: bool) {
        let population = &self.plan.populations[index];
        let kept = if trains { population.kept } else { Ratio::ONE };
        let is_float = self.network.weight_format() == WeightFormat::F32;
        let Activity { logits, totals, float, examples, .. } = activity;
        self.plan.write_outputs(index, *examples, logits, |position| {
            let threshold = self.network.populations()[index].threshold(position % population.channels) as f64;
            let total = if is_float { f64::from(float.totals[position]) } else { f64::from(totals[position]) };
            total / (threshold * kept.value())
        });
    }

    /// The spike counts of an output that fires.
    fn read_counts(&self, activity: &mut Activity, index: usize) {
        let Activity { logits, counts, examples, .. } = activity;
        let (counts, is_signed) = (&counts[index], self.plan.populations[index].is_signed);
        self.plan.write_outputs(index, *examples, logits, |position| {
            if is_signed { f64::from(counts[position] as i8) } else { f64::from(counts[position]) }
        });
    }

    fn drop(&self, activity: &mut Activity, index: usize, position: &DropoutPosition<'_>) {
        let population = &self.plan.populations[index];
        let limit = (population.dropped * 65536.0).round() as u32;
        let mut silenced = 0u64;
        for (example, &sample) in position.samples.iter().enumerate() {
            let place = (u64::from(position.epoch) << 44) | ((index as u64 & 0xfff) << 32) | u64::from(sample);
            let mut stream = Stream::new(position.seed, Purpose::Dropout, place);
            let range = example * population.neurons..(example + 1) * population.neurons;
            let counts = activity.counts[index][range.clone()].chunks_mut(2);
            for (counts, gates) in counts.zip(activity.gates[index][range].chunks_mut(2)) {
                let word = stream.word();
                for (lane, (count, gate)) in counts.iter_mut().zip(gates).enumerate() {
                    if (word >> (16 * lane)) & 0xffff < limit {
                        silenced += magnitude(*count, population.is_signed) as u64;
                        (*count, *gate) = (0, 0);
                    }
                }
            }
        }
        activity.statistics[index].spikes -= silenced;
    }

    /// Takes over the counts of all inputs, `[examples][inputs]`.
    fn take_inputs(&self, activity: &mut Activity, input: &[u8]) {
        let length = self.plan.input_length().max(1);
        for part in &self.plan.inputs {
            let neurons = part.range.len().max(1);
            let counts = activity.counts[part.population].chunks_exact_mut(neurons);
            for (counts, input) in counts.zip(input.chunks_exact(length)) {
                counts.copy_from_slice(&input[part.range.clone()]);
            }
            self.count_input(activity, part.population);
        }
    }

    fn count_input(&self, activity: &mut Activity, index: usize) {
        let population = &self.plan.populations[index];
        let is_active = |count| u32::from(count != 0);
        let input = &activity.counts[index][..population.neurons * activity.examples];
        let statistics = &mut activity.statistics[index];
        statistics.active += sum_bytes(self.engine, input, is_active);
        statistics.spikes += if population.is_signed {
            sum_bytes(self.engine, input, |count| magnitude(count, true))
        } else {
            sum_bytes(self.engine, input, u32::from)
        };
        statistics.forward_accumulations += population.fan_out.weigh_bytes(self.engine, input, is_active);
    }

    fn count_accumulations(&self, activity: &mut Activity, index: usize) {
        let population = &self.plan.populations[index];
        let counts = &activity.counts[index][..population.neurons * activity.examples];
        let accumulations = if population.is_signed {
            population.fan_out.weigh_bytes(self.engine, counts, |count| magnitude(count, true))
        } else {
            population.fan_out.weigh_bytes(self.engine, counts, u32::from)
        };
        activity.statistics[index].forward_accumulations += accumulations;
    }
}

/// |count| of a stored byte.
pub(super) fn magnitude(byte: u8, is_signed: bool) -> u32 {
    if is_signed { u32::from((byte as i8).unsigned_abs()) } else { u32::from(byte) }
}

/// A bias scaled like a threshold: bias * ratio, rounded half away from zero.
pub(crate) fn scale_bias(bias: i32, ratio: Ratio) -> i32 {
    let product = i64::from(bias) * ratio.numerator;
    let rounded = (2 * product.abs() + ratio.denominator) / (2 * ratio.denominator);
    (if product < 0 { -rounded } else { rounded }) as i32
}

fn fill<T: Copy>(totals: &mut [T], bias: &[T]) {
    totals.chunks_exact_mut(bias.len()).for_each(|chunk| chunk.copy_from_slice(bias));
}

pub(super) fn fill_float(totals: &mut [f32], bias: &[f32], factor: f32) {
    for chunk in totals.chunks_exact_mut(bias.len()) {
        chunk.iter_mut().zip(bias).for_each(|(total, &bias)| *total = bias * factor);
    }
}

/// The counts of a population as the kernels take them.
pub(crate) fn counts_of<'c>(counts: &'c [u8], population: &PopulationPlan, examples: usize) -> Counts<'c> {
    let counts = &counts[..population.neurons * examples];
    if population.is_signed { Counts::Signed(as_signed(counts)) } else { Counts::Unsigned(counts) }
}

/// The largest workspace any kernel of both passes asks for.
pub(super) fn workspace_bytes(context: &PassContext<'_>, examples: usize, trains: bool) -> usize {
    let engine = &context.engine;
    let mut bytes = 0;
    for projection in context.network.projections() {
        bytes = bytes.max(context.fused_workspace(&projection.connection, examples, trains));
        bytes = bytes.max(match &projection.connection {
            Connection::Dense { inputs, outputs } => {
                let forward = engine.matmul_workspace(examples, *inputs, *outputs);
                let backward = engine.matmul_workspace(examples, *outputs, *inputs);
                let gradient = engine.dense_gradient_workspace(examples, *outputs, *inputs);
                if trains { forward.max(backward).max(gradient) } else { forward }
            }
            Connection::Convolution(shape) => {
                let forward = engine.convolution_workspace(shape, examples);
                let backward = engine.convolution_transposed_workspace(shape, examples);
                let gradient = engine.convolution_gradient_workspace(shape, examples);
                if trains { forward.max(backward).max(gradient) } else { forward }
            }
            Connection::SumPooling { .. } | Connection::Identity { .. } => 0,
        });
    }
    bytes
}
