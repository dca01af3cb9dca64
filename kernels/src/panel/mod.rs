//! Copies of operands in the order in which the product reads them.

mod interleave;
mod placement;
mod prefetch;
mod transpose;

pub(crate) use interleave::{interleave, interleave_lines, interleave_shifted};
pub(crate) use placement::{Placement, flip_copy, is_zero};
pub(crate) use prefetch::prefetch;
pub(crate) use transpose::{TILE, transpose_groups};
#[cfg(target_arch = "x86_64")]
pub(crate) use transpose::{exchange, transpose};
