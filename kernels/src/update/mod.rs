//! From gradients to new weights, and from weights to mantissas on the weight grid.

mod grid;
mod momentum;

pub use momentum::{GradientSums, MomentumUpdate};
