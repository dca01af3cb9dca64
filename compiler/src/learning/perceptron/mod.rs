//! Networks without hidden layer that learn on the chip by the delta rule, one example at a time.
//!
//! ```text
//! z[o] = sum over i of x[i] W[i][o],     y = tanh(z)  or  y = sigmoid(z)
//! W[i][o] += learning_rate * x[i] * (t[o] - y[o]) * y'(z[o])
//! ```
//!
//! The target t is 1 for the class of the example, and for the others -1 (tanh) or 0 (sigmoid); the class with the
//! largest z is the answer. The last input is 1: its weights are biases. Weights are those of a [`LearningArray`] that
//! pulses change, or floats.
//!
//! Sources: Dey et al., on-chip learning with transistor synapses; Bhowmik et al., on-chip learning with domain-wall
//! synapses. Both update all synapses of a column at the same time by a circuit that computes the product above.

mod examples;
mod settings;
mod state;
mod synapses;
#[cfg(test)]
mod tests;
mod train;

pub use examples::Examples;
pub use settings::{Activation, PerceptronSettings};
pub use synapses::Synapses;
pub use train::{EpochOutcome, Perceptron, Position};

use super::array::LearningArray;
