//! Tiles of 16 rows and 16 groups of four bytes, rows and groups exchanged.

use std::arch::x86_64::*;

/// Rows and groups of a tile.
const TILE: usize = 16;

/// Writes a tile of `rows` rows at distance `pitch` from `groups`, each of which holds four bytes of every row side by
/// side.
///
/// # Safety
/// AVX-512 F must be available; at most 16 rows and groups.
#[target_feature(enable = "avx512f")]
pub(crate) unsafe fn transpose(source: *const u8, groups: &[usize], rows: usize, target: *mut u8, pitch: usize) {
    let mask = (0xffff_u32 >> (TILE - rows)) as __mmask16;
    let mut lines = [_mm512_setzero_si512(); TILE];
    for (line, &offset) in lines.iter_mut().zip(groups) {
        // SAFETY: the mask keeps the read within `rows` rows.
        *line = unsafe { _mm512_maskz_loadu_epi32(mask, source.add(offset).cast()) };
    }
    for (row, &line) in exchange(lines).iter().enumerate().take(rows) {
        // SAFETY: a row of the tile has 64 bytes.
        unsafe { _mm512_storeu_si512(target.add(row * pitch).cast(), line) };
    }
}

/// Group `g` of line `l` becomes group `l` of line `g`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(crate) fn exchange(mut lines: [__m512i; TILE]) -> [__m512i; TILE] {
    let mut pairs = lines;
    for index in 0..TILE / 2 {
        pairs[2 * index] = _mm512_unpacklo_epi32(lines[2 * index], lines[2 * index + 1]);
        pairs[2 * index + 1] = _mm512_unpackhi_epi32(lines[2 * index], lines[2 * index + 1]);
    }
    let mut quads = pairs;
    for index in 0..TILE / 4 {
        for half in 0..2 {
            let (low, high) = (pairs[4 * index + half], pairs[4 * index + 2 + half]);
            quads[4 * index + 2 * half] = _mm512_unpacklo_epi64(low, high);
            quads[4 * index + 2 * half + 1] = _mm512_unpackhi_epi64(low, high);
        }
    }
    // Quad 4 i + j holds, in its 128-bit part p, row 4 p + j of groups 4 i to 4 i + 3.
    for row in 0..4 {
        let [first, second, third, fourth] = [quads[row], quads[4 + row], quads[8 + row], quads[12 + row]];
        let (even_low, odd_low) = (
            _mm512_shuffle_i32x4::<0b10_00_10_00>(first, second),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(first, second),
        );
        let (even_high, odd_high) = (
            _mm512_shuffle_i32x4::<0b10_00_10_00>(third, fourth),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(third, fourth),
        );
        lines[row] = _mm512_shuffle_i32x4::<0b10_00_10_00>(even_low, even_high);
        lines[row + 8] = _mm512_shuffle_i32x4::<0b11_01_11_01>(even_low, even_high);
        lines[row + 4] = _mm512_shuffle_i32x4::<0b10_00_10_00>(odd_low, odd_high);
        lines[row + 12] = _mm512_shuffle_i32x4::<0b11_01_11_01>(odd_low, odd_high);
    }
    lines
}
