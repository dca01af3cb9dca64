//! Operations that fire their totals at once and never keep all of them.

mod convolution;
mod matmul;
mod pooling;

use crate::KernelError;
use crate::error::check_length;

/// Checks the bias.
fn check_bias(operation: &'static str, bias: Option<&[i32]>, channels: usize) -> Result<(), KernelError> {
    bias.map_or(Ok(()), |bias| check_length(operation, "bias", &[channels], bias.len()))
}
