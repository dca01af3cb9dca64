//! Dense product.

use super::share;
use crate::error::{check_length, checked_size};
use crate::packed::Packing;
use crate::panel::flip_copy;
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, multiply};
use crate::workspace::{LINE, Line, line_bytes_mut, lines_for};
use crate::{Counts, Engine, Isa, KernelError, PackedMatrix, Store, Workspace};

/// Rows copied at a time when the left operand cannot be read in place.
const PANEL_ROWS: usize = 64;

/// Lines that one part needs.
fn part_lines(rows: usize, inner: usize) -> usize {
    lines_for(rows.min(PANEL_ROWS).saturating_mul(inner.next_multiple_of(GROUP)))
}

impl Engine {
    /// `out[r][c] = store(sum over k of left[r][k] * right[k][c])`; `left` is `[rows][inner]`, `out` `[rows][columns]`.
    ///
    /// The forward pass of a dense projection, or with [`PackedMatrix::pack_transposed`] its backward pass.
    ///
    /// # Errors
    /// [`KernelError::Length`], [`KernelError::Packing`] or [`KernelError::WorkspaceTooSmall`].
    pub fn matmul(
        &self,
        left: Counts<'_>,
        rows: usize,
        right: &PackedMatrix,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "matmul";
        let (inner, columns) = (right.inner(), right.columns());
        right.check_packing(operation, Packing::Matrix)?;
        check_length(operation, "left", &[rows, inner], left.len())?;
        check_length(operation, "out", &[rows, columns], out.len())?;
        checked_size(operation, "left", &[rows, inner.next_multiple_of(GROUP)])?;
        if out.is_empty() {
            return Ok(());
        }
        let in_place = left.flip() == 0 && inner.is_multiple_of(GROUP);
        let lines = if in_place { 0 } else { part_lines(rows, inner) };
        let parts = self.parts(rows, rows.saturating_mul(inner).saturating_mul(columns));
        let (parts, scratch) = workspace.split(operation, parts, lines)?;
        let part_rows = rows.div_ceil(parts);
        let task = Task { isa: self.isa(), right, store };
        share(parts, out, part_rows * columns, scratch, lines, |part, out, scratch| {
            let rows = out.len() / columns;
            let bytes = &left.bytes()[part * part_rows * inner..][..rows * inner];
            if in_place {
                task.run(bytes, inner, rows, 0, out);
            } else {
                task.run_panels(bytes, rows, left.flip(), out, scratch);
            }
        });
        Ok(())
    }

    /// Bytes of workspace for [`Engine::matmul`] with these sizes.
    pub fn matmul_workspace(&self, rows: usize, inner: usize, columns: usize) -> usize {
        let parts = self.parts(rows, rows.saturating_mul(inner).saturating_mul(columns));
        part_lines(rows, inner).saturating_mul(parts).saturating_mul(LINE)
    }
}

/// What all panels share.
struct Task<'a> {
    isa: Isa,
    right: &'a PackedMatrix,
    store: Store,
}

impl Task<'_> {
    /// Rows copied panel by panel, padded to whole groups.
    fn run_panels(&self, bytes: &[u8], rows: usize, flip: u8, out: &mut [i32], scratch: &mut [Line]) {
        let (inner, columns) = (self.right.inner(), self.right.columns());
        let pitch = inner.next_multiple_of(GROUP);
        let panel = line_bytes_mut(scratch);
        for (index, out) in out.chunks_mut(PANEL_ROWS * columns).enumerate() {
            let first = index * PANEL_ROWS;
            let count = PANEL_ROWS.min(rows - first);
            for row in 0..count {
                flip_copy(&bytes[(first + row) * inner..][..inner], flip, &mut panel[row * pitch..][..inner]);
            }
            self.run(panel, pitch, count, flip, out);
        }
    }

    /// Rows at distance `pitch` in `bytes`.
    fn run(&self, bytes: &[u8], pitch: usize, rows: usize, flip: u8, out: &mut [i32]) {
        let columns = self.right.columns();
        let product = Product {
            row_groups: 1,
            left_group_step: 0,
            rows,
            columns,
            counts: [1, 1, pitch / GROUP],
            left: Operand { bytes, lane: pitch, steps: [0, 0, GROUP] },
            right: Operand { bytes: self.right.bytes(), lane: self.right.block_step(), steps: [0, 0, BLOCK * GROUP] },
            unsigned: UnsignedSide::Left,
            column_correction: self.right.correction(flip, 0..1),
            row_correction: None,
            store: self.store,
        };
        multiply(self.isa, &product, Output { values: out, group_step: 0, row_step: columns });
    }
}
