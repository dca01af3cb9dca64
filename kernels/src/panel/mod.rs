//! Copies of operands in the order in which the product reads them.

mod interleave;
mod placement;

pub(crate) use interleave::{interleave, interleave_shifted};
pub(crate) use placement::{Placement, flip_copy};
