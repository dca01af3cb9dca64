//! The column form: weights as digits in bit slices, spike counts as bits in input streams.

mod slicing;
mod streams;
#[cfg(test)]
mod tests;

pub use slicing::Slicing;
pub use streams::{active, streams};
