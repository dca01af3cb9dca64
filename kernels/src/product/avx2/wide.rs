//! Unsigned values of any range: bytes widened to 16 bits, then `vpmaddwd`, which is exact.

use std::arch::x86_64::*;

use super::super::{BLOCK, Output, Product, UnsignedSide};

/// Computes the product.
///
/// # Safety
/// AVX2 must be available, and `Product::check` must have passed for `out`.
pub(super) unsafe fn multiply(product: &Product<'_>, out: Output<'_>) {
    // SAFETY: passed on from the caller.
    unsafe {
        match product.unsigned {
            UnsignedSide::Left => sweep::<false>(product, out),
            UnsignedSide::Right => sweep::<true>(product, out),
        }
    }
}

/// Goes over blocks, row groups and tiles of up to three rows.
///
/// # Safety
/// As for [`multiply`].
#[target_feature(enable = "avx2")]
unsafe fn sweep<const SWAPPED: bool>(product: &Product<'_>, out: Output<'_>) {
    for block in 0..product.blocks() {
        for group in 0..product.row_groups {
            let target = group * out.group_step;
            let mut row = 0;
            while row < product.rows {
                let left = group * product.left_group_step + row * product.left.lane;
                let mut sums = [[0i32; BLOCK]; 3];
                // SAFETY: rows, block and group are within the counts that were checked.
                let rows = unsafe {
                    match product.rows - row {
                        3.. => run::<3, SWAPPED>(product, left, block, &mut sums),
                        2 => run::<2, SWAPPED>(product, left, block, &mut sums),
                        _ => run::<1, SWAPPED>(product, left, block, &mut sums),
                    }
                };
                for (row, sums) in (row..row + rows).zip(&sums) {
                    store(product, out.values, target + row * out.row_step, row, block, sums);
                }
                row += rows;
            }
        }
    }
}

/// The sums of `ROWS` rows and one block of columns; returns `ROWS`.
///
/// # Safety
/// As for [`multiply`]; the tile lies within the product.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn run<const ROWS: usize, const SWAPPED: bool>(
    product: &Product<'_>,
    left_start: usize,
    block: usize,
    out: &mut [[i32; BLOCK]; 3],
) -> usize {
    // Each register of `pairs` holds, for four columns, the sums over bytes 0-1 and over bytes 2-3.
    let mut pairs = [[_mm256_setzero_si256(); 4]; ROWS];
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
                    let mut values = [_mm256_setzero_si256(); ROWS];
                    for (row, value) in values.iter_mut().enumerate() {
                        let bytes = left.add(row * product.left.lane).cast::<i32>().read_unaligned();
                        let bytes = _mm_set1_epi32(bytes);
                        *value = if SWAPPED { _mm256_cvtepi8_epi16(bytes) } else { _mm256_cvtepu8_epi16(bytes) };
                    }
                    for quarter in 0..4 {
                        let bytes = _mm_loadu_si128(right.add(quarter * 16).cast());
                        let column = if SWAPPED { _mm256_cvtepu8_epi16(bytes) } else { _mm256_cvtepi8_epi16(bytes) };
                        for (pairs, &value) in pairs.iter_mut().zip(&values) {
                            pairs[quarter] = _mm256_add_epi32(pairs[quarter], _mm256_madd_epi16(column, value));
                        }
                    }
                    left = left.wrapping_add(left_group);
                    right = right.wrapping_add(right_group);
                }
            }
        }
    }
    for (pairs, out) in pairs.iter().zip(out) {
        for half in 0..2 {
            let joined = _mm256_hadd_epi32(pairs[2 * half], pairs[2 * half + 1]);
            let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(joined);
            // SAFETY: eight integers are written to the given half of the row.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(8 * half).cast(), ordered) };
        }
    }
    ROWS
}

/// Adds the corrections and stores one row of a block.
#[inline(always)]
pub(super) fn store(
    product: &Product<'_>,
    out: &mut [i32],
    target: usize,
    row: usize,
    block: usize,
    sums: &[i32; BLOCK],
) {
    let first = block * BLOCK;
    let width = BLOCK.min(product.columns - first);
    let row_correction = product.row_correction.map_or(0, |values| values[row]);
    let mut corrected = *sums;
    for (lane, sum) in corrected.iter_mut().enumerate() {
        let correction = product.column_correction.map_or(0, |values| values[first + lane]);
        *sum = sum.wrapping_add(correction).wrapping_add(row_correction);
    }
    for (value, &sum) in out[target + first..][..width].iter_mut().zip(&corrected) {
        *value = product.store.apply(*value, sum);
    }
}
