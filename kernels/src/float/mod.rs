//! The same shapes in 32-bit floats, on the `gemm` library, one thread.
//!
//! The result equals the integers exactly while all partial sums are integers below 2^24. Slices are channels-last;
//! `accumulate` adds to the output instead of overwriting it. Workspaces count floats, not bytes.

mod convolution;
mod matmul;
mod pooling;

pub use convolution::{convolution, convolution_gradient, convolution_transposed, convolution_workspace};
pub use matmul::{dense_gradient, matmul, matmul_transposed};
pub use pooling::{sum_pooling, sum_pooling_transposed};
