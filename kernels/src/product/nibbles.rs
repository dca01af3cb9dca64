//! Codes of half a byte times few rows of counts: AVX-512 VNNI, the codes unpacked in registers.

use std::arch::x86_64::*;

use super::{BLOCK, GROUP};
use crate::workspace::LINE;
use crate::{CountRows, PackedNibbles, Store};

/// Blocks of columns that are summed together: as many streams of memory.
const BLOCKS: usize = 4;

/// Computes the product.
///
/// # Safety
/// AVX-512 F, BW, VL and VNNI must be available.
///
/// # Panics
/// When the rows do not hold whole groups of the inner dimension.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(crate) unsafe fn multiply(left: CountRows<'_>, right: &PackedNibbles, store: Store, out: &mut [i32]) {
    let (columns, groups) = (right.columns(), right.inner().div_ceil(GROUP));
    let reach = left.count.saturating_sub(1).saturating_mul(left.pitch).saturating_add(groups * GROUP);
    assert!(reach <= left.bytes.len(), "left operand exceeds its buffer");
    let blocks = columns.div_ceil(BLOCK);
    for block in (0..blocks).step_by(BLOCKS) {
        let width = BLOCKS.min(blocks - block);
        let mut row = 0;
        while row < left.count {
            let place = Place { row, block };
            // SAFETY: rows and blocks are within the product, and the rows hold whole groups.
            row += unsafe {
                match (width, left.count - row) {
                    (4, 4..) => run::<4, 4>(left, right, place, store, out),
                    (4, 2..) => run::<2, 4>(left, right, place, store, out),
                    (4, _) => run::<1, 4>(left, right, place, store, out),
                    (2.., _) => {
                        run::<1, 2>(left, right, place, store, out);
                        if width == 3 {
                            run::<1, 1>(left, right, Place { block: block + 2, ..place }, store, out);
                        }
                        1
                    }
                    _ => run::<1, 1>(left, right, place, store, out),
                }
            };
        }
    }
}

/// The first row and block of a tile.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    block: usize,
}

/// One tile of `ROWS` rows and `BLOCKS` blocks of columns; returns `ROWS`.
///
/// # Safety
/// As for [`multiply`]; the tile lies within the product.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn run<const ROWS: usize, const BLOCKS: usize>(
    left: CountRows<'_>,
    right: &PackedNibbles,
    place: Place,
    store: Store,
    out: &mut [i32],
) -> usize {
    let groups = right.inner().div_ceil(GROUP);
    let (whole, step) = (groups / 2, groups.div_ceil(2) * LINE);
    let half = _mm512_set1_epi8(15);
    let mut sums = [[_mm512_setzero_si512(); BLOCKS]; ROWS];
    // SAFETY: rows hold whole groups, blocks whole pairs of groups.
    unsafe {
        let counts = left.bytes.as_ptr().add(place.row * left.pitch);
        let codes = right.lines().as_ptr().cast::<u8>().add(place.block * step);
        let count = |row: usize, group: usize| {
            _mm512_set1_epi32(counts.add(row * left.pitch + group * GROUP).cast::<i32>().read_unaligned())
        };
        for pair in 0..whole {
            let mut low = [_mm512_setzero_si512(); BLOCKS];
            let mut high = low;
            for block in 0..BLOCKS {
                let both = _mm512_loadu_si512(codes.add(block * step + pair * LINE).cast());
                low[block] = _mm512_and_si512(both, half);
                high[block] = _mm512_and_si512(_mm512_srli_epi16::<4>(both), half);
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let (first, second) = (count(row, 2 * pair), count(row, 2 * pair + 1));
                for block in 0..BLOCKS {
                    sums[block] = _mm512_dpbusd_epi32(sums[block], first, low[block]);
                    sums[block] = _mm512_dpbusd_epi32(sums[block], second, high[block]);
                }
            }
        }
        if groups % 2 == 1 {
            for block in 0..BLOCKS {
                let both = _mm512_loadu_si512(codes.add(block * step + whole * LINE).cast());
                for (row, sums) in sums.iter_mut().enumerate() {
                    sums[block] = _mm512_dpbusd_epi32(sums[block], count(row, 2 * whole), _mm512_and_si512(both, half));
                }
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let out = &mut out[(place.row + row) * right.columns()..][..right.columns()];
        for (block, &sum) in sums.iter().enumerate() {
            let mut values = [0; BLOCK];
            // SAFETY: the array has 16 integers.
            unsafe { _mm512_storeu_si512(values.as_mut_ptr().cast(), sum) };
            for (out, value) in out[(place.block + block) * BLOCK..].iter_mut().zip(values) {
                *out = store.apply(*out, value);
            }
        }
    }
    ROWS
}
