//! The linear maps of a spiked model on crossbar arrays: compiled, run through their converters, costed.

mod arrays;
mod cost;
mod execution;
mod record;

pub use self::arrays::compile;
pub use self::cost::{ChipFigures, cost};
pub use self::execution::ChipExecution;
