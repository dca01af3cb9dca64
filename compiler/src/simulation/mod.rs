//! Functional simulation of a compiled network, from its program alone.
//!
//! A [`Simulator`] runs groups of examples through all populations: crossbar projections by their
//! columns, pooling and identity digitally, then bias, threshold and clamp. With the ideal
//! quantiser the partial sums of all columns add up to the exact product, which is computed at once
//! unless [`SimulationOptions::exact_products`] is off; the results are the same integers.
//!
//! With a [`ChipSeed`](crate::circuit::ChipSeed) the partial sums are those of one chip with the
//! deviations of the specification.
//!
//! A read of a row tile in which no row is active is not performed: its partial sums are 0, and
//! Q(0) is accumulated.

mod chip;
mod digital;
mod evaluate;
mod exact;
mod monte_carlo;
mod neurons;
mod prepare;
mod run;
mod state;
#[cfg(test)]
mod tests;

pub use evaluate::{Evaluation, evaluate, evaluate_with};
pub use monte_carlo::{Interval, MonteCarlo, monte_carlo, student_quantile};
pub use prepare::{SimulationOptions, Simulator};
pub use state::SimulationState;
