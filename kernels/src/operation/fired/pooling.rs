//! Poolings that fire.

use crate::fire::Epilogue;
use crate::operation::pooling::{check_backward, check_forward, covers_once, pool_counts, spread};
use crate::operation::share_fired;
use crate::workspace::{LINE, Line, line_integers_mut, lines_for};
use crate::{Counts, Divisor, Engine, FiringRule, FiringStatistics, KernelError, PoolingShape, Store, Workspace};

/// Bytes of totals that are fired together: a share of the second cache.
const PANEL: usize = 128 * 1024;

/// A pooling by panels of pooled rows.
struct Panels<'a> {
    shape: &'a PoolingShape,
    /// Totals of one pooled row, and of a sample.
    row: usize,
    length: usize,
    /// Pooled rows of a sample in a panel, and samples, more than one only if all their rows are.
    rows: usize,
    samples: usize,
}

impl Panels<'_> {
    fn new(shape: &PoolingShape, row: usize, length: usize, is_divisible: bool) -> Panels<'_> {
        let all = shape.output_height();
        let rows = if is_divisible { (PANEL / row.saturating_mul(4).max(1)).clamp(1, all) } else { all };
        let samples = (PANEL / length.saturating_mul(4).max(1)).max(1);
        Panels { shape, row, length, rows, samples }
    }

    fn forward(shape: &PoolingShape) -> Panels<'_> {
        Panels::new(shape, shape.output_width() * shape.channels, shape.output_length(), true)
    }

    fn transposed(shape: &PoolingShape) -> Panels<'_> {
        let row = shape.window[0] * shape.input_width * shape.channels;
        Panels::new(shape, row, shape.input_length(), covers_once(shape))
    }

    /// The pooling of `rows` pooled rows and the number of its totals.
    fn part(&self, rows: usize) -> (PoolingShape, usize) {
        let shape = *self.shape;
        if rows == shape.output_height() {
            return (shape, self.length);
        }
        let input_height = (rows - 1) * shape.stride[0] + shape.window[0];
        (PoolingShape { input_height, ..shape }, rows * self.row)
    }

    /// Lines of a panel.
    fn lines(&self, batch: usize) -> usize {
        let samples = self.samples.min(batch);
        lines_for(self.part(self.rows).1.saturating_mul(4).saturating_mul(samples))
    }

    /// Into how many parts a batch is split.
    fn parts(&self, engine: &Engine, batch: usize) -> usize {
        engine.parts(batch, batch.saturating_mul(self.shape.input_length()))
    }

    fn workspace(&self, engine: &Engine, batch: usize) -> usize {
        self.lines(batch).saturating_mul(self.parts(engine, batch)).saturating_mul(LINE)
    }

    /// Fires all panels; `totals` computes those of some pooled rows, given the sample, the first row and their shape.
    fn run<Totals>(
        &self,
        operation: &'static str,
        engine: &Engine,
        batch: usize,
        epilogue: Epilogue<'_>,
        workspace: &mut Workspace,
        totals: Totals,
    ) -> Result<FiringStatistics, KernelError>
    where
        Totals: Fn(usize, usize, &PoolingShape, &mut [i32]) + Sync,
    {
        if epilogue.len() == 0 {
            return Ok(FiringStatistics::default());
        }
        let lines = self.lines(batch);
        let (parts, scratch) = workspace.split(operation, self.parts(engine, batch), lines)?;
        let part_samples = batch.div_ceil(parts);
        let run = |part: usize, mut epilogue: Epilogue<'_>, scratch: &mut [Line]| {
            let panel = line_integers_mut(scratch);
            let mut statistics = FiringStatistics::default();
            let samples = epilogue.len() / self.length;
            for first in (0..samples).step_by(self.samples) {
                let count = self.samples.min(samples - first);
                for first_row in (0..self.shape.output_height()).step_by(self.rows) {
                    let (shape, length) = self.part(self.rows.min(self.shape.output_height() - first_row));
                    let panel = &mut panel[..count * length];
                    for (index, panel) in panel.chunks_exact_mut(length).enumerate() {
                        totals(part * part_samples + first + index, first_row, &shape, panel);
                    }
                    let start = first * self.length + first_row * self.row;
                    statistics += epilogue.apply(engine.isa(), start, panel);
                }
            }
            statistics
        };
        Ok(share_fired(parts, epilogue, part_samples * self.length, scratch, lines, run))
    }
}

impl Engine {
    /// [`Engine::sum_pooling`], then [`Engine::fire`], a cache-sized panel of totals at a time.
    ///
    /// `input` is `[batch][input map]`; `counts` and `gates` are `[batch][output map]`. A divisor per channel must
    /// have as many channels as the map, or a divisor of that number.
    ///
    /// # Errors
    /// Those of [`Engine::sum_pooling`] and [`Engine::fire`], or [`KernelError::WorkspaceTooSmall`].
    #[expect(clippy::too_many_arguments, reason = "shape, operands, rule, outputs and scratch are all the caller's")]
    pub fn sum_pooling_fire(
        &self,
        shape: &PoolingShape,
        batch: usize,
        input: Counts<'_>,
        rule: &FiringRule,
        counts: &mut [u8],
        gates: &mut [u8],
        workspace: &mut Workspace,
    ) -> Result<FiringStatistics, KernelError> {
        let operation = "sum_pooling_fire";
        check_forward(operation, shape, batch, input)?;
        let epilogue = Epilogue::Counts { rule, counts, gates };
        epilogue.check(operation, &[batch, shape.output_height() * shape.output_width()], shape.channels)?;
        let input_row = shape.stride[0] * shape.input_width * shape.channels;
        Panels::forward(shape).run(operation, self, batch, epilogue, workspace, |sample, first, part, totals| {
            let start = sample * shape.input_length() + first * input_row;
            pool_counts(self.isa(), part, input, start, Store::OVERWRITE, totals);
        })
    }

    /// Bytes of workspace for [`Engine::sum_pooling_fire`]; 0 for a shape that does not validate.
    pub fn sum_pooling_fire_workspace(&self, shape: &PoolingShape, batch: usize) -> usize {
        if shape.validate().is_err() { 0 } else { Panels::forward(shape).workspace(self, batch) }
    }

    /// [`Engine::sum_pooling_transposed`], then [`Engine::fire_errors`], a cache-sized panel of totals at a time.
    ///
    /// `errors` is `[batch][output map]`; `gates` and `out` are `[batch][input map]`. The divisor is as for
    /// [`Engine::sum_pooling_fire`].
    ///
    /// # Errors
    /// Those of [`Engine::sum_pooling_transposed`] and [`Engine::fire_errors`], or [`KernelError::WorkspaceTooSmall`].
    #[expect(clippy::too_many_arguments, reason = "shape, operands, rule, outputs and scratch are all the caller's")]
    pub fn sum_pooling_transposed_fire_errors(
        &self,
        shape: &PoolingShape,
        batch: usize,
        errors: &[i8],
        divisor: &Divisor,
        gates: &[u8],
        out: &mut [i8],
        workspace: &mut Workspace,
    ) -> Result<FiringStatistics, KernelError> {
        let operation = "sum_pooling_transposed_fire_errors";
        check_backward(operation, shape, batch, errors)?;
        let epilogue = Epilogue::Errors { divisor, gates, errors: out };
        epilogue.check(operation, &[batch, shape.input_height * shape.input_width], shape.channels)?;
        let pooled_row = shape.output_width() * shape.channels;
        Panels::transposed(shape).run(operation, self, batch, epilogue, workspace, |sample, first, part, totals| {
            let start = sample * shape.output_length() + first * pooled_row;
            spread(self.isa(), part, &errors[start..][..part.output_length()], Store::OVERWRITE, totals);
        })
    }

    /// Bytes of workspace for [`Engine::sum_pooling_transposed_fire_errors`]; 0 for a shape that does not validate.
    pub fn sum_pooling_transposed_fire_errors_workspace(&self, shape: &PoolingShape, batch: usize) -> usize {
        if shape.validate().is_err() { 0 } else { Panels::transposed(shape).workspace(self, batch) }
    }
}
