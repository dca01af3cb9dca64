//! Spike counts interleaved by groups of four positions.

use super::Gradient;
use crate::panel::{Placement, interleave_lines, interleave_shifted};
use crate::product::{BLOCK, GROUP};
use crate::workspace::LINE;
use crate::{Counts, Isa};

/// Which operand the taps (kernel cells times input channels) are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Orientation {
    /// Columns, written straight to the output.
    TapsAcross,
    /// Rows, through a transposed scratch; better when a kernel row is short.
    TapsDown,
}

/// Some input channels of a gradient.
///
/// For every row of the padded map and every group of four output positions, the counts that the taps of one kernel row
/// meet, four bytes a tap.
pub(super) struct Slice<'a> {
    pub(super) gradient: &'a Gradient,
    /// The first channel.
    pub(super) first: usize,
    /// Number of channels.
    pub(super) channels: usize,
    orientation: Orientation,
    /// From the slice of a map to its padded copy.
    pub(super) placement: Placement,
}

/// Where the interleaved counts lie, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    /// From a block of 16 taps to the next.
    pub(super) block: usize,
    /// From a sample to the next.
    pub(super) sample: usize,
    /// From a row of the padded map to the next.
    pub(super) row: usize,
    /// From a group of positions to the next.
    pub(super) group: usize,
}

impl Slice<'_> {
    pub(super) fn new(gradient: &Gradient, orientation: Orientation, first: usize, channels: usize) -> Slice<'_> {
        let shape = &gradient.shape;
        let placement = Placement {
            source: [shape.input_height, shape.input_width],
            target: [
                (gradient.output[0] - 1) * shape.stride[0] + shape.kernel[0],
                (gradient.quads * GROUP - 1) * shape.stride[1] + shape.kernel[1],
            ],
            offset: shape.padding.map(|cells| cells as isize),
            dilation: [1, 1],
            channels,
        };
        Slice { gradient, first, channels, orientation, placement }
    }

    /// Taps of a kernel row.
    fn run(&self) -> usize {
        self.gradient.shape.kernel[1] * self.channels
    }

    /// Taps of a kernel row that lie side by side in the output: all of them, or those of a kernel cell when channels are
    /// sliced. Each such piece begins a block.
    pub(super) fn piece(&self) -> usize {
        if self.channels == self.gradient.shape.input_channels { self.run() } else { self.channels }
    }

    /// Blocks of a piece.
    pub(super) fn blocks(&self) -> usize {
        self.piece().div_ceil(BLOCK)
    }

    /// Groups of positions of a padded map.
    fn groups(&self) -> usize {
        self.placement.target[0] * self.gradient.quads
    }

    /// Bytes of the interleaved counts of a sample.
    pub(super) fn length(&self) -> usize {
        match self.orientation {
            Orientation::TapsAcross => {
                let lines = self.run() / self.piece().max(1) * self.blocks();
                self.groups().saturating_mul(lines * LINE)
            }
            Orientation::TapsDown => self.placement.target[0].saturating_mul(self.shared_row()),
        }
    }

    /// Bytes from group to group where adjacent groups share the counts of cells that both meet.
    fn shared_group(&self) -> usize {
        let shape = &self.gradient.shape;
        let cells = if shape.kernel[1] == 1 { 1 } else { GROUP * shape.stride[1] };
        cells * self.channels * GROUP
    }

    /// Bytes of such a row.
    fn shared_row(&self) -> usize {
        (self.gradient.quads - 1) * self.shared_group() + self.run() * GROUP
    }

    /// Where the counts of `samples` samples lie. Columns are read in blocks, which lie apart so that the groups of each
    /// follow each other through all rows of a map; rows are read four bytes at a time, so groups may overlap.
    pub(super) fn steps(&self, samples: usize) -> Steps {
        match self.orientation {
            Orientation::TapsAcross => {
                let sample = self.groups() * LINE;
                Steps { block: samples * sample, sample, row: self.gradient.quads * LINE, group: LINE }
            }
            Orientation::TapsDown => {
                Steps { block: LINE, sample: self.length(), row: self.shared_row(), group: self.shared_group() }
            }
        }
    }

    /// Interleaves the counts of a sample, the one with the given index among those that `steps` is for; `image` is
    /// scratch.
    #[expect(clippy::too_many_arguments, reason = "what to pack, and where to")]
    pub(super) fn pack(
        &self,
        isa: Isa,
        counts: Counts<'_>,
        sample: usize,
        image: &mut [u8],
        index: usize,
        steps: Steps,
        target: &mut [u8],
    ) {
        let shape = &self.gradient.shape;
        let source = &counts.bytes()[sample * shape.input_length()..][..shape.input_length()];
        self.placement.copy_channels(source, shape.input_channels, self.first, counts.flip(), image);
        let cell = shape.stride[1] * self.channels;
        let image_row = self.placement.target[1] * self.channels;
        let target = &mut target[index * steps.sample..];
        for row in 0..self.placement.target[0] {
            let source = &image[row * image_row..][..image_row];
            let target = &mut target[row * steps.row..];
            match self.orientation {
                Orientation::TapsAcross => self.pack_apart(isa, source, cell, steps, target),
                Orientation::TapsDown if steps.group == self.run() * GROUP => {
                    for quad in 0..self.gradient.quads {
                        let target = &mut target[quad * steps.group..][..steps.group];
                        interleave_shifted(isa, &source[quad * GROUP * cell..], cell, target);
                    }
                }
                Orientation::TapsDown => interleave_shifted(isa, source, cell, &mut target[..steps.row]),
            }
        }
    }

    /// Interleaves a row of the padded map whose cells lie `cell` bytes apart from position to position, the counts of
    /// every group on their own and every block of taps in its place.
    fn pack_apart(&self, isa: Isa, source: &[u8], cell: usize, steps: Steps, target: &mut [u8]) {
        let (run, piece, piece_step) = (self.run(), self.piece(), self.blocks() * steps.block);
        for quad in 0..self.gradient.quads {
            let sources = [0, 1, 2, 3].map(|position| &source[(quad * GROUP + position) * cell..][..run]);
            let target = &mut target[quad * steps.group..];
            for (index, first) in (0..run).step_by(piece.max(1)).enumerate() {
                let sources = sources.map(|source| &source[first..first + piece]);
                interleave_lines(isa, sources, &mut target[index * piece_step..], steps.block);
            }
        }
    }
}
