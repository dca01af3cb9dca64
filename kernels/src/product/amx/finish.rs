//! From sums at rest to the output: corrections, scale, and the old value.

use std::arch::x86_64::*;

use super::job::{SUMS_PITCH, Sums};
use super::rows::Rows;
use crate::product::{BLOCK, Product};

/// Stores `count` rows from `first` on and `width` blocks from `column` on. Only the first sums of a reduction are
/// corrected and may overwrite; the later ones are added, which gives the same bits, as 32-bit sums wrap.
///
/// # Safety
/// AVX-512 F must be available; `out` is the output of the product, and rows and columns lie within it.
#[expect(clippy::too_many_arguments, reason = "sums, and the place they belong to")]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn store(
    product: &Product<'_>,
    rows: &Rows,
    is_first: bool,
    out: *mut i32,
    first: usize,
    count: usize,
    column: usize,
    width: usize,
    sums: &Sums,
) {
    let scale = _mm512_set1_epi32(product.store.scale);
    for block in 0..width {
        let column = column + block * BLOCK;
        let mask = (0xffff_u32 >> (BLOCK - (product.columns - column).min(BLOCK))) as __mmask16;
        // SAFETY: corrections cover whole blocks and all rows; the mask keeps out lanes beyond the columns.
        unsafe {
            let column_correction = match product.column_correction {
                Some(values) if is_first => _mm512_loadu_si512(values.as_ptr().add(column).cast()),
                _ => _mm512_setzero_si512(),
            };
            for row in 0..count {
                let row_correction = match product.row_correction {
                    Some(values) if is_first => values[rows.in_group(first + row)],
                    _ => 0,
                };
                let sum = _mm512_load_si512(sums.as_ptr().add(row * SUMS_PITCH + block * BLOCK).cast());
                let correction = _mm512_add_epi32(column_correction, _mm512_set1_epi32(row_correction));
                let value = _mm512_mullo_epi32(_mm512_add_epi32(sum, correction), scale);
                let target = out.add(rows.out(first + row) + column);
                let old = if is_first && !product.store.accumulate {
                    _mm512_setzero_si512()
                } else {
                    _mm512_maskz_loadu_epi32(mask, target)
                };
                _mm512_mask_storeu_epi32(target, mask, _mm512_add_epi32(old, value));
            }
        }
    }
}
