//! What projections run on during training, in place of exact products: the hook for hardware.

use std::any::Any;
use std::fmt::Debug;

use kernels::Counts;
use serde::{Deserialize, Serialize};
use snn::Network;

use crate::error::SpikegradError;
use crate::trainer::Position;

/// Scratch memory of one thread; a [`Substrate`] makes it and knows what is inside.
pub type SubstrateScratch = Box<dyn Any + Send + Sync>;

/// Hardware that some projections run on. [`crate::Trainer`] asks it for their currents, and trains
/// its parameters with the error spikes of the population that the currents enter:
///
/// ```text
/// A = bias + sum over exact projections W S + sum over carried ones  currents(S) / 2^grid_bits
/// d loss / d parameter = sum over the examples  E / (alpha * threshold) * dA / d parameter
/// ```
///
/// All sums are integers, and the result for an example depends on that example alone, so that
/// neither the split of a batch nor the number of threads changes a run.
pub trait Substrate: Debug + Send + Sync {
    /// Everything that determines what it does besides weights and parameters. A checkpoint is only
    /// continued with the substrate it was made with.
    fn identity(&self) -> String;

    /// Takes over the weights of the network: before the first pass, after every update and
    /// between epochs. `position` is that of the next update.
    ///
    /// # Errors
    /// When the hardware cannot hold the network.
    fn refresh(&mut self, network: &Network, position: &Position) -> Result<(), SpikegradError>;

    /// Rounds mantissas of a projection to those that the hardware can hold.
    fn constrain(&self, projection: usize, mantissas: &mut [i8]);

    /// Takes over what an update asks of a projection: `weights`, real weights before rounding, and their `mantissas`.
    /// Leaves in place of both what the hardware then holds. Called once for each update and projection, after
    /// [`Substrate::update`].
    ///
    /// # Errors
    /// When the hardware refuses the change.
    fn store(&mut self, projection: usize, weights: &mut [f32], mantissas: &mut [i8]) -> Result<(), SpikegradError> {
        let _ = weights;
        self.constrain(projection, mantissas);
        Ok(())
    }

    /// How a projection is carried; `None` for an exact product.
    fn carries(&self, projection: usize) -> Option<Carried>;

    /// Bits after the point of a population's total inputs: its currents are in units of
    /// `2^-grid_bits` grid units. At most 16.
    fn grid_bits(&self, population: usize) -> u32;

    /// Scratch for one thread.
    fn scratch(&self) -> SubstrateScratch;

    /// Adds the currents of a group of examples to `totals`, `[examples][neurons]` of the
    /// population that the projection enters.
    ///
    /// # Errors
    /// When a kernel refuses its arguments.
    fn add_currents(
        &self,
        projection: usize,
        group: &Group<'_>,
        totals: &mut [i64],
        scratch: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError>;

    /// Adds the gradients of a group of examples to `sums`. `errors` holds the error counts of the
    /// population that the projection enters, laid out like the totals.
    ///
    /// # Errors
    /// When a kernel refuses its arguments.
    fn add_gradients(
        &self,
        projection: usize,
        group: &Group<'_>,
        errors: &[i32],
        sums: &mut GradientSums,
        scratch: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError>;

    /// One step of its parameters down the gradient; `sums` has one entry for each projection.
    ///
    /// # Errors
    /// When the hardware refuses the change.
    fn update(&mut self, sums: &[GradientSums], rates: &SubstrateRates) -> Result<(), SpikegradError>;

    /// Figures about itself by name, such as pulses and energy of its updates so far.
    fn figures(&self) -> Vec<(String, f64)> {
        Vec::new()
    }

    /// How its devices are spread over their states, by name.
    fn histograms(&self) -> Vec<(String, Histogram)> {
        Vec::new()
    }

    /// Parameters and their momentum by name.
    fn state(&self) -> Vec<(String, Vec<f32>)>;

    /// Takes over what [`Substrate::state`] gave.
    ///
    /// # Errors
    /// The name that does not fit, what it must hold and what it holds.
    fn restore(&mut self, state: Vec<(String, Vec<f32>)>) -> Result<(), StateMismatch>;
}

/// How many devices are in which states: bars of equal width, the outer ones with what lies beyond.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// What is counted.
    #[serde(default)]
    pub quantity: Quantity,
    /// Left end of the first bar.
    pub lowest: f64,
    /// Right end of the last bar.
    pub highest: f64,
    /// Devices in each bar.
    pub devices: Vec<u64>,
}

/// What a [`Histogram`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// States, of which weights are multiples.
    #[default]
    State,
    /// Conductances in siemens.
    Conductance,
}

/// How a projection is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Number of its parameters.
    pub parameters: usize,
    /// `None`: error spikes cross the projection backwards through its weights, and its weight
    /// gradient is that of the exact product (plain straight-through). Otherwise the substrate
    /// gives both itself, times this number.
    pub denominator: Option<i64>,
}

/// Spike counts at the source of a projection.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// `[examples][neurons]`.
    pub counts: Counts<'a>,
    /// Number of examples.
    pub examples: usize,
    /// Index of each example among the training samples; `None` outside training, where nothing
    /// is random.
    pub samples: Option<&'a [u32]>,
}

/// Sums of integers over the examples of a batch, or a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GradientSums {
    /// `sum E * d(currents) / d(parameter)`, in units that the substrate chooses.
    pub parameters: Vec<i64>,
    /// `denominator * sum E * dA / dW` in the layout of the weights; empty unless
    /// [`Carried::denominator`] is given.
    pub weights: Vec<i64>,
    /// `denominator * sum E * dA / dS` for the present group, `[examples][neurons]` of the source;
    /// empty unless [`Carried::denominator`] is given and the source takes errors. Zero on entry.
    pub errors: Vec<i64>,
    /// What each example of the batch contributes, in the order of the batch: for hardware that updates its weights
    /// example by example. Empty unless [`Substrate::add_gradients`] adds to it.
    pub factors: Vec<Factors>,
}

/// The two factors of the weight gradient of one example, `dW = errors (outer) counts` along the projection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// Spike counts at the source.
    pub counts: Vec<i16>,
    /// Error counts at the population that the projection enters.
    pub errors: Vec<i32>,
}

/// What the step of parameters takes from the settings and the batch.
#[derive(Clone, Debug)]
pub struct SubstrateRates {
    /// Learning rate of the update.
    pub learning_rate: f64,
    /// Momentum of descent.
    pub momentum: f64,
    /// `1 / (alpha * examples)`: from sums to the gradient of the mean loss.
    pub share: f64,
    /// Examples in the batch.
    pub examples: usize,
    /// Per population: share of its inputs that dropout keeps, a factor on its threshold.
    pub kept: Vec<f64>,
}

/// A saved state that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMismatch {
    /// Name of the values.
    pub name: String,
    /// What they must be.
    pub expected: String,
    /// What they are.
    pub found: String,
}
