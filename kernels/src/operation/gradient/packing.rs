//! Counts and errors interleaved by groups of four positions.

use std::ops::Range;

use super::{Gradient, Operands};
use crate::panel::{Placement, interleave, interleave_shifted, prefetch};
use crate::product::{BLOCK, GROUP};
use crate::workspace::LINE;
use crate::{Counts, Isa, as_unsigned};

/// Positions by which reading runs ahead of interleaving.
const AHEAD: usize = 8;

/// Some input channels of a gradient.
pub(super) struct Slice<'a> {
    pub(super) gradient: &'a Gradient,
    /// The first channel.
    pub(super) first: usize,
    /// Number of channels.
    pub(super) channels: usize,
    /// From the slice of a map to its padded copy.
    pub(super) placement: Placement,
}

impl Slice<'_> {
    pub(super) fn new(gradient: &Gradient, first: usize, channels: usize) -> Slice<'_> {
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
        Slice { gradient, first, channels, placement }
    }

    /// Kernels one cell wide share no counts between positions, so their groups lie side by side.
    fn is_compact(&self) -> bool {
        self.gradient.shape.kernel[1] == 1
    }

    /// Bytes from one group of positions to the next.
    pub(super) fn group_step(&self) -> usize {
        let cells = if self.is_compact() { 1 } else { GROUP * self.gradient.shape.stride[1] };
        cells * self.channels * GROUP
    }

    /// Bytes from one row of the padded map to the next.
    pub(super) fn row_step(&self) -> usize {
        (self.gradient.quads - 1) * self.group_step() + self.gradient.shape.kernel[1] * self.channels * GROUP
    }

    /// Bytes of the interleaved counts of a sample.
    pub(super) fn length(&self) -> usize {
        self.placement.target[0].saturating_mul(self.row_step())
    }

    /// Interleaves the counts of four adjacent output positions of a sample; `image` is scratch.
    pub(super) fn pack_counts(&self, isa: Isa, counts: Counts<'_>, sample: usize, image: &mut [u8], target: &mut [u8]) {
        let shape = &self.gradient.shape;
        let source = &counts.bytes()[sample * shape.input_length()..][..shape.input_length()];
        self.placement.copy_channels(source, shape.input_channels, self.first, counts.flip(), image);
        let shift = shape.stride[1] * self.channels;
        let image_row = self.placement.target[1] * self.channels;
        let target = &mut target[..self.length()];
        if target.is_empty() {
            return;
        }
        for (row, target) in target.chunks_exact_mut(self.row_step()).enumerate() {
            let source = &image[row * image_row..][..image_row];
            if self.is_compact() {
                for (quad, target) in target.chunks_exact_mut(self.group_step()).enumerate() {
                    interleave_shifted(isa, &source[quad * GROUP * shift..], shift, target);
                }
            } else {
                interleave_shifted(isa, source, shift, target);
            }
        }
    }
}

impl Gradient {
    /// Interleaves the errors of some channels of some samples. For signed counts also computes `-128` times the sum
    /// of every channel's errors into `sums`, and returns true.
    pub(super) fn pack_errors(
        &self,
        isa: Isa,
        operands: &Operands<'_>,
        samples: &[usize],
        channels: &Range<usize>,
        target: &mut [u8],
        sums: &mut [i32],
    ) -> bool {
        let (all, packed) = (self.shape.output_length(), self.error_length(channels.len()));
        let is_signed = operands.counts.flip() != 0;
        sums.fill(0);
        for (index, sample) in samples.iter().enumerate() {
            let rest = &operands.errors[sample * all..];
            self.pack_sample(isa, rest, channels, &mut target[index * packed..][..packed]);
            if is_signed {
                for position in rest[..all].chunks_exact(self.shape.output_channels) {
                    for (sum, &error) in sums.iter_mut().zip(&position[channels.clone()]) {
                        *sum = sum.wrapping_sub(i32::from(error) * 128);
                    }
                }
            }
        }
        is_signed
    }

    /// Interleaves the errors of four adjacent positions; positions beyond the row hold zero. Lanes beyond the given
    /// channels hold anything: no output depends on them.
    fn pack_sample(&self, isa: Isa, errors: &[i8], channels: &Range<usize>, target: &mut [u8]) {
        let errors = as_unsigned(errors);
        let width = channels.len();
        let padded = width.next_multiple_of(BLOCK);
        let columns = self.output[1];
        let is_strided = width + LINE <= self.shape.output_channels;
        for (index, target) in target.chunks_exact_mut(padded * GROUP).enumerate() {
            let (row, quad) = (index / self.quads, index % self.quads);
            let start = |position: usize| {
                (row * columns + quad * GROUP + position) * self.shape.output_channels + channels.start
            };
            for byte in (0..if is_strided { width } else { 0 }).step_by(LINE) {
                (0..GROUP).for_each(|position| prefetch(errors, start(AHEAD + position) + byte));
            }
            let present = (columns - quad * GROUP).min(GROUP);
            if present == GROUP {
                let length = if start(GROUP - 1) + padded <= errors.len() { padded } else { width };
                let source = |position: usize| &errors[start(position)..][..length];
                interleave(isa, [source(0), source(1), source(2), source(3)], &mut target[..length * GROUP]);
            } else {
                target.fill(0);
                for position in 0..present {
                    let source = &errors[start(position)..][..width];
                    for (group, &error) in target.chunks_exact_mut(GROUP).zip(source) {
                        group[position] = error;
                    }
                }
            }
        }
    }
}
