//! Copies a channels-last map into a larger, smaller or spread map.

use std::ops::Range;

use super::prefetch;

/// Cells by which reading runs ahead of copying when only some channels are copied.
const AHEAD: usize = 12;

/// Where a map goes: cell `[y, x]` of the source becomes cell `offset + dilation * [y, x]` of the target.
///
/// Cells outside the target are left out; target cells that receive nothing hold zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    pub(crate) source: [usize; 2],
    pub(crate) target: [usize; 2],
    pub(crate) offset: [isize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) channels: usize,
}

impl Placement {
    /// Bytes of the target map.
    pub(crate) fn length(&self) -> usize {
        self.target[0] * self.target[1] * self.channels
    }

    /// The source indices along `axis` that fall inside the target.
    fn visible(&self, axis: usize) -> Range<usize> {
        let dilation = self.dilation[axis];
        let (source, target) = (self.source[axis], self.target[axis]);
        let (start, end) = match usize::try_from(self.offset[axis]) {
            Ok(offset) => (0, target.saturating_sub(offset).div_ceil(dilation)),
            Err(_) => {
                let hidden = self.offset[axis].unsigned_abs();
                (hidden.div_ceil(dilation), (target + hidden).div_ceil(dilation))
            }
        };
        let end = end.min(source);
        start.min(end)..end
    }

    /// The target rows from the first to the last that receive a value other than zero.
    pub(crate) fn filled_rows(&self, source: &[u8]) -> Range<usize> {
        let visible = self.visible(0);
        let length = self.source[1] * self.channels;
        let is_filled = |&row: &usize| !is_zero(&source[row * length..][..length]);
        match (visible.clone().find(is_filled), visible.clone().rfind(is_filled)) {
            (Some(first), Some(last)) => self.place(0, first)..self.place(0, last) + 1,
            _ => 0..0,
        }
    }

    /// Index in the target of source cell `index` along `axis`, which must be visible.
    fn place(&self, axis: usize, index: usize) -> usize {
        (index * self.dilation[axis]).wrapping_add_signed(self.offset[axis])
    }

    /// Copies `source` into the first bytes of `target`, every byte XORed with `flip`.
    pub(crate) fn copy(&self, source: &[u8], flip: u8, target: &mut [u8]) {
        self.copy_channels(source, self.channels, 0, flip, target);
    }

    /// [`Placement::copy`] of the channels from `first` on of a map whose cells have `pitch` channels.
    pub(crate) fn copy_channels(&self, source: &[u8], pitch: usize, first: usize, flip: u8, target: &mut [u8]) {
        let target = &mut target[..self.length()];
        let channels = self.channels;
        let (rows, columns) = (self.visible(0), self.visible(1));
        if rows.len() * columns.len() * channels < target.len() {
            target.fill(flip);
        }
        if columns.is_empty() || channels == 0 {
            return;
        }
        let source_row = self.source[1] * pitch;
        let target_row = self.target[1] * channels;
        let start = self.place(1, columns.start) * channels;
        let step = self.dilation[1] * channels;
        for row in rows {
            let from = &source[row * source_row..][columns.start * pitch..columns.end * pitch];
            let into = &mut target[self.place(0, row) * target_row..][start..target_row];
            if channels == pitch && self.dilation[1] == 1 {
                flip_copy(from, flip, &mut into[..from.len()]);
            } else {
                for (index, (cell, into)) in from.chunks_exact(pitch).zip(into.chunks_mut(step)).enumerate() {
                    prefetch(from, (index + AHEAD) * pitch + first);
                    flip_copy_cell(&cell[first..first + channels], flip, &mut into[..channels]);
                }
            }
        }
    }
}

/// Copies bytes XORed with `flip`.
pub(crate) fn flip_copy(source: &[u8], flip: u8, target: &mut [u8]) {
    if flip == 0 {
        target.copy_from_slice(source);
    } else {
        for (into, &byte) in target.iter_mut().zip(source) {
            *into = byte ^ flip;
        }
    }
}

/// [`flip_copy`] of a cell, without a call for 64 bytes.
#[inline]
fn flip_copy_cell(source: &[u8], flip: u8, target: &mut [u8]) {
    match (<&[u8; 64]>::try_from(source), <&mut [u8; 64]>::try_from(&mut *target)) {
        (Ok(source), Ok(target)) => *target = source.map(|byte| byte ^ flip),
        _ => flip_copy(source, flip, target),
    }
}

/// Whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let is_zero = |block: &[u8; 64]| block.iter().fold(0, |any, &byte| any | byte) == 0;
    blocks.iter().all(is_zero) && rest.iter().all(|&byte| byte == 0)
}
