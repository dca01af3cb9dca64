//! The products of one step.

use super::packing::Slice;
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, multiply};
use crate::workspace::LINE;
use crate::{Isa, Store};

/// The products of some samples, channels and taps whose interleaved forms are at hand.
pub(super) struct Step<'a> {
    pub(super) slice: &'a Slice<'a>,
    pub(super) isa: Isa,
    pub(super) samples: usize,
    /// Output channels.
    pub(super) width: usize,
    pub(super) packed_counts: &'a [u8],
    pub(super) packed_errors: &'a [u8],
    /// One value an output channel.
    pub(super) correction: Option<&'a [i32]>,
}

impl<'a> Step<'a> {
    /// The counts that meet kernel cell `[row, column]` and those to its right.
    fn counts(&self, row: usize, column: usize, lane: usize) -> Operand<'a> {
        let slice = self.slice;
        let row_step = slice.row_step();
        let start = row * row_step + column * slice.channels * GROUP;
        let steps = [slice.length(), slice.gradient.shape.stride[0] * row_step, slice.group_step()];
        Operand { bytes: &self.packed_counts[start..], lane, steps }
    }

    fn errors(&self, lane: usize) -> Operand<'a> {
        let gradient = self.slice.gradient;
        let group = self.width.next_multiple_of(BLOCK) * GROUP;
        let row = gradient.quads * group;
        Operand { bytes: self.packed_errors, lane, steps: [gradient.output[0] * row, row, group] }
    }

    fn product(&self, store: Store) -> Product<'a> {
        let gradient = self.slice.gradient;
        Product {
            row_groups: 1,
            left_group_step: 0,
            rows: self.width,
            columns: 0,
            counts: [self.samples, gradient.output[0], gradient.quads],
            left: self.errors(GROUP),
            right: self.counts(0, 0, LINE),
            unsigned: UnsignedSide::Right,
            column_correction: None,
            row_correction: self.correction,
            store,
        }
    }

    /// Rows are output channels, columns the taps of a kernel row, or of one kernel cell when channels are sliced.
    pub(super) fn taps_across(&self, store: Store, out: &mut [i32]) {
        let shape = &self.slice.gradient.shape;
        let (all, channels) = (shape.input_channels, self.slice.channels);
        let cells = if channels == all { shape.kernel[1] } else { 1 };
        for row in 0..shape.kernel[0] {
            for column in (0..shape.kernel[1]).step_by(cells) {
                let right = self.counts(row, column, LINE);
                let product = Product { right, columns: cells * channels, ..self.product(store) };
                let values = &mut out[(row * shape.kernel[1] + column) * all + self.slice.first..];
                multiply(self.isa, &product, Output { values, group_step: 0, row_step: shape.patch() });
            }
        }
    }

    /// Rows are the taps of a kernel row, columns output channels.
    pub(super) fn taps_down(&self, store: Store, transposed: &mut [i32]) {
        let shape = &self.slice.gradient.shape;
        let run = shape.kernel[1] * self.slice.channels;
        let pitch = self.width.next_multiple_of(BLOCK);
        for row in 0..shape.kernel[0] {
            let product = Product {
                rows: run,
                columns: self.width,
                left: self.counts(row, 0, GROUP),
                right: self.errors(LINE),
                unsigned: UnsignedSide::Left,
                column_correction: self.correction,
                row_correction: None,
                ..self.product(store)
            };
            let values = &mut transposed[row * run * pitch..];
            multiply(self.isa, &product, Output { values, group_step: 0, row_step: pitch });
        }
    }
}
