//! A copy of some rows of the left operand, row after row.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::reduction::{CHUNK_TILES, Chunk, Reduction};
use super::rows::Rows;
use super::{PANEL_ROWS, TILE, TILE_ROW};
use crate::product::{GROUP, Product};
use crate::workspace::Line;

/// Lines from row to row: those of a chunk, and one more lest the rows of a tile compete for the same cache set.
const PITCH_LINES: usize = CHUNK_TILES + 1;

/// The groups of a chunk for up to 128 rows.
pub(super) struct LeftPanel {
    lines: [MaybeUninit<Line>; PANEL_ROWS * PITCH_LINES],
}

impl LeftPanel {
    /// Bytes from row to row.
    pub(super) const PITCH: usize = PITCH_LINES * TILE_ROW;

    /// An empty panel.
    pub(super) fn new() -> LeftPanel {
        LeftPanel { lines: [const { MaybeUninit::uninit() }; PANEL_ROWS * PITCH_LINES] }
    }

    /// Where row `row` of the panel begins.
    pub(super) fn row(&self, row: usize) -> *const u8 {
        self.lines[row * PITCH_LINES..].as_ptr().cast()
    }

    /// Copies the chunk of `count` rows from `first` on; row `panel` of the operand is row 0 of the panel. Fills with
    /// zeros to whole tiles.
    ///
    /// # Safety
    /// AVX-512 F and BW must be available; rows and chunk lie within the product.
    #[expect(clippy::too_many_arguments, reason = "what to copy, from where, to where")]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) unsafe fn pack(
        &mut self,
        product: &Product<'_>,
        rows: &Rows,
        reduction: &Reduction,
        chunk: &Chunk,
        panel: usize,
        first: usize,
        count: usize,
    ) {
        let target = self.lines[(first - panel) * PITCH_LINES..].as_mut_ptr().cast::<u8>();
        let source = product.left.bytes.as_ptr();
        let width = chunk.tiles() * TILE_ROW;
        // SAFETY: reads lie within the product, writes within `width` bytes of the rows of the panel.
        unsafe {
            if reduction.steps()[0] == GROUP {
                let filled = chunk.groups * GROUP;
                reduction.stretches(chunk.first, chunk.groups, |index, length, left, _| {
                    for row in 0..count {
                        let (from, into) = (rows.left(first + row) + left, row * Self::PITCH + index * GROUP);
                        copy(source.add(from), target.add(into), length * GROUP);
                    }
                });
                for row in 0..count {
                    target.add(row * Self::PITCH + filled).write_bytes(0, width - filled);
                }
            } else {
                let step = reduction.steps()[0];
                for tile in (0..chunk.groups).step_by(TILE) {
                    let mut groups = [0; TILE];
                    let groups = &mut groups[..TILE.min(chunk.groups - tile)];
                    reduction.stretches(chunk.first + tile, groups.len(), |index, length, left, _| {
                        for (group, offset) in groups[index..index + length].iter_mut().enumerate() {
                            *offset = left + group * step;
                        }
                    });
                    for row in (0..count).step_by(TILE) {
                        let (first, height) = (first + row, (count - row).min(TILE));
                        let target = target.add(row * Self::PITCH + tile * GROUP);
                        if product.left.lane == GROUP && rows.left_is_even(first, height) {
                            transpose(source.add(rows.left(first)), groups, height, target);
                        } else {
                            gather(source, rows, first, groups, height, target);
                        }
                    }
                }
            }
            for row in count..count.next_multiple_of(TILE) {
                target.add(row * Self::PITCH).write_bytes(0, width);
            }
        }
    }
}

/// Copies `length` bytes, 64 at a time.
///
/// # Safety
/// AVX-512 F and BW must be available, both ranges valid.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn copy(source: *const u8, target: *mut u8, length: usize) {
    let whole = length / TILE_ROW * TILE_ROW;
    // SAFETY: within `length` bytes of both.
    unsafe {
        for at in (0..whole).step_by(TILE_ROW) {
            _mm512_storeu_si512(target.add(at).cast(), _mm512_loadu_si512(source.add(at).cast()));
        }
        if whole < length {
            let mask = (1u64 << (length - whole)) - 1;
            let rest = _mm512_maskz_loadu_epi8(mask, source.add(whole).cast());
            _mm512_mask_storeu_epi8(target.add(whole).cast(), mask, rest);
        }
    }
}

/// Writes a tile of `rows` rows from `groups`, each of which holds four bytes of every row side by side.
///
/// # Safety
/// AVX-512 F must be available; at most 16 rows and groups.
#[target_feature(enable = "avx512f")]
unsafe fn transpose(source: *const u8, groups: &[usize], rows: usize, target: *mut u8) {
    let mask = (0xffff_u32 >> (TILE - rows)) as __mmask16;
    let mut lines = [_mm512_setzero_si512(); TILE];
    for (line, &offset) in lines.iter_mut().zip(groups) {
        // SAFETY: the mask keeps the read within `rows` rows.
        *line = unsafe { _mm512_maskz_loadu_epi32(mask, source.add(offset).cast()) };
    }
    // After the four exchanges of halves, line r holds the four bytes of row r from each of 16 groups.
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
    for (row, &line) in lines.iter().enumerate().take(rows) {
        // SAFETY: a row of the tile has 64 bytes.
        unsafe { _mm512_storeu_si512(target.add(row * LeftPanel::PITCH).cast(), line) };
    }
}

/// Writes a tile of `count` rows whose groups lie anywhere, four bytes at a time.
///
/// # Safety
/// Rows and groups must lie within the operand; at most 16 groups.
unsafe fn gather(source: *const u8, rows: &Rows, first: usize, groups: &[usize], count: usize, target: *mut u8) {
    for row in 0..count {
        let from = rows.left(first + row);
        // SAFETY: a group has four bytes, a row of the tile 64.
        unsafe {
            let target = target.add(row * LeftPanel::PITCH);
            target.write_bytes(0, TILE_ROW);
            for (index, &offset) in groups.iter().enumerate() {
                target.add(index * GROUP).copy_from_nonoverlapping(source.add(from + offset), GROUP);
            }
        }
    }
}
