//! How the lines of a packed matrix are filled, block by block.

use rayon::prelude::*;

use super::strip::{Strip, pack_rows, pack_steps};
use super::{PackedMatrix, Packing};
use crate::product::{BLOCK, GROUP};
use crate::workspace::{LINE, Line};
use crate::{Isa, Parallelism};

/// Lines from which on the blocks of a matrix are shared among threads.
const SHARED_LINES: usize = 1 << 12;
/// The fewest and the most adjacent blocks that are packed together from rows of the inner dimension: long reads, and
/// no more blocks than a processor follows writes.
const STRIP_BLOCKS: [usize; 2] = [4, 16];

/// Runs of the inner dimension, each padded to whole groups.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub isa: Isa,
    pub columns: usize,
    pub runs: usize,
    /// Inner steps of a run.
    pub run: usize,
}

impl Layout {
    /// Groups of a run.
    pub fn groups(&self) -> usize {
        self.run.div_ceil(GROUP)
    }

    /// Lines of a block of columns.
    pub fn block_lines(&self) -> usize {
        self.runs * self.groups()
    }

    /// Column sums of a block.
    fn block_sums(&self) -> usize {
        self.runs * BLOCK
    }
}

impl PackedMatrix {
    /// Makes room for `runs` runs of the inner dimension.
    pub(super) fn begin(&mut self, packing: Packing, runs: usize) -> Layout {
        let layout = Layout { isa: self.engine.isa(), columns: self.columns, runs, run: self.inner / runs };
        let blocks = self.columns.div_ceil(BLOCK);
        self.packing = packing;
        self.lines.resize(blocks * layout.block_lines(), Line([0; LINE]));
        self.sums.resize(blocks * layout.block_sums(), 0);
        self.corrections.resize((2 * runs - 1) * blocks * BLOCK, 0);
        layout
    }

    /// Packs rows `[columns][runs][steps of a run]`.
    pub(super) fn pack_rows(&mut self, layout: Layout, weights: &[u8]) {
        self.for_strips(layout, 1, |strip| pack_rows(&layout, weights, strip));
    }

    /// Packs rows of one value for every column; `place(run, step)` is where in `weights` the row of a step begins.
    pub(super) fn pack_steps(
        &mut self,
        layout: Layout,
        weights: &[u8],
        place: impl Fn(usize, usize) -> usize + Copy + Sync,
    ) {
        let [fewest, most] = STRIP_BLOCKS;
        let blocks = (self.columns.div_ceil(BLOCK) / 8).clamp(fewest, most);
        self.for_strips(layout, blocks, |strip| pack_steps::<{ STRIP_BLOCKS[1] }>(&layout, weights, place, strip));
    }

    /// Packs all blocks, up to `blocks` of them at a time, and derives the corrections.
    fn for_strips(&mut self, layout: Layout, blocks: usize, pack: impl Fn(Strip<'_>) + Sync) {
        if self.lines.is_empty() {
            self.sums.fill(0);
        } else {
            let (lines_step, sums_step) = (blocks * layout.block_lines(), blocks * layout.block_sums());
            let is_shared = self.engine.parallelism() == Parallelism::Rayon && self.lines.len() >= SHARED_LINES;
            if is_shared {
                let strips = self.lines.par_chunks_mut(lines_step).zip(self.sums.par_chunks_mut(sums_step));
                strips
                    .enumerate()
                    .for_each(|(index, (lines, sums))| pack(Strip { first: index * blocks, lines, sums }));
            } else {
                let strips = self.lines.chunks_mut(lines_step).zip(self.sums.chunks_mut(sums_step));
                strips
                    .enumerate()
                    .for_each(|(index, (lines, sums))| pack(Strip { first: index * blocks, lines, sums }));
            }
        }
        self.correct(layout.runs);
    }

    /// Derives the corrections for a left operand shifted by 128.
    pub(super) fn correct(&mut self, runs: usize) {
        let width = self.columns.next_multiple_of(BLOCK);
        let (whole, parts) = self.corrections.split_at_mut(width);
        let (firsts, lasts) = parts.split_at_mut((runs - 1) * width);
        let shift = |target: &mut [i32], run: usize| {
            for (target, sums) in target.chunks_exact_mut(BLOCK).zip(self.sums.chunks_exact(runs * BLOCK)) {
                for (value, &sum) in target.iter_mut().zip(&sums[run * BLOCK..]) {
                    *value = value.wrapping_sub(sum.wrapping_mul(128));
                }
            }
        };
        whole.fill(0);
        shift(whole, 0);
        for run in 1..runs {
            firsts[(run - 1) * width..run * width].copy_from_slice(whole);
            shift(whole, run);
        }
        for count in 1..runs {
            let (shorter, target) = lasts[..count * width].split_at_mut((count - 1) * width);
            match shorter.len().checked_sub(width) {
                Some(start) => target.copy_from_slice(&shorter[start..]),
                None => target.fill(0),
            }
            shift(target, runs - count);
        }
    }
}
