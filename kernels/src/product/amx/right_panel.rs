//! A copy of two column blocks of the right operand, tile after tile.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::reduction::{CHUNK_TILES, Chunk, Reduction};
use super::{TILE, TILE_ROW};
use crate::product::Product;
use crate::workspace::Line;

/// Lines of one block.
const BLOCK_LINES: usize = CHUNK_TILES * TILE;

/// For each of two blocks, the groups of a chunk one after the other.
pub(super) struct RightPanel {
    lines: [MaybeUninit<Line>; 2 * BLOCK_LINES],
}

impl RightPanel {
    /// An empty panel.
    pub(super) fn new() -> RightPanel {
        RightPanel { lines: [const { MaybeUninit::uninit() }; 2 * BLOCK_LINES] }
    }

    /// Where block `index` of the panel begins.
    pub(super) fn block(&self, index: usize) -> *const u8 {
        self.lines[index * BLOCK_LINES..].as_ptr().cast()
    }

    /// Copies the chunk of block `block` of the operand to block `index` of the panel, filled with zeros to whole
    /// tiles.
    ///
    /// # Safety
    /// AVX-512 F must be available, and block and chunk lie within the product.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn pack(
        &mut self,
        product: &Product<'_>,
        reduction: &Reduction,
        chunk: &Chunk,
        block: usize,
        index: usize,
    ) {
        let lines = &mut self.lines[index * BLOCK_LINES..][..chunk.tiles() * TILE];
        let (filled, rest) = lines.split_at_mut(chunk.groups);
        let step = reduction.steps()[1];
        reduction.stretches(chunk.first, chunk.groups, |index, length, _, right| {
            for (group, line) in filled[index..index + length].iter_mut().enumerate() {
                let offset = block * product.right.lane + right + group * step;
                // SAFETY: a group of the right operand has 64 bytes, and so has a line.
                unsafe {
                    let source = product.right.bytes.as_ptr().add(offset);
                    _mm512_store_si512(line.as_mut_ptr().cast(), _mm512_loadu_si512(source.cast()));
                }
            }
        });
        rest.fill(MaybeUninit::new(Line([0; TILE_ROW])));
    }
}
