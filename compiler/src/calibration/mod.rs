//! Scale factors, thresholds and steps from samples.
//!
//! The samples run through the exact network; the partial sums P that its columns would deliver say
//! how to represent them. Two rules are offered for sign and ternary quantisers:
//!
//! - [`Rule::Mean`], the initial value of Saxena and Roy, ISLPED 2023: `scale = 2 * mean |P|` for
//!   every group of partial sums that share a scale factor, and the threshold of a ternary
//!   quantiser at half of that value over the whole projection.
//! - [`Rule::LeastSquares`]: the best line through the codes of each group, with one gain for each output
//!   that keeps the spread of its total input, and a resting input that keeps its mean (`fit.rs`). The
//!   threshold of a projection minimises `sum (P - scale * Q(P))^2`, weighted with `(weight_k * weight_j)^2`
//!   and with one scale for each slice and stream.
//!
//! [`calibrate`] compiles with both and keeps the one with the higher accuracy on the samples, least
//! squares where they are equal: which one is better depends on the network, since errors of many
//! columns add up and the squared error of each says little about their sum.
//!
//! The step of a uniform converter with calibrated range is the smallest power of two that clips at
//! most one in a thousand partial sums.

mod choose;
mod fit;
mod observe;
#[cfg(test)]
mod tests;

pub use choose::{Calibrated, Rule, calibrate};
pub(crate) use fit::Fit;
