//! Copies of operands in the order in which the product reads them.

mod interleave;
mod placement;
mod prefetch;
#[cfg(target_arch = "x86_64")]
mod transpose;

pub(crate) use interleave::{interleave, interleave_shifted};
pub(crate) use placement::{Placement, flip_copy, is_zero};
pub(crate) use prefetch::prefetch;
#[cfg(target_arch = "x86_64")]
pub(crate) use transpose::{exchange, transpose};
