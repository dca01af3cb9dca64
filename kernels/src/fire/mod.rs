//! From totals to spike counts and error counts: rounding, clamping, gating.

mod divisor;
mod epilogue;
mod rounding;
mod rule;
mod sweep;

pub use divisor::Divisor;
pub(crate) use epilogue::Epilogue;
pub use rule::{FiringRule, FiringStatistics};
