//! Error counts interleaved by groups of four positions.

use std::ops::Range;

use super::{Gradient, Operands};
use crate::panel::{TILE, interleave, prefetch, transpose_groups};
use crate::product::{BLOCK, GROUP, Operand};
use crate::workspace::{LINE, lines_for};
use crate::{Isa, as_unsigned};

/// Positions by which reading runs ahead of interleaving.
const AHEAD: usize = 8;

/// Channels whose errors are interleaved together, a multiple of the rows of a register tile.
pub(super) const CHANNELS: usize = 96;

/// The interleaved errors of some samples and output channels.
#[derive(Clone, Copy)]
pub(super) struct ErrorPanel<'a> {
    pub(super) gradient: &'a Gradient,
    /// Output channels.
    pub(super) width: usize,
    /// Samples that fit.
    pub(super) samples: usize,
    pub(super) order: ErrorOrder,
}

/// The order of the interleaved errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorOrder {
    /// `[strip of channels][sample][group][channel][4]`, strips of so many channels. Register tiles read four bytes of
    /// adjacent channels.
    ByGroup(usize),
    /// `[channel][sample][group][4]`: tile registers read 64 bytes of a channel.
    ByChannel,
}

impl ErrorPanel<'_> {
    /// Groups of positions of a sample.
    fn groups(&self) -> usize {
        self.gradient.output[0] * self.gradient.quads
    }

    /// Bytes from channel to channel of [`ErrorOrder::ByChannel`]: the last tile may reach beyond the positions, and
    /// an odd number of lines keeps the channels of a tile in different cache sets.
    fn pitch(&self) -> usize {
        let length = self.samples.saturating_mul(self.groups()).saturating_mul(GROUP);
        length.saturating_add(LINE).checked_next_multiple_of(LINE).unwrap_or(usize::MAX) | LINE
    }

    /// Channels interleaved together, and multiplied together.
    pub(super) fn strip(&self) -> usize {
        match self.order {
            ErrorOrder::ByGroup(strip) => strip,
            ErrorOrder::ByChannel => CHANNELS,
        }
    }

    /// Lines of the panel.
    pub(super) fn lines(&self) -> usize {
        let all = self.width.next_multiple_of(BLOCK);
        match self.order {
            ErrorOrder::ByGroup(_) => lines_for(self.samples.saturating_mul(self.groups()).saturating_mul(all * GROUP)),
            ErrorOrder::ByChannel => lines_for(all.saturating_mul(self.pitch())),
        }
    }

    /// Lines of scratch for [`ErrorPanel::pack`].
    pub(super) fn scratch_lines(&self) -> usize {
        match self.order {
            ErrorOrder::ByGroup(_) => 0,
            ErrorOrder::ByChannel => lines_for(TILE * CHANNELS * GROUP),
        }
    }

    /// The errors of the channels from `first` on, which begins a strip, and the samples from `sample` on. `lane` is
    /// the distance of channels (rows) or blocks (columns) in [`ErrorOrder::ByGroup`].
    pub(super) fn operand<'a>(&self, bytes: &'a [u8], first: usize, sample: usize, lane: usize) -> Operand<'a> {
        let (groups, quads) = (self.groups(), self.gradient.quads);
        let (start, lane, group) = match self.order {
            ErrorOrder::ByGroup(strip) => {
                let group = strip.min(self.width - first).next_multiple_of(BLOCK) * GROUP;
                (first * self.samples * groups * GROUP + sample * groups * group, lane, group)
            }
            ErrorOrder::ByChannel => (first * self.pitch() + sample * groups * GROUP, self.pitch(), GROUP),
        };
        Operand { bytes: &bytes[start..], lane, steps: [groups * group, quads * group, group] }
    }

    /// Interleaves the errors of some channels of some samples. For signed counts also computes `-128` times the sum
    /// of every channel's errors into `sums`, and returns true.
    #[expect(clippy::too_many_arguments, reason = "what to pack, and where to")]
    pub(super) fn pack(
        &self,
        isa: Isa,
        operands: &Operands<'_>,
        samples: &[usize],
        channels: &Range<usize>,
        target: &mut [u8],
        scratch: &mut [u8],
        sums: &mut [i32],
    ) -> bool {
        let shape = &self.gradient.shape;
        let (all, groups) = (shape.output_length(), self.groups());
        let errors_of = |sample: usize| &operands.errors[sample * all..];
        for strip in (0..self.width).step_by(self.strip().max(1)) {
            let width = self.strip().min(self.width - strip);
            let strip_channels = channels.start + strip..channels.start + strip + width;
            let group_bytes = width.next_multiple_of(BLOCK) * GROUP;
            for (index, &sample) in samples.iter().enumerate() {
                let errors = as_unsigned(errors_of(sample));
                if let ErrorOrder::ByGroup(_) = self.order {
                    let start = strip * self.samples * groups * GROUP + index * groups * group_bytes;
                    let target = &mut target[start..][..groups * group_bytes];
                    self.interleave(isa, errors, &strip_channels, 0, target);
                    continue;
                }
                for first in (0..groups).step_by(TILE) {
                    let count = TILE.min(groups - first);
                    let scratch = &mut scratch[..count * group_bytes];
                    self.interleave(isa, errors, &strip_channels, first, scratch);
                    for channel in (0..width).step_by(TILE) {
                        let rows = TILE.min(width - channel);
                        let start = (strip + channel) * self.pitch() + (index * groups + first) * GROUP;
                        let (source, target) = (&scratch[channel * GROUP..], &mut target[start..]);
                        transpose_groups(isa, source, group_bytes, count, rows, target, self.pitch());
                    }
                }
            }
        }
        let is_signed = operands.counts.flip() != 0;
        if is_signed {
            sums.fill(0);
            for position in
                samples.iter().flat_map(|&sample| errors_of(sample)[..all].chunks_exact(shape.output_channels))
            {
                for (sum, &error) in sums.iter_mut().zip(&position[channels.clone()]) {
                    *sum = sum.wrapping_sub(i32::from(error) * 128);
                }
            }
        }
        is_signed
    }

    /// Interleaves the errors of four adjacent positions, for as many groups from `first` on as the target holds;
    /// positions beyond the row hold zero. Lanes beyond the given channels hold anything: no output depends on them.
    fn interleave(&self, isa: Isa, errors: &[u8], channels: &Range<usize>, first: usize, target: &mut [u8]) {
        let (columns, quads) = (self.gradient.output[1], self.gradient.quads);
        let all = self.gradient.shape.output_channels;
        let width = channels.len();
        let padded = width.next_multiple_of(BLOCK);
        let is_strided = width + LINE <= all;
        for (index, target) in target.chunks_exact_mut(padded * GROUP).enumerate() {
            let (row, quad) = ((first + index) / quads, (first + index) % quads);
            let start = |position: usize| (row * columns + quad * GROUP + position) * all + channels.start;
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
