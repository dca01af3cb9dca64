//! SpikeGrad: networks of integrate-and-fire neurons trained with spikes in both directions.
//!
//! Forward, neurons exchange signed spikes; backward, a second compartment of each neuron
//! exchanges signed *error spikes*. Both phases are computed through the equivalent integer
//! network, one pass each, and equal the event-driven phases bit for bit:
//!
//! ```text
//! S = clamp(round_half_away(A / threshold), low, high)          gate = A > 0 or linear
//! E_readout = round_half_away(alpha * dL/dlogit)
//! E = gate * clamp(round_half_away(sum_q W_q^T E_q / threshold_q), -127, 127)
//! dW_q = sum over the batch of E_q (outer) S
//! ```
//!
//! Source: Thiele, Bichler, Dupret, *SpikeGrad*, ICLR 2020, sections 2 and 3. [`Trainer`] trains,
//! [`Inference`] and [`evaluate`] run a trained network, [`events`] holds the event-driven
//! backward phase.
#![forbid(unsafe_code)]

mod backward_pass;
pub mod error;
pub mod events;
mod fan_count;
mod forward_result;
mod inference;
pub mod loss;
mod master;
mod pass;
mod plan;
mod prepared;
pub mod relation;
mod resources;
mod samples;
mod settings;
mod subset;
mod substrate;
mod trainer;

pub use backward_pass::{BackwardPass, ErrorPass, FloatBackwardPass, readout_errors};
pub use error::SpikegradError;
pub use forward_result::ForwardResult;
pub use inference::{Evaluation, Inference, Outputs, Score, evaluate, infer};
pub use resources::Resources;
pub use samples::{Objective, Samples};
pub use settings::{Gradient, LARGEST_ALPHA, Normalisation, Schedule, TrainingSettings};
pub use subset::Subset;
pub use substrate::{
    Carried, Factors, GradientSums, Group, Histogram, Quantity, StateMismatch, Substrate, SubstrateRates,
    SubstrateScratch,
};
pub use trainer::{
    Diagnosis, EpochReport, OperationReport, PopulationReport, Position, Severity, StepOutcome, Trainer,
};
