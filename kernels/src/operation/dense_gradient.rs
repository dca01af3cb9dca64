//! Weight gradient of a dense projection.

use std::ops::Range;

use super::{share, store_nothing};
use crate::error::{check_channels, check_length};
use crate::panel::{interleave, is_zero};
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, multiply};
use crate::workspace::{LINE, Line, line_bytes_mut, line_integers_mut, lines_for};
use crate::{Counts, Engine, Isa, KernelError, Store, Workspace, as_unsigned};

/// Examples reduced in one step.
const EXAMPLES: usize = 128;

/// Outputs whose errors are interleaved together, a multiple of the rows of a register tile.
const ROWS: usize = 96;
/// Inputs whose counts are interleaved together: with a full step they fill half of the second cache.
const COLUMNS: usize = 4096;
/// What takes the place of examples beyond the last.
const ZEROS: [u8; COLUMNS] = [0; COLUMNS];

/// The operands of a dense gradient.
#[derive(Clone, Copy)]
struct Operands<'a> {
    batch: usize,
    errors: &'a [i8],
    outputs: usize,
    counts: Counts<'a>,
    inputs: usize,
}

/// A part of the gradient and its place in the output.
struct Part<'a> {
    operands: Operands<'a>,
    isa: Isa,
    channels: Range<usize>,
    taps: Range<usize>,
    store: Store,
}

/// Lines of the interleaved counts, the interleaved errors and the corrections of a part.
fn layout(batch: usize, channels: usize, taps: usize) -> [usize; 3] {
    let groups = batch.min(EXAMPLES).div_ceil(GROUP);
    let rows = channels.min(ROWS).next_multiple_of(BLOCK);
    let columns = taps.min(COLUMNS).next_multiple_of(BLOCK);
    [lines_for(groups * columns * GROUP), lines_for(groups * rows * GROUP), lines_for(rows * 4)]
}

fn part_lines(batch: usize, channels: usize, taps: usize) -> usize {
    layout(batch, channels, taps).into_iter().sum()
}

impl Operands<'_> {
    /// Checks the lengths, the output having `rows` rows and `columns` columns.
    fn check(&self, operation: &'static str, [rows, columns]: [usize; 2], out: &[i32]) -> Result<(), KernelError> {
        check_length(operation, "errors", &[self.batch, self.outputs], self.errors.len())?;
        check_length(operation, "counts", &[self.batch, self.inputs], self.counts.len())?;
        check_length(operation, "out", &[rows, columns], out.len())
    }

    /// The errors of an example.
    fn errors_of(&self, example: usize) -> &[i8] {
        &self.errors[example * self.outputs..][..self.outputs]
    }
}

impl Part<'_> {
    /// Computes the part into `out`, `[channels][taps]`.
    fn run(&self, out: &mut [i32], scratch: &mut [Line]) {
        let [counts, errors, _] = layout(self.operands.batch, self.channels.len(), self.taps.len());
        let (counts, scratch) = scratch.split_at_mut(counts);
        let (errors, sums) = scratch.split_at_mut(errors);
        let (counts, errors, sums) = (line_bytes_mut(counts), line_bytes_mut(errors), line_integers_mut(sums));
        let mut active =
            (0..self.operands.batch).filter(|&example| !is_zero(as_unsigned(self.operands.errors_of(example))));
        let mut is_first = true;
        loop {
            let (mut examples, mut count) = ([0; EXAMPLES], 0);
            for (slot, example) in examples.iter_mut().zip(&mut active) {
                *slot = example;
                count += 1;
            }
            if count == 0 {
                break;
            }
            let store = Store { accumulate: self.store.accumulate || !is_first, ..self.store };
            self.step(&examples[..count], store, out, counts, errors, sums);
            is_first = false;
        }
        if is_first {
            store_nothing(self.store, out);
        }
    }

    /// Adds the products of some examples.
    fn step(
        &self,
        examples: &[usize],
        store: Store,
        out: &mut [i32],
        packed_counts: &mut [u8],
        packed_errors: &mut [u8],
        sums: &mut [i32],
    ) {
        let Operands { outputs, counts, inputs, .. } = self.operands;
        let groups = examples.len().div_ceil(GROUP);
        for first_tap in self.taps.clone().step_by(COLUMNS) {
            let taps = first_tap..self.taps.end.min(first_tap + COLUMNS);
            let tap_step = taps.len().next_multiple_of(BLOCK) * GROUP;
            pack(self.isa, counts.bytes(), inputs, &taps, examples, packed_counts);
            let used = &mut packed_counts[..groups * tap_step];
            if counts.flip() != 0 {
                used.iter_mut().for_each(|byte| *byte ^= 0x80);
            }
            for first in self.channels.clone().step_by(ROWS) {
                let channels = first..self.channels.end.min(first + ROWS);
                let channel_step = channels.len().next_multiple_of(BLOCK) * GROUP;
                pack(self.isa, as_unsigned(self.operands.errors), outputs, &channels, examples, packed_errors);
                if counts.flip() != 0 {
                    sums.fill(0);
                    for &example in examples {
                        for (sum, &error) in sums.iter_mut().zip(&self.operands.errors_of(example)[channels.clone()]) {
                            *sum = sum.wrapping_sub(i32::from(error) * 128);
                        }
                    }
                }
                let product = Product {
                    row_groups: 1,
                    left_group_step: 0,
                    rows: channels.len(),
                    columns: taps.len(),
                    counts: [1, 1, groups],
                    left: Operand { bytes: packed_errors, lane: GROUP, steps: [0, 0, channel_step] },
                    right: Operand { bytes: packed_counts, lane: LINE, steps: [0, 0, tap_step] },
                    unsigned: UnsignedSide::Right,
                    column_correction: None,
                    row_correction: (counts.flip() != 0).then_some(&*sums),
                    store,
                };
                let start = (first - self.channels.start) * self.taps.len() + first_tap - self.taps.start;
                let output = Output { values: &mut out[start..], group_step: 0, row_step: self.taps.len() };
                multiply(self.isa, &product, output);
            }
        }
    }
}

/// Interleaves the values `range` of groups of four examples; those beyond the last count as zero. Lanes beyond the
/// range hold anything.
fn pack(isa: Isa, values: &[u8], pitch: usize, range: &Range<usize>, examples: &[usize], target: &mut [u8]) {
    let width = range.len();
    for (group, target) in
        examples.chunks(GROUP).zip(target.chunks_exact_mut(width.next_multiple_of(BLOCK).max(1) * GROUP))
    {
        let source = |index: usize| match group.get(index) {
            Some(example) => &values[example * pitch..][range.clone()],
            None => &ZEROS[..width],
        };
        interleave(isa, [source(0), source(1), source(2), source(3)], &mut target[..width * GROUP]);
    }
}

impl Engine {
    /// `out[o][i] = store(sum over n of errors[n][o] * counts[n][i])`.
    ///
    /// `errors` is `[batch][outputs]`, `counts` `[batch][inputs]`, `out` `[outputs][inputs]`. Examples without errors
    /// are skipped.
    ///
    /// # Errors
    /// [`KernelError::Length`], [`KernelError::TooLarge`] or [`KernelError::WorkspaceTooSmall`].
    #[expect(clippy::too_many_arguments, reason = "sizes, operands, output and scratch are all the caller's")]
    pub fn dense_gradient(
        &self,
        batch: usize,
        errors: &[i8],
        outputs: usize,
        counts: Counts<'_>,
        inputs: usize,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "dense_gradient";
        let operands = Operands { batch, errors, outputs, counts, inputs };
        operands.check(operation, [outputs, inputs], out)?;
        if out.is_empty() {
            return Ok(());
        }
        let (parts, lines) = self.dense_parts(batch, outputs, inputs);
        let (parts, scratch) = workspace.split(operation, parts, lines)?;
        let width = outputs.div_ceil(parts);
        share(parts, out, width * inputs, scratch, lines, |part, out, scratch| {
            let channels = part * width..part * width + out.len() / inputs;
            let part = Part { operands, isa: self.isa(), channels, taps: 0..inputs, store };
            part.run(out, scratch);
        });
        Ok(())
    }

    /// Bytes of workspace for [`Engine::dense_gradient`] with these sizes.
    pub fn dense_gradient_workspace(&self, batch: usize, outputs: usize, inputs: usize) -> usize {
        let (parts, lines) = self.dense_parts(batch, outputs, inputs);
        lines.saturating_mul(parts).saturating_mul(LINE)
    }

    /// Into how many parts the outputs are split, and the lines that each needs.
    fn dense_parts(&self, batch: usize, outputs: usize, inputs: usize) -> (usize, usize) {
        let parts = self.parts(outputs, batch.saturating_mul(outputs).saturating_mul(inputs));
        (parts, part_lines(batch, outputs, inputs))
    }

    /// The rows `channels` of [`Engine::dense_gradient`], on the calling thread.
    ///
    /// `errors` is `[batch][outputs]`, `counts` `[batch][inputs]`, `out` `[channels.len()][inputs]`. Disjoint ranges
    /// may be computed by different threads, each with its own workspace.
    ///
    /// # Errors
    /// [`KernelError::Channels`] if the range leaves the outputs, and those of [`Engine::dense_gradient`].
    #[expect(clippy::too_many_arguments, reason = "sizes, operands, range, output and scratch are all the caller's")]
    pub fn dense_gradient_rows(
        &self,
        batch: usize,
        errors: &[i8],
        outputs: usize,
        counts: Counts<'_>,
        inputs: usize,
        channels: Range<usize>,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "dense_gradient_rows";
        let operands = Operands { batch, errors, outputs, counts, inputs };
        check_channels(operation, &channels, outputs)?;
        operands.check(operation, [channels.len(), inputs], out)?;
        if out.is_empty() {
            return Ok(());
        }
        let lines = part_lines(batch, channels.len(), inputs);
        let (_, scratch) = workspace.split(operation, 1, lines)?;
        Part { operands, isa: self.isa(), channels, taps: 0..inputs, store }.run(out, scratch);
        Ok(())
    }

    /// Bytes of workspace for [`Engine::dense_gradient_rows`] of up to `channels` rows.
    pub fn dense_gradient_rows_workspace(&self, batch: usize, inputs: usize, channels: usize) -> usize {
        part_lines(batch, channels, inputs).saturating_mul(LINE)
    }
}
