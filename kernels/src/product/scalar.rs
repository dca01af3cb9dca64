//! The portable twin.

use super::{BLOCK, GROUP, Output, Product, UnsignedSide};

/// Computes the product one block of one row at a time.
pub(super) fn multiply(product: &Product<'_>, out: Output<'_>) {
    for group in 0..product.row_groups {
        for row in 0..product.rows {
            let left = group * product.left_group_step + row * product.left.lane;
            let target = group * out.group_step + row * out.row_step;
            for block in 0..product.blocks() {
                let sums = match product.unsigned {
                    UnsignedSide::Left => reduce(product, left, block, i32::from, |byte| i32::from(byte as i8)),
                    UnsignedSide::Right => reduce(product, left, block, |byte| i32::from(byte as i8), i32::from),
                };
                let first = block * BLOCK;
                let width = BLOCK.min(product.columns - first);
                let row_correction = product.row_correction.map_or(0, |values| values[row]);
                for (lane, &sum) in sums.iter().enumerate().take(width) {
                    let correction = product.column_correction.map_or(0, |values| values[first + lane]);
                    let value = &mut out.values[target + first + lane];
                    *value = product.store.apply(*value, sum.wrapping_add(correction).wrapping_add(row_correction));
                }
            }
        }
    }
}

/// The sums of one row and one block of columns.
#[inline(always)]
fn reduce(
    product: &Product<'_>,
    left_start: usize,
    block: usize,
    widen_left: impl Fn(u8) -> i32,
    widen_right: impl Fn(u8) -> i32,
) -> [i32; BLOCK] {
    let mut sums = [0i32; BLOCK];
    let [outer, segments, groups] = product.counts;
    for position in 0..outer {
        for segment in 0..segments {
            let at = |steps: [usize; 3], group: usize| position * steps[0] + segment * steps[1] + group * steps[2];
            for group in 0..groups {
                let left = &product.left.bytes[left_start + at(product.left.steps, group)..][..GROUP];
                let right_start = block * product.right.lane + at(product.right.steps, group);
                let right = &product.right.bytes[right_start..][..BLOCK * GROUP];
                let left: [i32; GROUP] = [0, 1, 2, 3].map(|byte| widen_left(left[byte]));
                for (sum, column) in sums.iter_mut().zip(right.as_chunks::<GROUP>().0) {
                    for byte in 0..GROUP {
                        *sum = sum.wrapping_add(left[byte] * widen_right(column[byte]));
                    }
                }
            }
        }
    }
    sums
}
