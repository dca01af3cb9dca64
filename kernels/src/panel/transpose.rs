//! Tiles of 16 rows and 16 groups of four bytes, rows and groups exchanged.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use crate::Isa;
use crate::product::GROUP;

/// Rows and groups of a tile.
pub(crate) const TILE: usize = 16;

/// [`transpose`] of groups at distance `step`: group `g` of row `r`, at `source[step * g + 4 * r]`, goes to
/// `target[pitch * r + 4 * g]`. The rest of the 64 bytes of every row becomes zero.
pub(crate) fn transpose_groups(
    isa: Isa,
    source: &[u8],
    step: usize,
    groups: usize,
    rows: usize,
    target: &mut [u8],
    pitch: usize,
) {
    if groups == 0 || rows == 0 {
        return;
    }
    assert!(groups <= TILE && rows <= TILE, "a tile has 16 rows and 16 groups");
    assert!((groups - 1) * step + rows * GROUP <= source.len(), "source exceeds its buffer");
    assert!((rows - 1) * pitch + TILE * GROUP <= target.len(), "target exceeds its buffer");
    #[cfg(target_arch = "x86_64")]
    if matches!(isa, Isa::Avx512Vnni | Isa::AmxInt8) {
        let offsets: [usize; TILE] = std::array::from_fn(|group| group * step);
        // SAFETY: an engine exists only for an available instruction set, both of these include AVX-512 F, and the
        // ranges were checked above.
        unsafe { transpose(source.as_ptr(), &offsets[..groups], rows, target.as_mut_ptr(), pitch) };
        return;
    }
    let _ = isa;
    for row in 0..rows {
        let target = &mut target[row * pitch..][..TILE * GROUP];
        for (group, target) in target.chunks_exact_mut(GROUP).enumerate() {
            if group < groups {
                target.copy_from_slice(&source[group * step + row * GROUP..][..GROUP]);
            } else {
                target.fill(0);
            }
        }
    }
}

/// Writes a tile of `rows` rows at distance `pitch` from `groups`, each of which holds four bytes of every row side by
/// side.
///
/// # Safety
/// AVX-512 F must be available; at most 16 rows and groups.
#[cfg(target_arch = "x86_64")]
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
#[cfg(target_arch = "x86_64")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tile_is_transposed() {
        let source: Vec<u8> = (0..2000u32).map(|index| (index * 31 + index / 251) as u8).collect();
        for isa in Isa::available() {
            for (groups, rows, step, pitch) in
                [(16, 16, 64, 64), (16, 16, 100, 192), (3, 16, 64, 80), (16, 1, 4, 64), (7, 9, 40, 128)]
            {
                let mut target = vec![77; rows * pitch + 64];
                transpose_groups(isa, &source, step, groups, rows, &mut target, pitch);
                for (row, group, byte) in
                    (0..rows).flat_map(|row| (0..64).map(move |byte| (row, byte / GROUP, byte % GROUP)))
                {
                    let expected = if group < groups { source[group * step + row * GROUP + byte] } else { 0 };
                    assert_eq!(target[row * pitch + group * GROUP + byte], expected, "{isa} {groups} {rows}");
                }
            }
        }
    }
}
