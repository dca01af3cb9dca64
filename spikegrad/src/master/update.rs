//! One step of momentum descent, a block of neurons at a time.

use std::ops::Range;
use std::sync::Arc;

use kernels::{Engine, Workspace};
use rayon::prelude::*;
use snn::{Connection, Weights};

use super::homeostasis::{ChannelActivity, Control};
use super::lanes::{convert, replace, replace_with};
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
/// Weights of a neuron that are updated together where they need not all be: they stay in the nearest cache.
const PIECE: usize = 2048;
/// Neurons of a block are a multiple of this, which fills a register.
const REGISTER_NEURONS: usize = 8;

/// Gradients summed over the examples of a batch.
pub(crate) trait RowGradients: Sync {
    /// Prepares in `scratch` the gradient of `rows` of a projection's weight matrix, each of `length` weights.
    fn prepare_rows(
        &self,
        projection: usize,
        rows: Range<usize>,
        length: usize,
        scratch: &mut RowScratch,
    ) -> Result<(), SpikegradError>;

    /// Writes `factor` times the gradient of the weights `places`, which lie in the rows prepared last, to `out`.
    fn write(&self, projection: usize, places: Range<usize>, factor: f32, scratch: &mut RowScratch, out: &mut [f32]);

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
    /// The first weight of the rows prepared last.
    pub first: usize,
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
fn centre(engine: Engine, gradient: &mut [f32], errors: f32, means: &[f32]) {
    replace_with(engine, gradient, means, |gradient, mean| gradient - errors * mean);
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
        gradients: &dyn RowGradients,
        scratch: &mut RowScratch,
        gradient: &mut Vec<f32>,
    ) -> Result<(), SpikegradError> {
        let Self { shared, first, weights, velocities, squares, mut mantissas } = self;
        let (row, projection) = (shared.row, shared.projection);
        gradients.prepare_rows(projection, first..first + weights.len() / row, row, scratch)?;
        let piece = if shared.initial.is_some() { row } else { row.min(PIECE) };
        if gradient.len() < piece {
            gradient.resize(piece, 0.0);
        }
        let state = weights.chunks_exact_mut(row).zip(velocities.chunks_exact_mut(row)).zip(squares);
        for (neuron, ((weights, velocities), square)) in state.enumerate() {
            let channel = (first + neuron) % shared.channels;
            let factor = shared.factors[channel % shared.factors.len()];
            let hold = shared.initial.map(|initial| {
                let scale = step.control.scale(gradients.activity(shared.target, channel)) as f32;
                Hold { initial, scale }
            });
            let mut place = (first + neuron) * row;
            for (weights, velocities) in weights.chunks_mut(piece).zip(velocities.chunks_mut(piece)) {
                let gradient = &mut gradient[..weights.len()];
                let places = place..place + weights.len();
                place = places.end;
                if hold.is_some() && shared.rows_have_bias {
                    gradients.write(projection, places, 1.0, scratch, gradient);
                    let errors = gradients.bias(shared.target, channel) as f32;
                    centre(step.engine, gradient, errors, &shared.means);
                    replace(step.engine, gradient, |gradient| gradient * factor);
                } else {
                    gradients.write(projection, places, factor, scratch, gradient);
                }
                step.apply(hold, gradient, &mut Neuron { weights, velocities, square });
                mantissas.write_next(step.engine, weights, shared.unit)?;
            }
        }
        Ok(())
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
            engine,
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
            block.update(step, gradients, scratch, gradient)
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
    /// Rounds weights onto the grid, into as many of the mantissas as come next.
    fn write_next(&mut self, engine: Engine, weights: &[f32], unit: f32) -> Result<(), SpikegradError> {
        match self {
            Mantissas::I8(out) => engine.round_to_grid(weights, unit, 127, next(out, weights.len()))?,
            Mantissas::I16(out) => engine.round_to_wide_grid(weights, unit, 32639, next(out, weights.len()))?,
            Mantissas::F32(out) => convert(engine, weights, next(out, weights.len()), |weight| weight * unit),
        }
        Ok(())
    }
}

/// Takes the first `count` values off a slice.
fn next<'a, T>(values: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let (taken, rest) = std::mem::take(values).split_at_mut(count);
    *values = rest;
    taken
}
