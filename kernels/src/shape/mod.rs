//! Shapes of windowed operations.

mod convolution;
mod pooling;

pub use convolution::ConvolutionShape;
pub use pooling::PoolingShape;
