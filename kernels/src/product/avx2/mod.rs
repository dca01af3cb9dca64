//! AVX2: which of two products is exact and faster depends on the values of the unsigned operand.

mod narrow;
mod range;
mod wide;

use super::{BLOCK, GROUP, Output, Product, UnsignedSide, reach};
use range::range;

/// Computes the product.
///
/// # Safety
/// AVX2 must be available, and `Product::check` must have passed for `out`.
pub(super) unsafe fn multiply(product: &Product<'_>, out: Output<'_>) {
    // SAFETY: passed on from the caller.
    unsafe {
        let (low, high) = range(unsigned_bytes(product));
        match (narrow::depth(high), narrow::depth(high - low)) {
            (None, None) => wide::multiply(product, out),
            (plain, shifted) if plain == shifted => narrow::multiply(product, out, 0, plain.unwrap_or(1)),
            (_, shifted) => narrow::multiply(product, out, low, shifted.unwrap_or(1)),
        }
    }
}

/// The unsigned operand from its first byte to the last that the product reads.
fn unsigned_bytes<'a>(product: &Product<'a>) -> &'a [u8] {
    if product.counts.contains(&0) {
        return &[];
    }
    let (operand, outside, width) = match product.unsigned {
        UnsignedSide::Left => {
            let steps = [product.left_group_step, product.left.lane];
            (product.left, reach(&[product.row_groups, product.rows], &steps), GROUP)
        }
        UnsignedSide::Right => (product.right, reach(&[product.blocks()], &[product.right.lane]), BLOCK * GROUP),
    };
    let length = outside + reach(&product.counts, &operand.steps) + width;
    &operand.bytes[..length.min(operand.bytes.len())]
}
