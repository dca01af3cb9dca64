//! Matrices of codes of half a byte.

use super::Packing;
use crate::dispatch::{Loop, vectorised};
use crate::error::{check_length, checked_size};
use crate::product::{BLOCK, GROUP};
use crate::workspace::{LINE, Line};
use crate::{KernelError, PackedMatrix};

/// A matrix `[inner x columns]` of codes of 0 to 15, two in a byte, the right operand of products with counts.
///
/// In the order of [`PackedMatrix`], two groups of 4 inner steps to a line of 64 bytes: the first in the low halves, the
/// second in the high ones. The inner dimension is padded with zeros.
#[derive(Debug, Clone)]
pub struct PackedNibbles {
    inner: usize,
    columns: usize,
    /// `[blocks][pairs of groups]`.
    lines: Vec<Line>,
    /// The column sums of every block.
    sums: Vec<i32>,
}

impl PackedNibbles {
    /// Packs codes `[columns][inner]`; of each the low half counts.
    ///
    /// # Errors
    /// [`KernelError::Length`] if there are not as many codes, [`KernelError::TooLarge`] if the matrix exceeds the
    /// address space.
    pub fn new(inner: usize, columns: usize, codes: &[u8]) -> Result<PackedNibbles, KernelError> {
        let operation = "PackedNibbles::new";
        check_length(operation, "codes", &[columns, inner], codes.len())?;
        let (blocks, pairs) = (columns.div_ceil(BLOCK), inner.div_ceil(2 * GROUP));
        let count = checked_size(operation, "matrix", &[blocks, pairs, LINE])? / LINE;
        let (mut lines, mut sums) = (vec![Line([0; LINE]); count], vec![0; blocks * BLOCK]);
        for (column, row) in codes.chunks_exact(inner.max(1)).enumerate() {
            let lines = &mut lines[column / BLOCK * pairs..][..pairs];
            for (step, &code) in row.iter().enumerate() {
                let place = column % BLOCK * GROUP + step % GROUP;
                lines[step / (2 * GROUP)].0[place] |= (code & 15) << (4 * (step / GROUP % 2));
                sums[column] += i32::from(code & 15);
            }
        }
        Ok(PackedNibbles { inner, columns, lines, sums })
    }

    /// The inner dimension: inputs of one output.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The number of columns: outputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The pairs of groups of a block of columns.
    pub(crate) fn block(&self, block: usize) -> &[Line] {
        let pairs = self.inner.div_ceil(2 * GROUP);
        &self.lines[block * pairs..][..pairs]
    }

    /// The pairs of groups of all blocks.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }
}

impl PackedMatrix {
    /// Becomes the matrix that `nibbles` holds, whatever its sizes were.
    pub fn unpack(&mut self, nibbles: &PackedNibbles) {
        (self.inner, self.columns) = (nibbles.inner, nibbles.columns);
        let layout = self.begin(Packing::Matrix, 1);
        self.sums.copy_from_slice(&nibbles.sums);
        for (block, lines) in self.lines.chunks_exact_mut(layout.groups().max(1)).enumerate() {
            vectorised(layout.isa, Unpack { pairs: nibbles.block(block), lines });
        }
        self.correct(1);
    }
}

/// One line of bytes for every group of a block; the last pair may have one group.
pub(crate) struct Unpack<'a> {
    pub(crate) pairs: &'a [Line],
    pub(crate) lines: &'a mut [Line],
}

impl Loop for Unpack<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (whole, last) = self.lines.as_chunks_mut::<2>();
        for ([low, high], pair) in whole.iter_mut().zip(self.pairs) {
            for place in 0..LINE {
                low.0[place] = pair.0[place] & 15;
                high.0[place] = pair.0[place] >> 4;
            }
        }
        for (low, pair) in last.iter_mut().zip(&self.pairs[whole.len()..]) {
            low.0 = pair.0.map(|byte| byte & 15);
        }
    }
}
