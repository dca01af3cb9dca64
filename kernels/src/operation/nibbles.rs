//! Products that read rows of counts in place, with weights of a byte or of half a byte.

use super::store_nothing;
use crate::dispatch::vectorised;
use crate::error::{check_length, checked_size};
use crate::packed::{Packing, Unpack};
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, multiply};
use crate::workspace::{LINE, line_bytes};
use crate::{CountRows, Engine, KernelError, PackedMatrix, PackedNibbles, Store, Workspace};

/// Rows up to which codes are unpacked in registers, again for every few rows.
#[cfg(target_arch = "x86_64")]
const FEW_ROWS: usize = 8;

impl Engine {
    /// `out[r][c] = store(sum over k of left[r][k] * right[k][c])` on the calling thread; `out` is `[rows][columns]`.
    ///
    /// Counts are read where they are. What follows a row up to a whole group of 4 counts does not matter, as the weights
    /// are padded with zeros.
    ///
    /// # Errors
    /// [`KernelError::Length`], [`KernelError::TooLarge`], [`KernelError::Packing`].
    pub fn matmul_rows(
        &self,
        left: CountRows<'_>,
        right: &PackedMatrix,
        store: Store,
        out: &mut [i32],
    ) -> Result<(), KernelError> {
        self.matmul_first(left, right, [right.inner(), right.columns()], store, out)
    }

    /// [`Engine::matmul_rows`] with the first `inner` inner steps and the first `columns` columns of `right`; `out` is
    /// `[rows][columns]`.
    ///
    /// The counts that follow a row up to a whole group of 4 must be 0 where `inner` ends within a group.
    ///
    /// # Errors
    /// [`KernelError::Length`], also when `right` is smaller; [`KernelError::TooLarge`], [`KernelError::Packing`].
    pub fn matmul_first(
        &self,
        left: CountRows<'_>,
        right: &PackedMatrix,
        [inner, columns]: [usize; 2],
        store: Store,
        out: &mut [i32],
    ) -> Result<(), KernelError> {
        let operation = "matmul_first";
        right.check_packing(operation, Packing::Matrix)?;
        for (what, most, found) in [("inner", right.inner(), inner), ("columns", right.columns(), columns)] {
            if found > most {
                return Err(KernelError::Length { operation, what, expected: most, found });
            }
        }
        if !check(operation, left, inner, columns, store, out)? {
            return Ok(());
        }
        let weights = Weights { bytes: right.bytes(), step: right.block_step(), groups: inner.div_ceil(GROUP) };
        let product = product(left, columns, weights, store);
        multiply(self.isa(), &product, Output { values: out, group_step: 0, row_step: columns });
        Ok(())
    }

    /// [`Engine::matmul_rows`] for few rows and codes of half a byte, each of which is read once for a few rows.
    /// [`PackedMatrix::unpack`] serves many.
    ///
    /// # Errors
    /// [`KernelError::Length`], [`KernelError::TooLarge`], [`KernelError::WorkspaceTooSmall`].
    pub fn matmul_nibbles(
        &self,
        left: CountRows<'_>,
        right: &PackedNibbles,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "matmul_nibbles";
        let (columns, groups) = (right.columns(), right.inner().div_ceil(GROUP));
        if !check(operation, left, right.inner(), columns, store, out)? {
            return Ok(());
        }
        #[cfg(target_arch = "x86_64")]
        if left.count <= FEW_ROWS && matches!(self.isa(), crate::Isa::Avx512Vnni | crate::Isa::AmxInt8) {
            // SAFETY: an engine exists only for an available instruction set; both of these include AVX-512 with VNNI.
            unsafe { crate::product::nibbles::multiply(left, right, store, out) };
            return Ok(());
        }
        let (_, scratch) = workspace.split(operation, 1, groups)?;
        for first in (0..columns).step_by(BLOCK) {
            vectorised(self.isa(), Unpack { pairs: right.block(first / BLOCK), lines: scratch });
            let weights = Weights { bytes: line_bytes(scratch), step: groups * LINE, groups };
            let product = product(left, BLOCK.min(columns - first), weights, store);
            multiply(self.isa(), &product, Output { values: &mut out[first..], group_step: 0, row_step: columns });
        }
        Ok(())
    }

    /// Bytes of workspace for [`Engine::matmul_nibbles`] with this inner dimension.
    pub fn matmul_nibbles_workspace(&self, inner: usize) -> usize {
        inner.div_ceil(GROUP).saturating_mul(LINE)
    }
}

/// Checks the buffers; whether anything is to be multiplied.
fn check(
    operation: &'static str,
    left: CountRows<'_>,
    inner: usize,
    columns: usize,
    store: Store,
    out: &mut [i32],
) -> Result<bool, KernelError> {
    check_length(operation, "out", &[left.count, columns], out.len())?;
    if out.is_empty() || inner == 0 {
        store_nothing(store, out);
        return Ok(false);
    }
    let before = checked_size(operation, "left", &[left.count - 1, left.pitch])?;
    let needed = before.saturating_add(inner.next_multiple_of(GROUP));
    if left.bytes.len() < needed {
        return Err(KernelError::Length { operation, what: "left", expected: needed, found: left.bytes.len() });
    }
    Ok(true)
}

/// Packed weights: groups of a block, whose distance is `step` bytes.
struct Weights<'a> {
    bytes: &'a [u8],
    step: usize,
    groups: usize,
}

/// The product with weights, block after block.
fn product<'a>(left: CountRows<'a>, columns: usize, right: Weights<'a>, store: Store) -> Product<'a> {
    Product {
        row_groups: 1,
        left_group_step: 0,
        rows: left.count,
        columns,
        counts: [1, 1, right.groups],
        left: Operand { bytes: left.bytes, lane: left.pitch, steps: [0, 0, GROUP] },
        right: Operand { bytes: right.bytes, lane: right.step, steps: [0, 0, LINE] },
        unsigned: UnsignedSide::Left,
        column_correction: None,
        row_correction: None,
        store,
    }
}
