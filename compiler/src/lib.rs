//! Networks on in-memory-computing crossbars without analog-to-digital converters.
//!
//! A [`HardwareSpecification`] says what the chip offers. Mapping turns a trained
//! [`snn::Network`] into a [`Program`]: every cell's level, every scale factor, every route.
//! Everything behind it, functional simulation, cost and netlists, reads the program alone.
//!
//! Every crossbar column delivers one partial sum per input stream,
//!
//! ```text
//! P[r, k, j, m] = sum over the rows i of row tile r:  x_j[i] * d_k[i, m]
//! A[m]          = unit * sum over r, k, j:  scale[r, k, j, m] * Q(P[r, k, j, m]) * weight_k * weight_j
//! ```
//!
//! with x_j the input stream j of the spike counts, d_k the bit slice k of the weights, Q the
//! column quantiser, and weight_k, weight_j the powers of two that slice and stream stand for.
//! With the ideal quantiser and unit scale factors A is the exact product.
//!
//! Sources: Apolinario et al., IEEE TETC 2023 (arXiv 2211.02167); Negi et al., HCiM (arXiv
//! 2403.13577); Saxena and Roy, ISLPED 2023.
#![forbid(unsafe_code)]

pub mod calibration;
pub mod circuit;
pub mod columns;
pub mod cost;
pub mod error;
pub mod hardware;
pub mod learning;
pub mod mapping;
pub mod program;
pub mod simulation;
pub mod statistics;
mod substrate;
#[cfg(test)]
mod testing;
pub mod training;

pub use error::CompilerError;
pub use hardware::HardwareSpecification;
pub use program::Program;
