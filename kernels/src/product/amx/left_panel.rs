//! A copy of some rows of the left operand, row after row.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::reduction::{CHUNK_TILES, Chunk, Reduction};
use super::rows::Rows;
use super::{PANEL_ROWS, TILE, TILE_ROW};
use crate::panel::transpose;
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
                            transpose(source.add(rows.left(first)), groups, height, target, Self::PITCH);
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
