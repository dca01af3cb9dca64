//! The column form: weights as digits in bit slices, spike counts as bits in input streams.

mod digits;
mod mask;
mod operator;
#[cfg(test)]
mod operator_test;
mod patches;
mod slicing;
mod streams;
#[cfg(test)]
mod tests;

pub use digits::Digits;
pub use operator::{ColumnInput, ColumnOperator, ColumnRead, ColumnScratch};
pub use patches::Patches;
pub use slicing::Slicing;
pub use streams::{active, streams};
