//! One step of momentum descent, a block of neurons at a time.

use std::ops::Range;
use std::sync::Arc;

use kernels::{Engine, Workspace};
use rayon::prelude::*;
use snn::{Connection, Weights};

use super::homeostasis::{ChannelActivity, Control};
use super::step::{Hold, Neuron, Step};
use super::{Master, row_length, standardise, unit};
use crate::error::SpikegradError;
use crate::pass::PassContext;
use crate::settings::{Gradient, Normalisation, TrainingSettings};

/// Weights of a block, about: its gradient stays in the cache.
const BLOCK_WEIGHTS: usize = 1 << 18;
/// Neurons of a block, at least: the gradient of a convolution packs its counts once a block, that
/// of a dense projection is best with few long rows.
const CONVOLUTION_NEURONS: usize = 64;
const DENSE_NEURONS: usize = 8;
/// Neurons of a block are a multiple of this, which fills a register.
const REGISTER_NEURONS: usize = 8;

/// Gradients summed over the examples of a batch.
pub(crate) trait RowGradients: Sync {
    /// Adds the gradient of `rows` of a projection's weight matrix to `out`.
    fn add_rows(
        &self,
        projection: usize,
        rows: Range<usize>,
        scratch: &mut RowScratch,
        out: &mut [f32],
    ) -> Result<(), SpikegradError>;

    /// What the gradient of a projection is to be divided by.
    fn denominator(&self, projection: usize) -> f64;

    /// The gradient of a bias: the sum of the errors of its channel. Populations without bias have
    /// none.
    fn bias(&self, population: usize, channel: usize) -> f64;

    /// What a channel did in the batch.
    fn activity(&self, population: usize, channel: usize) -> ChannelActivity;
}

/// Scratch of one task.
#[derive(Default)]
pub(crate) struct RowScratch {
    pub sums: Vec<i64>,
    pub part: Vec<i32>,
    pub workspace: Workspace,
}

/// Rates of one update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpdateRates {
    pub learning_rate: f64,
    /// That of held weights in units of their root mean square; 0 for the learning rate.
    pub turning_rate: f64,
    pub control: Control,
    /// Examples in the batch.
    pub examples: usize,
}

/// Takes the mean of the inputs out of a gradient: `dW_k -= sum(E) * mean(S_k)`. What a common
/// shift of the inputs does is the bias's to learn (Schraudolph, *Centering neural network
/// gradient factors*, 1998).
fn centre(gradient: &mut [f32], errors: f32, means: &[f32]) {
    for inputs in gradient.chunks_mut(means.len().max(1)) {
        inputs.iter_mut().zip(means).for_each(|(gradient, mean)| *gradient -= errors * mean);
    }
}

/// What all blocks of a projection share.
struct Shared {
    projection: usize,
    target: usize,
    channels: usize,
    /// Whether each row of the weights has a channel of its own, with a bias.
    rows_have_bias: bool,
    /// Weights of a neuron.
    row: usize,
    unit: f32,
    /// Neurons of a block.
    neurons: usize,
    /// From integer gradients to those with respect to real weights, one or one a channel.
    factors: Vec<f32>,
    /// Mean spike count of each input channel.
    means: Vec<f32>,
    /// The root mean square that the weights start with, when they are held.
    initial: Option<f32>,
}

impl Shared {
    fn new(
        context: &PassContext<'_>,
        settings: &TrainingSettings,
        share: f64,
        gradients: &dyn RowGradients,
        index: usize,
    ) -> Self {
        let network = context.network;
        let projection = &network.projections()[index];
        let plan = &context.plan.populations[projection.to];
        let population = &network.populations()[projection.to];
        let unit = unit(population);
        let divisor = plan.kept.value() * gradients.denominator(index);
        let factor = |channel: usize| (share * f64::from(unit) * plan.error_scale.reciprocal(channel) / divisor) as f32;
        let is_held = settings.normalisation == Normalisation::Homeostatic;
        let inputs = network.populations()[projection.from].shape.channels;
        let row = row_length(&projection.connection).max(1);
        let rows = projection.connection.weight_count() / row;
        let channels = population.shape.channels;
        Self {
            projection: index,
            target: projection.to,
            channels,
            rows_have_bias: rows == channels && population.bias.is_some(),
            row,
            unit,
            neurons: block_neurons(&projection.connection, rows),
            factors: (0..population.thresholds.len()).map(factor).collect(),
            means: (0..inputs).map(|channel| gradients.activity(projection.from, channel).mean as f32).collect(),
            initial: if is_held { standardise::target(network, population) } else { None },
        }
    }
}

/// The block of a projection's weights that one task updates.
struct Block<'a> {
    shared: Arc<Shared>,
    /// Its first neuron.
    first: usize,
    weights: &'a mut [f32],
    velocities: &'a mut [f32],
    /// One a neuron.
    squares: &'a mut [f32],
    mantissas: Mantissas<'a>,
}

impl Block<'_> {
    fn update(
        self,
        step: Step,
        engine: Engine,
        gradients: &dyn RowGradients,
        scratch: &mut RowScratch,
        gradient: &mut Vec<f32>,
    ) -> Result<(), SpikegradError> {
        let Self { shared, first, weights, velocities, squares, mantissas } = self;
        let row = shared.row;
        gradient.clear();
        gradient.resize(weights.len(), 0.0);
        gradients.add_rows(shared.projection, first..first + weights.len() / row, scratch, gradient)?;
        let state = weights.chunks_exact_mut(row).zip(velocities.chunks_exact_mut(row)).zip(squares);
        let state = state.map(|((weights, velocities), square)| Neuron { weights, velocities, square });
        for (neuron, (gradient, mut state)) in gradient.chunks_exact_mut(row).zip(state).enumerate() {
            let channel = (first + neuron) % shared.channels;
            let hold = shared.initial.map(|initial| {
                let scale = step.control.scale(gradients.activity(shared.target, channel)) as f32;
                Hold { initial, scale }
            });
            if hold.is_some() && shared.rows_have_bias {
                centre(gradient, gradients.bias(shared.target, channel) as f32, &shared.means);
            }
            let factor = shared.factors[channel % shared.factors.len()];
            gradient.iter_mut().for_each(|gradient| *gradient *= factor);
            step.apply(hold, gradient, &mut state);
        }
        mantissas.write(engine, weights, shared.unit)
    }
}

/// Where rounded weights go.
enum Mantissas<'a> {
    I8(&'a mut [i8]),
    I16(&'a mut [i16]),
    F32(&'a mut [f32]),
}

impl Master {
    /// Momentum descent: `v = momentum * v + gradient + weight_decay * w ; w -= learning_rate * v`,
    /// then the constraint and the control of [`Normalisation::Homeostatic`]; weights that turn follow
    /// [`TrainingSettings::turning_rate`]. Writes the weights, rounded onto the
    /// grid, to `rounded`; the biases stay to be written.
    ///
    /// The gradient with respect to a real weight is `E S 2^f / (threshold * kept)`, averaged
    /// over the batch and divided by alpha.
    ///
    /// # Errors
    /// Those of the gradients.
    pub fn update(
        &mut self,
        context: &PassContext<'_>,
        settings: &TrainingSettings,
        rates: UpdateRates,
        gradients: &dyn RowGradients,
        rounded: &mut [Option<Weights>],
    ) -> Result<(), SpikegradError> {
        let &PassContext { network, engine, .. } = context;
        let alpha = if settings.gradient == Gradient::Spike { settings.alpha } else { 1.0 };
        let share = 1.0 / (alpha * rates.examples.max(1) as f64);
        let momentum = settings.momentum as f32;
        let step = Step {
            momentum,
            rate: rates.learning_rate as f32,
            turning: rates.turning_rate as f32,
            decay: settings.weight_decay as f32,
            control: rates.control,
        };
        let mut tasks = Vec::new();
        let state = self.weights.iter_mut().zip(&mut self.weight_momentum).zip(&mut self.gradient_squares);
        for (index, (((weights, velocities), squares), rounded)) in state.zip(rounded).enumerate() {
            if let Some(rounded) = rounded {
                let shared = Arc::new(Shared::new(context, settings, share, gradients, index));
                tasks.extend(blocks(&shared, weights, velocities, squares, rounded));
            }
        }
        let tasks = tasks.into_par_iter().with_max_len(1);
        tasks.try_for_each_init(Default::default, |(scratch, gradient), block| {
            block.update(step, engine, gradients, scratch, gradient)
        })?;
        let rate = (rates.learning_rate * settings.bias_rate) as f32;
        for (index, (bias, velocities)) in self.bias.iter_mut().zip(&mut self.bias_momentum).enumerate() {
            let is_held = settings.normalisation == Normalisation::Homeostatic && network.populations()[index].fires();
            for (channel, (bias, velocity)) in bias.iter_mut().zip(velocities).enumerate() {
                *velocity = momentum * *velocity + (gradients.bias(index, channel) * share) as f32;
                *bias -= rate * *velocity;
                if is_held {
                    *bias += rates.control.bias_shift(gradients.activity(index, channel)) as f32;
                }
            }
        }
        Ok(())
    }
}

/// Neurons of a block: as many as keep its gradient in the cache, and at least a block a thread.
fn block_neurons(connection: &Connection, rows: usize) -> usize {
    let least = if matches!(connection, Connection::Convolution(_)) { CONVOLUTION_NEURONS } else { DENSE_NEURONS };
    let fitting = (BLOCK_WEIGHTS / row_length(connection).max(1)).max(least);
    let share = rows.div_ceil(rayon::current_num_threads());
    fitting.min(share.max(1)).next_multiple_of(REGISTER_NEURONS)
}

/// Cuts the weights of a projection into blocks.
fn blocks<'a>(
    shared: &Arc<Shared>,
    weights: &'a mut [f32],
    velocities: &'a mut [f32],
    squares: &'a mut [f32],
    rounded: &'a mut Weights,
) -> Vec<Block<'a>> {
    let length = shared.neurons * shared.row;
    let mantissas: Vec<Mantissas<'a>> = match rounded {
        Weights::I8(values) => values.chunks_mut(length).map(Mantissas::I8).collect(),
        Weights::I16(values) => values.chunks_mut(length).map(Mantissas::I16).collect(),
        Weights::F32(values) => values.chunks_mut(length).map(Mantissas::F32).collect(),
    };
    let state = weights.chunks_mut(length).zip(velocities.chunks_mut(length));
    let state = state.zip(squares.chunks_mut(shared.neurons)).zip(mantissas);
    let block = |(place, (((weights, velocities), squares), mantissas))| Block {
        shared: Arc::clone(shared),
        first: place * shared.neurons,
        weights,
        velocities,
        squares,
        mantissas,
    };
    state.enumerate().map(block).collect()
}

impl Mantissas<'_> {
    /// Rounds weights onto the grid.
    fn write(self, engine: Engine, weights: &[f32], unit: f32) -> Result<(), SpikegradError> {
        match self {
            Mantissas::I8(out) => engine.round_to_grid(weights, unit, 127, out)?,
            Mantissas::I16(out) => engine.round_to_wide_grid(weights, unit, 32639, out)?,
            Mantissas::F32(out) => out.iter_mut().zip(weights).for_each(|(out, &weight)| *out = weight * unit),
        }
        Ok(())
    }
}
