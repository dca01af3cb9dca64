//! AVX-512 VNNI: `vpdpbusd` on register tiles of up to 24 rows x blocks.

use std::arch::x86_64::*;

use super::{BLOCK, Output, Product, UnsignedSide};
use crate::Store;

/// Pointers and strides of one run of tiles.
#[derive(Clone, Copy)]
struct Tile {
    left: *const u8,
    right: *const u8,
    out: *mut i32,
    out_step: usize,
    row: usize,
    column: usize,
}

/// Computes the product.
///
/// # Safety
/// AVX-512 F, BW, VL and VNNI must be available, and `Product::check` must have passed for `out`.
pub(super) unsafe fn multiply(product: &Product<'_>, out: Output<'_>) {
    // SAFETY: passed on from the caller.
    unsafe {
        match product.unsigned {
            UnsignedSide::Left => sweep::<false>(product, out),
            UnsignedSide::Right => sweep::<true>(product, out),
        }
    }
}

/// Goes over column chunks, row groups and row tiles.
///
/// # Safety
/// As for [`multiply`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn sweep<const SWAPPED: bool>(product: &Product<'_>, out: Output<'_>) {
    let out_pointer = out.values.as_mut_ptr();
    let blocks = product.blocks();
    let mut block = 0;
    while block < blocks {
        let width = match blocks - block {
            5 => 3,
            rest => rest.min(4),
        };
        let column = block * BLOCK;
        for group in 0..product.row_groups {
            let mut row = 0;
            while row < product.rows {
                // SAFETY: row, column and group are within the counts that were checked.
                unsafe {
                    let tile = Tile {
                        left: product
                            .left
                            .bytes
                            .as_ptr()
                            .add(group * product.left_group_step + row * product.left.lane),
                        right: product.right.bytes.as_ptr().add(block * product.right.lane),
                        out: out_pointer.add(group * out.group_step + row * out.row_step + column),
                        out_step: out.row_step,
                        row,
                        column,
                    };
                    row += match (width, product.rows - row) {
                        (1, 12..) => run::<12, 1, SWAPPED>(product, tile),
                        (1, 8..) => run::<8, 1, SWAPPED>(product, tile),
                        (1, 5) => run::<5, 1, SWAPPED>(product, tile),
                        (1, 4..) => run::<4, 1, SWAPPED>(product, tile),
                        (1, 2..) => run::<2, 1, SWAPPED>(product, tile),
                        (1, _) => run::<1, 1, SWAPPED>(product, tile),
                        (2, 12..) => run::<12, 2, SWAPPED>(product, tile),
                        (2, 8..) => run::<8, 2, SWAPPED>(product, tile),
                        (2, 4..) => run::<4, 2, SWAPPED>(product, tile),
                        (2, 2..) => run::<2, 2, SWAPPED>(product, tile),
                        (2, _) => run::<1, 2, SWAPPED>(product, tile),
                        (3, 8..) => run::<8, 3, SWAPPED>(product, tile),
                        (3, 6..) => run::<6, 3, SWAPPED>(product, tile),
                        (3, 4..) => run::<4, 3, SWAPPED>(product, tile),
                        (3, 2..) => run::<2, 3, SWAPPED>(product, tile),
                        (3, _) => run::<1, 3, SWAPPED>(product, tile),
                        (_, 6..) => run::<6, 4, SWAPPED>(product, tile),
                        (_, 4..) => run::<4, 4, SWAPPED>(product, tile),
                        (_, 2..) => run::<2, 4, SWAPPED>(product, tile),
                        (_, _) => run::<1, 4, SWAPPED>(product, tile),
                    };
                }
            }
        }
        block += width;
    }
}

/// One tile of `ROWS` rows and `BLOCKS` blocks of columns; returns `ROWS`.
///
/// # Safety
/// As for [`multiply`]; the tile lies within the product.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn run<const ROWS: usize, const BLOCKS: usize, const SWAPPED: bool>(product: &Product<'_>, tile: Tile) -> usize {
    // SAFETY: all offsets stay within the extents that `Product::check` verified.
    unsafe {
        if product.store.accumulate {
            for row in 0..ROWS {
                for block in 0..BLOCKS {
                    _mm_prefetch::<_MM_HINT_T0>(tile.out.wrapping_add(row * tile.out_step + block * BLOCK).cast());
                }
            }
        }
        let mut sums = [[_mm512_setzero_si512(); BLOCKS]; ROWS];
        let [outer, segments, groups] = product.counts;
        let left_lane = product.left.lane;
        let right_lane = product.right.lane;
        let [left_outer, left_segment, left_group] = product.left.steps;
        let [right_outer, right_segment, right_group] = product.right.steps;
        for position in 0..outer {
            for segment in 0..segments {
                let mut left = tile.left.add(position * left_outer + segment * left_segment);
                let mut right = tile.right.add(position * right_outer + segment * right_segment);
                for _ in 0..groups {
                    let mut columns = [_mm512_setzero_si512(); BLOCKS];
                    for (block, column) in columns.iter_mut().enumerate() {
                        *column = _mm512_loadu_si512(right.add(block * right_lane).cast());
                    }
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let value = _mm512_set1_epi32(left.add(row * left_lane).cast::<i32>().read_unaligned());
                        for (sum, &column) in sums.iter_mut().zip(&columns) {
                            *sum = if SWAPPED {
                                _mm512_dpbusd_epi32(*sum, column, value)
                            } else {
                                _mm512_dpbusd_epi32(*sum, value, column)
                            };
                        }
                    }
                    left = left.wrapping_add(left_group);
                    right = right.wrapping_add(right_group);
                }
            }
        }
        let is_plain = product.column_correction.is_none()
            && product.row_correction.is_none()
            && product.store == Store::OVERWRITE
            && product.columns - tile.column >= BLOCKS * BLOCK;
        if is_plain {
            for (row, sums) in sums.iter().enumerate() {
                for (block, &sum) in sums.iter().enumerate() {
                    _mm512_storeu_si512(tile.out.add(row * tile.out_step + block * BLOCK).cast(), sum);
                }
            }
        } else {
            finish(product, tile, sums);
        }
    }
    ROWS
}

/// Adds the corrections and stores a tile.
///
/// # Safety
/// As for [`run`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn finish<const ROWS: usize, const BLOCKS: usize>(
    product: &Product<'_>,
    tile: Tile,
    mut sums: [[__m512i; BLOCKS]; ROWS],
) {
    // SAFETY: corrections cover whole blocks and all rows; masked lanes beyond the columns are not touched.
    unsafe {
        if let Some(correction) = product.column_correction {
            for block in 0..BLOCKS {
                let values = _mm512_loadu_si512(correction.as_ptr().add(tile.column + block * BLOCK).cast());
                for sums in &mut sums {
                    sums[block] = _mm512_add_epi32(sums[block], values);
                }
            }
        }
        if let Some(correction) = product.row_correction {
            for (row, sums) in sums.iter_mut().enumerate() {
                let value = _mm512_set1_epi32(*correction.as_ptr().add(tile.row + row));
                for sum in sums {
                    *sum = _mm512_add_epi32(*sum, value);
                }
            }
        }
        if product.store.scale != 1 {
            let scale = _mm512_set1_epi32(product.store.scale);
            for sum in sums.iter_mut().flatten() {
                *sum = _mm512_mullo_epi32(*sum, scale);
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (block, &sum) in sums.iter().enumerate() {
                let target = tile.out.add(row * tile.out_step + block * BLOCK);
                let width = (product.columns - tile.column - block * BLOCK).min(BLOCK);
                if width == BLOCK {
                    let old = if product.store.accumulate {
                        _mm512_loadu_si512(target.cast())
                    } else {
                        _mm512_setzero_si512()
                    };
                    _mm512_storeu_si512(target.cast(), _mm512_add_epi32(old, sum));
                } else {
                    let mask = (1u16 << width) - 1;
                    let old = if product.store.accumulate {
                        _mm512_maskz_loadu_epi32(mask, target)
                    } else {
                        _mm512_setzero_si512()
                    };
                    _mm512_mask_storeu_epi32(target, mask, _mm512_add_epi32(old, sum));
                }
            }
        }
    }
}
