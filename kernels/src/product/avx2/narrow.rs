//! Unsigned values of a small range: `vpmaddubsw` into 16 bits, several steps before the sums are widened.
//!
//! A step adds two products of an unsigned value of at most `range` and a signed byte: between `-2 * 128 * range` and
//! `2 * 127 * range`. So `depth` steps stay within 16 bits while `depth * range <= 128`, and `vpmaddubsw` never saturates.

use std::arch::x86_64::*;

use super::super::{BLOCK, Output, Product, UnsignedSide};
use super::wide::store;
use crate::Store;

/// Steps of the reduction that fit 16 bits when the unsigned values are at most `range`; `None` if not even one does.
pub(super) fn depth(range: u8) -> Option<usize> {
    match range {
        0..=16 => Some(8),
        17..=32 => Some(4),
        33..=64 => Some(2),
        65..=128 => Some(1),
        _ => None,
    }
}

/// Computes the product of unsigned values from `low` to at most `low + 128 / depth`.
///
/// # Safety
/// AVX2 must be available, `Product::check` must have passed for `out`, and the values must lie in that range.
pub(super) unsafe fn multiply(product: &Product<'_>, out: Output<'_>, low: u8, depth: usize) {
    // SAFETY: passed on from the caller.
    unsafe {
        match (product.unsigned, low > 0) {
            (UnsignedSide::Left, false) => choose::<false, false>(product, out, low, depth),
            (UnsignedSide::Left, true) => choose::<false, true>(product, out, low, depth),
            (UnsignedSide::Right, false) => choose::<true, false>(product, out, low, depth),
            (UnsignedSide::Right, true) => choose::<true, true>(product, out, low, depth),
        }
    }
}

/// Makes the depth a constant.
///
/// # Safety
/// As for [`multiply`].
unsafe fn choose<const SWAPPED: bool, const SHIFTED: bool>(
    product: &Product<'_>,
    out: Output<'_>,
    low: u8,
    depth: usize,
) {
    // SAFETY: passed on from the caller.
    unsafe {
        match depth {
            8 => sweep::<SWAPPED, SHIFTED, 8>(product, out, low),
            4 => sweep::<SWAPPED, SHIFTED, 4>(product, out, low),
            2 => sweep::<SWAPPED, SHIFTED, 2>(product, out, low),
            _ => sweep::<SWAPPED, SHIFTED, 1>(product, out, low),
        }
    }
}

/// Goes over blocks, row groups and tiles of up to four rows. `SHIFTED` products run on `unsigned - low`; what is
/// missing then is `low` times the sum of the signed operand.
///
/// # Safety
/// As for [`multiply`].
#[target_feature(enable = "avx2")]
unsafe fn sweep<const SWAPPED: bool, const SHIFTED: bool, const DEPTH: usize>(
    product: &Product<'_>,
    out: Output<'_>,
    low: u8,
) {
    let left_start = |group: usize, row: usize| group * product.left_group_step + row * product.left.lane;
    let row_sums: Vec<i32> = if SHIFTED && SWAPPED {
        let starts = (0..product.row_groups).flat_map(|group| (0..product.rows).map(move |row| (group, row)));
        starts.map(|(group, row)| row_sum(product, left_start(group, row))).collect()
    } else {
        Vec::new()
    };
    let is_plain = !SHIFTED
        && product.column_correction.is_none()
        && product.row_correction.is_none()
        && product.store == Store::OVERWRITE;
    for block in 0..product.blocks() {
        // SAFETY: the block is within the count that was checked.
        let column_sums = if SHIFTED && !SWAPPED { unsafe { column_sums(product, block) } } else { [0; BLOCK] };
        let is_direct = is_plain && product.columns - block * BLOCK >= BLOCK;
        for group in 0..product.row_groups {
            let mut row = 0;
            while row < product.rows {
                let start = left_start(group, row);
                let target = group * out.group_step + row * out.row_step;
                let mut sums = [[0i32; BLOCK]; 4];
                let (place, step) = if is_direct {
                    (out.values[target + block * BLOCK..].as_mut_ptr(), out.row_step)
                } else {
                    (sums.as_mut_ptr().cast::<i32>(), BLOCK)
                };
                // SAFETY: rows, block and group are within the counts that were checked, and so are the whole blocks
                // of these rows in the output; `sums` holds a block for each of four rows.
                let rows = unsafe {
                    match product.rows - row {
                        4.. => run::<4, SWAPPED, SHIFTED, DEPTH>(product, start, block, low, place, step),
                        2.. => run::<2, SWAPPED, SHIFTED, DEPTH>(product, start, block, low, place, step),
                        _ => run::<1, SWAPPED, SHIFTED, DEPTH>(product, start, block, low, place, step),
                    }
                };
                for (index, mut sums) in sums.into_iter().enumerate().take(if is_direct { 0 } else { rows }) {
                    if SHIFTED {
                        let of_row = row_sums.get(group * product.rows + row + index).copied().unwrap_or(0);
                        for (sum, of_column) in sums.iter_mut().zip(column_sums) {
                            *sum = sum.wrapping_add(i32::from(low).wrapping_mul(of_column.wrapping_add(of_row)));
                        }
                    }
                    store(product, out.values, target + index * out.row_step, row + index, block, &sums);
                }
                row += rows;
            }
        }
    }
}

/// Writes the sums of `ROWS` rows and one block of columns to `out`, rows `out_step` apart; returns `ROWS`.
///
/// # Safety
/// As for [`multiply`]; the tile lies within the product, and `out` holds a block of 16 values for each row.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn run<const ROWS: usize, const SWAPPED: bool, const SHIFTED: bool, const DEPTH: usize>(
    product: &Product<'_>,
    left_start: usize,
    block: usize,
    low: u8,
    out: *mut i32,
    out_step: usize,
) -> usize {
    let ones = _mm256_set1_epi16(1);
    let low = _mm256_set1_epi8(low as i8);
    let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
    let mut parts = [[_mm256_setzero_si256(); 2]; ROWS];
    let mut pending = 0;
    let [outer, segments, groups] = product.counts;
    let [left_outer, left_segment, left_group] = product.left.steps;
    let [right_outer, right_segment, right_group] = product.right.steps;
    let lane = product.left.lane;
    // SAFETY: all offsets stay within the extents that `Product::check` verified.
    unsafe {
        let left_base = product.left.bytes.as_ptr().add(left_start);
        let right_base = product.right.bytes.as_ptr().add(block * product.right.lane);
        for position in 0..outer {
            for segment in 0..segments {
                let mut left = left_base.add(position * left_outer + segment * left_segment);
                let mut right = right_base.add(position * right_outer + segment * right_segment);
                for _ in 0..groups {
                    let mut columns = [_mm256_setzero_si256(); 2];
                    for (half, column) in columns.iter_mut().enumerate() {
                        *column = _mm256_loadu_si256(right.add(half * 32).cast());
                        if SHIFTED && SWAPPED {
                            *column = _mm256_sub_epi8(*column, low);
                        }
                    }
                    for row in 0..ROWS {
                        let bytes = left.add(row * lane).cast::<i32>().read_unaligned();
                        let mut value = _mm256_set1_epi32(bytes);
                        if SHIFTED && !SWAPPED {
                            value = _mm256_sub_epi8(value, low);
                        }
                        for (half, &column) in columns.iter().enumerate() {
                            let pairs = if SWAPPED {
                                _mm256_maddubs_epi16(column, value)
                            } else {
                                _mm256_maddubs_epi16(value, column)
                            };
                            if DEPTH == 1 {
                                sums[row][half] = _mm256_add_epi32(sums[row][half], _mm256_madd_epi16(pairs, ones));
                            } else {
                                parts[row][half] = _mm256_add_epi16(parts[row][half], pairs);
                            }
                        }
                    }
                    if DEPTH > 1 {
                        pending += 1;
                        if pending == DEPTH {
                            pending = 0;
                            widen(&mut parts, &mut sums);
                        }
                    }
                    left = left.wrapping_add(left_group);
                    right = right.wrapping_add(right_group);
                }
            }
        }
        if DEPTH > 1 {
            widen(&mut parts, &mut sums);
        }
        for (row, sums) in sums.iter().enumerate() {
            for (half, &sum) in sums.iter().enumerate() {
                _mm256_storeu_si256(out.add(row * out_step + 8 * half).cast(), sum);
            }
        }
    }
    ROWS
}

/// Adds the 16-bit parts to the sums and clears them.
#[inline]
#[target_feature(enable = "avx2")]
fn widen<const ROWS: usize>(parts: &mut [[__m256i; 2]; ROWS], sums: &mut [[__m256i; 2]; ROWS]) {
    let ones = _mm256_set1_epi16(1);
    // Constant bounds: unrolled, so that all parts and sums stay in registers.
    for row in 0..ROWS {
        for half in 0..2 {
            sums[row][half] = _mm256_add_epi32(sums[row][half], _mm256_madd_epi16(parts[row][half], ones));
            parts[row][half] = _mm256_setzero_si256();
        }
    }
}

/// The sums of the signed right operand over all positions, for each column of a block.
///
/// # Safety
/// As for [`multiply`]; the block lies within the product.
#[target_feature(enable = "avx2")]
unsafe fn column_sums(product: &Product<'_>, block: usize) -> [i32; BLOCK] {
    let (ones, wide_ones) = (_mm256_set1_epi8(1), _mm256_set1_epi16(1));
    let mut sums = [_mm256_setzero_si256(); 2];
    let [outer, segments, groups] = product.counts;
    let [outer_step, segment_step, group_step] = product.right.steps;
    let mut out = [0; BLOCK];
    // SAFETY: all offsets stay within the extents that `Product::check` verified.
    unsafe {
        let base = product.right.bytes.as_ptr().add(block * product.right.lane);
        for position in 0..outer {
            for segment in 0..segments {
                for group in 0..groups {
                    let line = base.add(position * outer_step + segment * segment_step + group * group_step);
                    for (half, sum) in sums.iter_mut().enumerate() {
                        let bytes = _mm256_loadu_si256(line.add(half * 32).cast());
                        let pairs = _mm256_maddubs_epi16(ones, bytes);
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, wide_ones));
                    }
                }
            }
        }
        for (half, &sum) in sums.iter().enumerate() {
            _mm256_storeu_si256(out.as_mut_ptr().add(8 * half).cast(), sum);
        }
    }
    out
}

/// The sum of the signed left operand over all positions of a row.
fn row_sum(product: &Product<'_>, start: usize) -> i32 {
    let [outer, segments, groups] = product.counts;
    let [outer_step, segment_step, group_step] = product.left.steps;
    let mut sum = 0i32;
    for position in 0..outer {
        for segment in 0..segments {
            for group in 0..groups {
                let at = start + position * outer_step + segment * segment_step + group * group_step;
                let bytes = product.left.bytes[at..].first_chunk::<4>().copied().unwrap_or_default();
                sum = sum.wrapping_add(bytes.into_iter().map(|byte| i32::from(byte as i8)).sum());
            }
        }
    }
    sum
}
