//! Hardware-aware training: SpikeGrad's error spikes train weights, scale factors and ternary
//! thresholds of a network that runs on crossbar columns.
//!
//! [`CrossbarSubstrate`] is what a [`spikegrad::Trainer`] runs projections on. Its forward pass
//!
//! ```text
//! A[m] = step * (rest[m] + sum over r, k, j:
//!                scale[r, k, j, m] * (Q(P[r, k, j, m]) - Q(0)) * weight_k * weight_j)
//! ```
//!
//! is integer: in the stage of real scale factors on a grid of 2^-10 grid units, from the stage of
//! fixed-point scale factors on exactly the grid that compilation chooses. The gradients of resting
//! inputs, scale factors and thresholds are exact sums over error spikes,
//!
//! ```text
//! dA[m] / d rest[m] = step
//! dA[m] / d scale[r, k, j, m] = step * (Q(P) - Q(0)) * weight_k * weight_j
//! dA[m] / d t = -step * scale * weight_k * weight_j * sign(P) * ([|P| = t] + [|P| = t - 1]) / 2
//! ```
//!
//! the second the central difference of the integer threshold. [`ColumnGradient`] says how errors
//! cross the quantiser; [`StagePlan`] how awareness rises.
//!
//! Sources: Saxena and Roy, ISLPED 2023 (masked straight-through estimate, learned scale
//! factors); Negi et al., HCiM (arXiv 2403.13577): fixed-point scale factors, one
//! threshold a projection; Apolinario et al., IEEE TETC 2023: progressive awareness.

mod accumulate;
mod backward;
mod columns;
mod initialise;
mod masked;
mod noise;
mod options;
mod parameters;
mod run;
mod stages;
mod substrate;
#[cfg(test)]
pub(crate) mod tests;

pub use initialise::CalibrationInputs;
pub use options::{ColumnGradient, TrainingOptions, fine_tuning};
pub use run::{Retraining, StageReport, Task};
pub use stages::{Stage, StagePlan};
pub use substrate::CrossbarSubstrate;
