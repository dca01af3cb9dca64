//! Exact 8-bit products with 32-bit sums for spiking networks.
//!
//! Products, convolutions, their transposed forms and weight gradients, sum pooling, and the rounding that turns
//! totals into spike counts. All arithmetic is on integers; sums wrap in 32 bits, and callers prove their bounds.
//! Every instruction set gives the same bits as the scalar twin. Maps are channels-last: `[batch, height, width,
//! channels]`, row-major; a dense population has height and width 1.
//!
//! An [`Engine`] holds the instruction set. Weights are packed once per change into a [`PackedMatrix`]; scratch
//! memory is the caller's [`Workspace`].
//!
//! ```
//! use kernels::{Counts, Engine, PackedMatrix, Parallelism, Store, Workspace};
//!
//! let engine = Engine::detect(Parallelism::Serial);
//! let mut weights = PackedMatrix::new(3, 2)?;
//! weights.pack(&[1, 2, 3, -1, 0, 1])?; // [outputs][inputs]
//!
//! let mut workspace = Workspace::new();
//! workspace.reserve(engine.matmul_workspace(1, 3, 2));
//! let mut totals = [0; 2];
//! engine.matmul(Counts::Unsigned(&[4, 5, 6]), 1, &weights, Store::OVERWRITE, &mut totals, &mut workspace)?;
//! assert_eq!(totals, [32, 2]);
//! # Ok::<(), kernels::KernelError>(())
//! ```

mod counts;
mod digits;
mod dispatch;
mod engine;
mod error;
mod fire;
pub mod float;
mod grid;
mod isa;
mod mapping;
mod operation;
mod packed;
mod panel;
mod product;
mod shape;
mod store;
mod workspace;

pub use counts::{CountRows, Counts, as_signed, as_signed_mut, as_unsigned};
pub use digits::{digits_needed, split_digits};
pub use dispatch::Loop;
pub use engine::{Engine, Parallelism};
pub use error::KernelError;
pub use fire::{Divisor, FiringRule, FiringStatistics};
pub use isa::{Availability, Isa};
pub use mapping::FileMapping;
pub use packed::{PackedMatrix, PackedNibbles};
pub use shape::{ConvolutionShape, PoolingShape};
pub use store::Store;
pub use workspace::Workspace;
