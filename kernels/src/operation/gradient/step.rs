//! The products of one step.

use super::counts::{Slice, Steps};
use super::errors::ErrorPanel;
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, multiply};
use crate::workspace::LINE;
use crate::{Isa, Store};

/// The products of some samples and taps whose interleaved forms are at hand.
pub(super) struct Step<'a> {
    pub(super) slice: &'a Slice<'a>,
    pub(super) isa: Isa,
    /// The samples, counted from the first one of the panel of errors.
    pub(super) first_sample: usize,
    pub(super) samples: usize,
    pub(super) panel: ErrorPanel<'a>,
    pub(super) packed_counts: &'a [u8],
    pub(super) count_steps: Steps,
    pub(super) packed_errors: &'a [u8],
    /// One value an output channel.
    pub(super) correction: Option<&'a [i32]>,
}

impl<'a> Step<'a> {
    /// The counts that meet the taps of kernel row `row` from block `block` on.
    fn counts(&self, row: usize, block: usize, lane: usize) -> Operand<'a> {
        let Steps { block: block_step, sample, row: row_step, group } = self.count_steps;
        let start = row * row_step + block * block_step;
        let steps = [sample, self.slice.gradient.shape.stride[0] * row_step, group];
        Operand { bytes: &self.packed_counts[start..], lane, steps }
    }

    fn product(&self, left: Operand<'a>, right: Operand<'a>, store: Store) -> Product<'a> {
        let gradient = self.slice.gradient;
        Product {
            row_groups: 1,
            left_group_step: 0,
            rows: 0,
            columns: 0,
            counts: [self.samples, gradient.output[0], gradient.quads],
            left,
            right,
            unsigned: UnsignedSide::Right,
            column_correction: None,
            row_correction: None,
            store,
        }
    }

    /// Rows are output channels, columns the taps of a kernel row, or of one kernel cell when channels are sliced.
    pub(super) fn taps_across(&self, store: Store, out: &mut [i32]) {
        let (shape, columns) = (&self.slice.gradient.shape, self.slice.piece());
        let strip = self.panel.strip();
        let pieces = shape.kernel[1] * self.slice.channels / columns.max(1);
        for first in (0..self.panel.width).step_by(strip.max(1)) {
            let left = self.panel.operand(self.packed_errors, first, self.first_sample, GROUP);
            for row in 0..shape.kernel[0] {
                for piece in 0..pieces {
                    let right = self.counts(row, piece * self.slice.blocks(), self.count_steps.block);
                    let product = Product {
                        rows: strip.min(self.panel.width - first),
                        columns,
                        row_correction: self.correction.map(|correction| &correction[first..]),
                        ..self.product(left, right, store)
                    };
                    let cell = row * shape.kernel[1] + piece;
                    let start = first * shape.patch() + cell * shape.input_channels + self.slice.first;
                    let out = Output { values: &mut out[start..], group_step: 0, row_step: shape.patch() };
                    multiply(self.isa, &product, out);
                }
            }
        }
    }

    /// Rows are the taps of a kernel row, columns output channels.
    pub(super) fn taps_down(&self, store: Store, transposed: &mut [i32]) {
        let shape = &self.slice.gradient.shape;
        let run = shape.kernel[1] * self.slice.channels;
        let pitch = self.panel.width.next_multiple_of(BLOCK);
        let right = self.panel.operand(self.packed_errors, 0, self.first_sample, LINE);
        for row in 0..shape.kernel[0] {
            let product = Product {
                rows: run,
                columns: self.panel.width,
                unsigned: UnsignedSide::Left,
                column_correction: self.correction,
                ..self.product(self.counts(row, 0, GROUP), right, store)
            };
            let values = &mut transposed[row * run * pitch..];
            multiply(self.isa, &product, Output { values, group_step: 0, row_step: pitch });
        }
    }
}
