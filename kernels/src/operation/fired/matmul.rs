//! Dense products that fire.

use super::check_bias;
use crate::fire::Epilogue;
use crate::operation::matmul::check_operands;
use crate::operation::rows::{Rows, Task, fired_lines};
use crate::operation::share_fired;
use crate::workspace::LINE;
use crate::{Counts, Divisor, Engine, FiringRule, FiringStatistics, KernelError, PackedMatrix, Workspace};

impl Engine {
    /// [`Engine::matmul`] onto a bias, then [`Engine::fire`], a cache-sized panel of totals at a time.
    ///
    /// `bias` has one value a column; `counts` and `gates` are `[rows][columns]`. A divisor per channel must have as
    /// many channels as there are columns, or a divisor of that number.
    ///
    /// # Errors
    /// Those of [`Engine::matmul`] and [`Engine::fire`].
    #[expect(clippy::too_many_arguments, reason = "operands, rule, outputs and scratch are all the caller's")]
    pub fn matmul_fire(
        &self,
        left: Counts<'_>,
        rows: usize,
        right: &PackedMatrix,
        bias: Option<&[i32]>,
        rule: &FiringRule,
        counts: &mut [u8],
        gates: &mut [u8],
        workspace: &mut Workspace,
    ) -> Result<FiringStatistics, KernelError> {
        let epilogue = Epilogue::Counts { rule, counts, gates };
        self.fire_rows("matmul_fire", left, rows, right, bias, epilogue, workspace)
    }

    /// [`Engine::matmul`] with weights packed by [`PackedMatrix::pack_transposed`], then [`Engine::fire_errors`], a
    /// cache-sized panel of totals at a time.
    ///
    /// `errors` is `[rows][inner]`; `gates` and `out` are `[rows][columns]`. The divisor is as for
    /// [`Engine::matmul_fire`].
    ///
    /// # Errors
    /// Those of [`Engine::matmul`] and [`Engine::fire_errors`].
    #[expect(clippy::too_many_arguments, reason = "operands, rule, outputs and scratch are all the caller's")]
    pub fn matmul_fire_errors(
        &self,
        errors: &[i8],
        rows: usize,
        right: &PackedMatrix,
        divisor: &Divisor,
        gates: &[u8],
        out: &mut [i8],
        workspace: &mut Workspace,
    ) -> Result<FiringStatistics, KernelError> {
        let epilogue = Epilogue::Errors { divisor, gates, errors: out };
        self.fire_rows("matmul_fire_errors", Counts::Signed(errors), rows, right, None, epilogue, workspace)
    }

    /// Bytes of workspace for [`Engine::matmul_fire`] and [`Engine::matmul_fire_errors`] with these sizes.
    pub fn matmul_fire_workspace(&self, rows: usize, inner: usize, columns: usize) -> usize {
        let parts = self.parts(rows, rows.saturating_mul(inner).saturating_mul(columns));
        let lines =
            |is_uniform| fired_lines(rows, inner, columns, is_uniform).into_iter().fold(0, usize::saturating_add);
        lines(true).max(lines(false)).saturating_mul(parts).saturating_mul(LINE)
    }

    /// A dense product that ends in `epilogue`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the public operations")]
    fn fire_rows(
        &self,
        operation: &'static str,
        left: Counts<'_>,
        rows: usize,
        right: &PackedMatrix,
        bias: Option<&[i32]>,
        epilogue: Epilogue<'_>,
        workspace: &mut Workspace,
    ) -> Result<FiringStatistics, KernelError> {
        let (inner, columns) = (right.inner(), right.columns());
        check_operands(operation, left, rows, right)?;
        check_bias(operation, bias, columns)?;
        epilogue.check(operation, &[rows], columns)?;
        if epilogue.len() == 0 {
            return Ok(FiringStatistics::default());
        }
        let parts = self.parts(rows, rows.saturating_mul(inner).saturating_mul(columns));
        let lines = fired_lines(rows, inner, columns, epilogue.is_uniform()).into_iter().fold(0, usize::saturating_add);
        let (parts, scratch) = workspace.split(operation, parts, lines)?;
        let part_rows = rows.div_ceil(parts);
        let all = Rows::new(left, inner);
        let task = Task { isa: self.isa(), right, bias };
        Ok(share_fired(parts, epilogue, part_rows * columns, scratch, lines, |part, mut epilogue, scratch| {
            let first = part * part_rows;
            task.run_fired(&all, first..first + epilogue.len() / columns, &mut epilogue, scratch)
        }))
    }
}
