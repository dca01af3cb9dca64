//! Dense product, totals only.

use super::rows::{Rows, Task, copied_lines};
use super::share;
use crate::error::{check_length, checked_size};
use crate::packed::Packing;
use crate::product::GROUP;
use crate::workspace::LINE;
use crate::{Counts, Engine, KernelError, PackedMatrix, Store, Workspace};

impl Engine {
    /// `out[r][c] = store(sum over k of left[r][k] * right[k][c])`; `left` is `[rows][inner]`, `out` `[rows][columns]`.
    ///
    /// The forward pass of a dense projection, or with [`PackedMatrix::pack_transposed`] its backward pass, in which
    /// rows without errors are skipped.
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
        let columns = right.columns();
        check_operands(operation, left, rows, right)?;
        check_length(operation, "out", &[rows, columns], out.len())?;
        if out.is_empty() {
            return Ok(());
        }
        let all = Rows::new(left, right.inner());
        let lines = if all.is_in_place() { 0 } else { copied_lines(rows, right.inner()) };
        let parts = self.parts(rows, rows.saturating_mul(right.inner()).saturating_mul(columns));
        let (parts, scratch) = workspace.split(operation, parts, lines)?;
        let part_rows = rows.div_ceil(parts);
        let task = Task { isa: self.isa(), right, bias: None };
        share(parts, out, part_rows * columns, scratch, lines, |part, out, scratch| {
            let first = part * part_rows;
            task.run(&all, first..first + out.len() / columns, store, out, scratch);
        });
        Ok(())
    }

    /// Bytes of workspace for [`Engine::matmul`] with these sizes.
    pub fn matmul_workspace(&self, rows: usize, inner: usize, columns: usize) -> usize {
        let parts = self.parts(rows, rows.saturating_mul(inner).saturating_mul(columns));
        copied_lines(rows, inner).saturating_mul(parts).saturating_mul(LINE)
    }
}

/// Checks the operands of a dense product.
pub(super) fn check_operands(
    operation: &'static str,
    left: Counts<'_>,
    rows: usize,
    right: &PackedMatrix,
) -> Result<(), KernelError> {
    right.check_packing(operation, Packing::Matrix)?;
    check_length(operation, "left", &[rows, right.inner()], left.len())?;
    checked_size(operation, "left", &[rows, right.inner().next_multiple_of(GROUP)])?;
    Ok(())
}
