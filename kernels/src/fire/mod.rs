//! From totals to spike counts and error counts: rounding, clamping, gating.

mod divisor;
mod rounding;
mod rule;
mod sweep;

pub use divisor::Divisor;
pub use rule::{FiringRule, FiringStatistics};
