//! 64-bit Arm: `sdot`, and `usdot` where the processor has it (features `dotprod` and `i8mm`).
//!
//! `sdot` takes signed bytes only. An unsigned byte u is then read as u - 128, and 128 times the sum of the other
//! operand is added, which `sdot` with ones delivers. The instructions are assembly, as the compiler has no stable
//! intrinsics for them.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::{BLOCK, Output, Product, UnsignedSide};

/// Registers of a block of columns: four columns each.
const QUARTERS: usize = BLOCK / 4;
/// Rows of a tile.
const ROWS: usize = 4;

/// Computes the product.
///
/// # Safety
/// The feature `dotprod` must be available, and `Product::check` must have passed for `out`.
pub(super) unsafe fn multiply(product: &Product<'_>, out: Output<'_>) {
    // SAFETY: passed on from the caller; `usdot` is used only where the processor has it.
    unsafe {
        match (product.unsigned, is_aarch64_feature_detected!("i8mm")) {
            (UnsignedSide::Left, false) => sweep::<false, false>(product, out),
            (UnsignedSide::Left, true) => sweep::<false, true>(product, out),
            (UnsignedSide::Right, false) => sweep::<true, false>(product, out),
            (UnsignedSide::Right, true) => sweep::<true, true>(product, out),
        }
    }
}

/// Goes over blocks, row groups and tiles. `SWAPPED`: the right operand is the unsigned one. `MIXED`: use `usdot`.
///
/// # Safety
/// As for [`multiply`]; the feature `i8mm` must be available if `MIXED`.
#[target_feature(enable = "neon,dotprod")]
unsafe fn sweep<const SWAPPED: bool, const MIXED: bool>(product: &Product<'_>, out: Output<'_>) {
    for block in 0..product.blocks() {
        for group in 0..product.row_groups {
            let target = group * out.group_step;
            let mut row = 0;
            while row < product.rows {
                let left = group * product.left_group_step + row * product.left.lane;
                let target = target + row * out.row_step;
                // SAFETY: rows, block and group are within the counts that were checked.
                unsafe {
                    if product.rows - row >= ROWS {
                        let sums = run::<ROWS, SWAPPED, MIXED>(product, left, block);
                        for (index, sums) in sums.iter().enumerate() {
                            store(product, out.values, target + index * out.row_step, row + index, block, sums);
                        }
                        row += ROWS;
                    } else {
                        let [sums] = run::<1, SWAPPED, MIXED>(product, left, block);
                        store(product, out.values, target, row, block, &sums);
                        row += 1;
                    }
                }
            }
        }
    }
}

/// `sums + first . second` of signed bytes, four at a time.
///
/// # Safety
/// The feature `dotprod` must be available.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn dot(mut sums: int32x4_t, first: int8x16_t, second: int8x16_t) -> int32x4_t {
    // SAFETY: passed on from the caller.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {first:v}.16b, {second:v}.16b",
            sums = inout(vreg) sums,
            first = in(vreg) first,
            second = in(vreg) second,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// `sums + unsigned . signed`, four bytes at a time.
///
/// # Safety
/// The feature `i8mm` must be available.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn mixed_dot(mut sums: int32x4_t, unsigned: int8x16_t, signed: int8x16_t) -> int32x4_t {
    // SAFETY: passed on from the caller.
    unsafe {
        asm!(
            ".arch_extension i8mm",
            "usdot {sums:v}.4s, {unsigned:v}.16b, {signed:v}.16b",
            sums = inout(vreg) sums,
            unsigned = in(vreg) unsigned,
            signed = in(vreg) signed,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// The sums of `HEIGHT` rows and one block of columns.
///
/// # Safety
/// As for [`sweep`]; the tile lies within the product.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn run<const HEIGHT: usize, const SWAPPED: bool, const MIXED: bool>(
    product: &Product<'_>,
    left_start: usize,
    block: usize,
) -> [[i32; BLOCK]; HEIGHT] {
    let zero = vdupq_n_s32(0);
    let (ones, sign) = (vdupq_n_s8(1), vdupq_n_s8(i8::MIN));
    let mut sums = [[zero; QUARTERS]; HEIGHT];
    // Sums of the signed operand alone: of every row if the right operand is unsigned, else of every column.
    let (mut row_sums, mut column_sums) = ([zero; HEIGHT], [zero; QUARTERS]);
    let [outer, segments, groups] = product.counts;
    let [left_outer, left_segment, left_group] = product.left.steps;
    let [right_outer, right_segment, right_group] = product.right.steps;
    // SAFETY: all offsets stay within the extents that `Product::check` verified.
    unsafe {
        let left_base = product.left.bytes.as_ptr().add(left_start);
        let right_base = product.right.bytes.as_ptr().add(block * product.right.lane);
        for position in 0..outer {
            for segment in 0..segments {
                let mut left = left_base.add(position * left_outer + segment * left_segment);
                let mut right = right_base.add(position * right_outer + segment * right_segment);
                for _ in 0..groups {
                    let mut columns = [ones; QUARTERS];
                    for (quarter, column) in columns.iter_mut().enumerate() {
                        *column = vld1q_s8(right.add(quarter * 16).cast());
                        if !MIXED && SWAPPED {
                            *column = veorq_s8(*column, sign);
                        }
                        if !MIXED && !SWAPPED {
                            column_sums[quarter] = dot(column_sums[quarter], *column, ones);
                        }
                    }
                    for row in 0..HEIGHT {
                        let bytes = left.add(row * product.left.lane).cast::<i32>().read_unaligned();
                        let mut value = vreinterpretq_s8_s32(vdupq_n_s32(bytes));
                        if !MIXED && !SWAPPED {
                            value = veorq_s8(value, sign);
                        }
                        if !MIXED && SWAPPED {
                            row_sums[row] = dot(row_sums[row], value, ones);
                        }
                        for (sum, &column) in sums[row].iter_mut().zip(&columns) {
                            *sum = match (MIXED, SWAPPED) {
                                (false, _) => dot(*sum, value, column),
                                (true, false) => mixed_dot(*sum, value, column),
                                (true, true) => mixed_dot(*sum, column, value),
                            };
                        }
                    }
                    left = left.wrapping_add(left_group);
                    right = right.wrapping_add(right_group);
                }
            }
        }
    }
    let mut result = [[0i32; BLOCK]; HEIGHT];
    for (row, (values, sums)) in result.iter_mut().zip(&sums).enumerate() {
        for (quarter, &sum) in sums.iter().enumerate() {
            let other = vaddq_s32(row_sums[row], column_sums[quarter]);
            // SAFETY: four integers are written to the given quarter of `values`.
            unsafe { vst1q_s32(values[4 * quarter..].as_mut_ptr(), vaddq_s32(sum, vshlq_n_s32::<7>(other))) };
        }
    }
    result
}

/// Adds the corrections and stores one row of a block.
#[inline(always)]
fn store(product: &Product<'_>, out: &mut [i32], target: usize, row: usize, block: usize, sums: &[i32; BLOCK]) {
    let first = block * BLOCK;
    let width = BLOCK.min(product.columns - first);
    let row_correction = product.row_correction.map_or(0, |values| values[row]);
    for (lane, (value, &sum)) in out[target + first..][..width].iter_mut().zip(sums).enumerate() {
        let correction = product.column_correction.map_or(0, |values| values[first + lane]);
        *value = product.store.apply(*value, sum.wrapping_add(correction).wrapping_add(row_correction));
    }
}
