//! The column form: weights as digits in bit slices, spike counts as bits in input streams.

mod code;
mod digits;
mod driven;
mod mask;
mod operator;
#[cfg(test)]
mod operator_test;
mod patches;
mod quantise;
mod slicing;
mod streams;
#[cfg(test)]
mod tests;
mod total;

pub use code::{Code, CodeCounts, comparator_levels};
pub use digits::Digits;
pub use operator::{ColumnInput, ColumnOperator, ColumnRead, ColumnScratch};
pub use patches::Patches;
pub use quantise::{ColumnQuantiser, largest_input};
pub use slicing::Slicing;
pub use streams::{active, streams};
pub use total::Total;
