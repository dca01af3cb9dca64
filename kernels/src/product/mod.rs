//! The one product that all operations reduce to, and its choice of instruction set.
//!
//! Both operands are read in place through strides, four bytes of the reduction at a time, so convolutions and
//! gradients need no patch matrix. Checks here make the paths below safe to call.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
pub(crate) mod nibbles;
mod scalar;

use crate::{Isa, Store};

/// Columns in a block: the 32-bit lanes of a 512-bit register.
pub(crate) const BLOCK: usize = 16;
/// Steps of the reduction that are multiplied together.
pub(crate) const GROUP: usize = 4;

/// An 8-bit operand: `bytes[lane * index + steps . position + byte]`.
///
/// `index` is the row for the left operand (4 bytes are read) and the block of 16 columns for the right operand
/// (64 bytes are read, column-major in groups of 4). `position` runs over the three nested reduction counts.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) lane: usize,
    pub(crate) steps: [usize; 3],
}

/// Which operand holds unsigned bytes; the other one is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnsignedSide {
    Left,
    Right,
}

/// `out[group][row][column] = store(sum over positions of left * right + column_correction + row_correction)`.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    pub(crate) row_groups: usize,
    pub(crate) left_group_step: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) counts: [usize; 3],
    pub(crate) left: Operand<'a>,
    pub(crate) right: Operand<'a>,
    pub(crate) unsigned: UnsignedSide,
    /// One value a column, padded to whole blocks.
    pub(crate) column_correction: Option<&'a [i32]>,
    /// One value a row of a group.
    pub(crate) row_correction: Option<&'a [i32]>,
    pub(crate) store: Store,
}

/// The output: `values[group_step * group + row_step * row + column]`.
pub(crate) struct Output<'a> {
    pub(crate) values: &'a mut [i32],
    pub(crate) group_step: usize,
    pub(crate) row_step: usize,
}

/// Offset of the last element along nested strides, saturating.
fn reach(counts: &[usize], steps: &[usize]) -> usize {
    counts
        .iter()
        .zip(steps)
        .fold(0usize, |sum, (&count, &step)| sum.saturating_add(count.saturating_sub(1).saturating_mul(step)))
}

impl Product<'_> {
    /// Blocks of columns, the last one possibly partial.
    fn blocks(&self) -> usize {
        self.columns.div_ceil(BLOCK)
    }

    /// The same product with counts made one where the inner one runs on into the outer one in both operands.
    fn joined(mut self) -> Self {
        for _ in 0..2 {
            let [outer, segments, groups] = self.counts;
            let runs_on = |operand: &Operand<'_>| groups.checked_mul(operand.steps[2]) == Some(operand.steps[1]);
            if segments > 1 && !(runs_on(&self.left) && runs_on(&self.right)) {
                break;
            }
            let Some(joined) = segments.checked_mul(groups) else { break };
            self.counts = [1, outer, joined];
            for operand in [&mut self.left, &mut self.right] {
                operand.steps = [0, operand.steps[0], operand.steps[2]];
            }
        }
        self
    }

    /// Asserts that every access lies inside its slice.
    fn check(&self, out: &Output<'_>) {
        let [outer, segment, group] = self.counts;
        if outer.min(segment).min(group) > 0 {
            let shared = [outer, segment, group];
            let left = reach(&[self.row_groups, self.rows], &[self.left_group_step, self.left.lane])
                .saturating_add(reach(&shared, &self.left.steps))
                .saturating_add(GROUP);
            assert!(left <= self.left.bytes.len(), "left operand exceeds its buffer");
            let right = reach(&[self.blocks()], &[self.right.lane])
                .saturating_add(reach(&shared, &self.right.steps))
                .saturating_add(BLOCK * GROUP);
            assert!(right <= self.right.bytes.len(), "right operand exceeds its buffer");
        }
        let written =
            reach(&[self.row_groups, self.rows], &[out.group_step, out.row_step]).saturating_add(self.columns);
        assert!(written <= out.values.len(), "output exceeds its buffer");
        let columns = self.column_correction.map_or(usize::MAX, <[i32]>::len);
        assert!(columns >= self.blocks() * BLOCK, "column correction is too short");
        let rows = self.row_correction.map_or(usize::MAX, <[i32]>::len);
        assert!(rows >= self.rows, "row correction is too short");
    }
}

/// Computes the product. The instruction set must be available; [`crate::Engine`] proves it.
pub(crate) fn multiply(isa: Isa, product: &Product<'_>, out: Output<'_>) {
    if product.row_groups == 0 || product.rows == 0 || product.columns == 0 {
        return;
    }
    product.check(&out);
    let product = &product.joined();
    match isa {
        // SAFETY: the accesses were checked above, and an engine exists only for an available instruction set.
        #[cfg(target_arch = "x86_64")]
        Isa::AmxInt8 => unsafe { amx::multiply(product, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512::multiply(product, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::multiply(product, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Isa::NeonDotProduct => unsafe { neon::multiply(product, out) },
        _ => scalar::multiply(product, out),
    }
}
