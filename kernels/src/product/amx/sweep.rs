//! The order in which the tiles of a product are computed.

use super::job::{Job, SUMS_PITCH, Shape, Sums};
use super::left_panel::LeftPanel;
use super::reduction::{Chunk, Reduction};
use super::right_panel::RightPanel;
use super::rows::Rows;
use super::{PANEL_ROWS, TILE, TILE_ROW, finish};
use crate::product::{BLOCK, GROUP, Output, Product};

/// The state of one product.
pub(super) struct Sweep<'a> {
    product: &'a Product<'a>,
    rows: Rows,
    reduction: Reduction,
    out: *mut i32,
    left: LeftPanel,
    right: RightPanel,
}

/// Up to two row tiles.
#[derive(Clone, Copy)]
struct Strip {
    /// The first row, counted over all groups.
    first: usize,
    rows: usize,
    /// Whether the left operand is read in place.
    in_place: bool,
}

impl<'a> Sweep<'a> {
    /// The sweep that computes `product` into `out`.
    pub(super) fn new(product: &'a Product<'a>, out: Output<'_>) -> Sweep<'a> {
        Sweep {
            product,
            rows: Rows::new(product, &out),
            reduction: Reduction::new(product),
            out: out.values.as_mut_ptr(),
            left: LeftPanel::new(),
            right: RightPanel::new(),
        }
    }

    /// Goes over row panels, chunks of the reduction, pairs of column blocks and strips of rows.
    ///
    /// # Safety
    /// As for [`multiply`](super::multiply), with the tiles configured; the reduction must not be empty.
    pub(super) unsafe fn run(&mut self) {
        for first in (0..self.rows.count).step_by(PANEL_ROWS) {
            let last = (first + PANEL_ROWS).min(self.rows.count);
            for tiles in (0..self.reduction.tiles()).step_by(self.reduction.chunk_tiles()) {
                let chunk = self.reduction.chunk(tiles);
                // SAFETY: rows and chunk lie within the product.
                unsafe { self.run_chunk(first, last, &chunk) };
            }
        }
    }

    /// One chunk of the reduction for the rows `first..last` and all columns.
    ///
    /// # Safety
    /// As for [`Sweep::run`].
    unsafe fn run_chunk(&mut self, first: usize, last: usize, chunk: &Chunk) {
        // SAFETY: the strips and blocks lie within the product.
        unsafe {
            for strip in self.strips(first, last).filter(|strip| !strip.in_place) {
                self.left.pack(self.product, &self.rows, &self.reduction, chunk, first, strip.first, strip.rows);
            }
            let blocks = self.product.blocks();
            for block in (0..blocks).step_by(2) {
                let width = (blocks - block).min(2);
                if !self.reduction.is_whole() {
                    for index in 0..width {
                        self.right.pack(self.product, &self.reduction, chunk, block + index, index);
                    }
                }
                for strip in self.strips(first, last) {
                    self.run_tiles(first, strip, block, width, chunk);
                }
            }
        }
    }

    /// The strips of the rows `first..last`.
    fn strips(&self, first: usize, last: usize) -> impl Iterator<Item = Strip> + use<> {
        let (rows, whole) = (self.rows, self.reduction.is_whole() && self.reduction.steps()[0] == GROUP);
        (first..last).step_by(2 * TILE).map(move |first| {
            let count = (last - first).min(2 * TILE);
            let even = count.is_multiple_of(TILE);
            let in_place = whole && even && (0..count).step_by(TILE).all(|row| rows.left_is_even(first + row, TILE));
            Strip { first, rows: count, in_place }
        })
    }

    /// One strip and up to two blocks of columns.
    ///
    /// # Safety
    /// As for [`Sweep::run`].
    unsafe fn run_tiles(&mut self, panel: usize, strip: Strip, block: usize, width: usize, chunk: &Chunk) {
        let product = self.product;
        let second = strip.first + if strip.rows > TILE { TILE } else { 0 };
        // SAFETY: all offsets stay within the extents that `Product::check` verified, or within the panels.
        unsafe {
            let (left, left_stride, offsets) = if strip.in_place {
                let base = product.left.bytes.as_ptr();
                let at = |row| base.add(self.rows.left(row));
                ([at(strip.first), at(second)], product.left.lane, &chunk.in_place)
            } else {
                let at = |row| self.left.row(row - panel);
                ([at(strip.first), at(second)], LeftPanel::PITCH, &chunk.copied)
            };
            let (right, right_stride) = if self.reduction.is_whole() {
                let at = |block| product.right.bytes.as_ptr().add(block * product.right.lane);
                ([at(block), at(block + width - 1)], self.reduction.steps()[1])
            } else {
                ([self.right.block(0), self.right.block(width - 1)], TILE_ROW)
            };
            let column = block * BLOCK;
            let fresh = chunk.is_first && !product.store.accumulate;
            let corrected = chunk.is_first && (product.column_correction.is_some() || product.row_correction.is_some());
            let direct = product.store.scale == 1
                && !corrected
                && column + width * BLOCK <= product.columns
                && strip.rows.is_multiple_of(TILE)
                && self.rows.out_is_even(strip.first, strip.rows);
            let shape = Shape { two_rows: strip.rows > TILE, two_columns: width > 1, unsigned: product.unsigned };
            let mut job =
                Job { offsets: chunk.offsets(offsets), left, left_stride, right, right_stride, ..Job::default() };
            if direct {
                job.sums = self.out.add(self.rows.out(strip.first) + column);
                job.sums_stride = self.rows.out_step() * size_of::<i32>();
                job.accumulate = !fresh;
                job.run(shape);
            } else {
                let mut sums = Sums::new();
                job.sums = sums.as_mut_ptr();
                job.sums_stride = SUMS_PITCH * size_of::<i32>();
                job.run(shape);
                finish::store(
                    product,
                    &self.rows,
                    chunk.is_first,
                    self.out,
                    strip.first,
                    strip.rows,
                    column,
                    width,
                    &sums,
                );
            }
        }
    }
}
