//! The event-driven backward phase: error spikes, one after the other.
//!
//! Every population below the readout has a second compartment with an error potential U. Its
//! unit is chosen so that the weights, divided by the thresholds of the populations they lead to,
//! are integers; `one` is the error threshold in that unit (the papers' threshold of the backward
//! phase, 1). For an error spike d of a neuron k above, over projection q:
//!
//! ```text
//! U_j += W_q[k, j] * d * one / threshold_k          for every source neuron j
//! z = +1 while U >= one and Z < 127 ; z = -1 while U <= -one and Z > -127
//! U -= z * one ; Z += z ; d' = z * gate             d' travels on
//! W_q gradient[k, j] += d * S_j                     the papers' omega is its negative
//! ```
//!
//! An event carries all spikes of one such drain unless [`ErrorOptions::unit_spikes`] asks for
//! single ones. Neurons with a closed gate transmit nothing and are left out. When no event is
//! pending, populations are taken from the highest to the lowest, and each neuron fires at most
//! one residual spike: `+1` if `U > one / 2`, or if `U = one / 2` and `Z >= 0`; `-1` by the
//! mirrored rule. That rounds Z to nearest, halves away from zero, so that the result equals
//! [`crate::ErrorPass::backward`] bit for bit, whatever the order of events.
//!
//! With a threshold per channel `one / threshold_k` is the integer factor that the integer pass
//! uses as well. The readout's errors are injected whole and never clipped.
//!
//! Source: Thiele, Bichler, Dupret, *SpikeGrad*, ICLR 2020, section 2 (error compartment, weight
//! update by accumulation) and section 3 (residual spikes); the bound of 127 mirrors the clamp of
//! spike counts in the forward phase.
//!
//! ```
//! use kernels::Counts;
//! use snn::{Network, NetworkDescription, SimulationOptions, Simulator, State, Weights};
//! use spikegrad::events::{ErrorOptions, ErrorSimulator};
//! use spikegrad::{ForwardResult, readout_errors};
//!
//! let description = NetworkDescription::from_toml(
//!     r#"
//!     [[population]]
//!     name = "input"
//!     shape = [2]
//!     neuron = "input"
//!     [[population]]
//!     name = "readout"
//!     shape = [2]
//!     neuron = "readout"
//!     [[projection]]
//!     name = "dense"
//!     from = "input"
//!     to = "readout"
//!     kind = "dense"
//!     "#,
//! )?;
//! let mut network = Network::build(&description)?;
//! network.set_weights(0, Weights::I8(vec![1, 0, 0, 1]))?;
//! let mut state = State::new();
//! let options = SimulationOptions::default();
//! let simulator = Simulator::new(&network)?;
//! let simulation = simulator.run(&[Counts::Unsigned(&[3, 3])], &options, &mut state, None)?;
//! let forward = ForwardResult::from_simulation(&network, &simulation)?;
//!
//! let errors = readout_errors(&forward.logits, 0, 10.0)?; // softmax - onehot = [-0.5, 0.5]
//! assert_eq!(errors, [-5, 5]);
//! let result = ErrorSimulator::new(&network)?.run(&forward, &errors, &ErrorOptions::default())?;
//! assert_eq!(result.pass.weight_gradients[0], [-15, -15, 15, 15]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compartment;
mod course;
mod queue;
mod statistics;
mod synapses;

pub use statistics::{ErrorPopulationStatistics, ErrorProjectionStatistics, ErrorStatistics};

use snn::{Network, WeightFormat};

use self::compartment::Rules;
use self::course::Course;
use crate::backward_pass::BackwardPass;
use crate::error::SpikegradError;
use crate::forward_result::ForwardResult;
use crate::plan::{Part, ends};

/// Which pending error spike is delivered next. It changes the number of redundant spikes, never
/// the net counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorOrder {
    /// The spike that was emitted first.
    #[default]
    FirstInFirstOut,
    /// Each of the pending spikes with the same probability.
    Random {
        /// Seed of the choices.
        seed: u64,
    },
}

/// Options of one backward phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorOptions {
    /// Which pending error spike is delivered next.
    pub order: ErrorOrder,
    /// Whether every event is a single spike of +1 or -1, as in the papers, rather than all
    /// spikes that a neuron fires at once.
    pub unit_spikes: bool,
}

/// Result of the backward phase of one example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorSimulation {
    /// Net error counts and gradients.
    pub pass: BackwardPass,
    /// Error spikes, events and synaptic operations.
    pub statistics: ErrorStatistics,
}

/// A network prepared for the event-driven backward phase; immutable, so threads may share it.
#[derive(Clone, Debug)]
pub struct ErrorSimulator<'a> {
    network: &'a Network,
    rules: Vec<Rules>,
    outputs: Vec<Part>,
}

impl<'a> ErrorSimulator<'a> {
    /// Brings the thresholds of every population's targets to a common denominator.
    ///
    /// # Errors
    /// [`SpikegradError::Network`] for float weights, without inputs or outputs, or
    /// when thresholds have no common denominator below 2^50.
    pub fn new(network: &'a Network) -> Result<Self, SpikegradError> {
        if network.weight_format() == WeightFormat::F32 {
            return Err(SpikegradError::Network {
                problem: "its weights are floats; error spikes are defined for integer weights".to_owned(),
                remedy: "choose weights = \"i8\" or \"i16\"".to_owned(),
            });
        }
        let rules = (0..network.populations().len()).map(|index| Rules::new(network, index));
        Ok(Self { network, rules: rules.collect::<Result<_, _>>()?, outputs: ends(network)?.1 })
    }

    /// Propagates the error counts of the outputs, alpha times the loss gradient rounded (see
    /// [`crate::readout_errors`]), one output population after the other, down to the lowest population. A neuron that dropout silenced
    /// is one with count 0 and a closed gate in `forward`.
    ///
    /// # Errors
    /// [`SpikegradError::Samples`] when `forward` or `output_errors` do not fit the network.
    pub fn run(
        &self,
        forward: &ForwardResult,
        output_errors: &[i32],
        options: &ErrorOptions,
    ) -> Result<ErrorSimulation, SpikegradError> {
        forward.check(self.network)?;
        let length = self.outputs.last().map_or(0, |part| part.range.end);
        if output_errors.len() != length {
            return Err(SpikegradError::Samples {
                expected: format!("{length} output errors"),
                found: output_errors.len().to_string(),
            });
        }
        let mut course = Course::new(self.network, &self.rules, forward, options);
        for part in &self.outputs {
            course.inject(part.population, &output_errors[part.range.clone()]);
        }
        course.settle();
        for population in (0..self.rules.len()).rev() {
            course.fire_residuals(population);
        }
        Ok(course.finish())
    }
}
