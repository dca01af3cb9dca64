//! The rows of a dense product, a panel at a time.

use std::ops::Range;

use super::{store_nothing, windows::join};
use crate::fire::Epilogue;
use crate::panel::{flip_copy, is_zero};
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, multiply};
use crate::workspace::{Line, line_bytes_mut, line_integers_mut, lines_for};
use crate::{Counts, FiringStatistics, Isa, PackedMatrix, Store};

/// Rows taken at a time when they are copied or fired.
const ROWS: usize = 64;
/// Columns fired together: with all rows of a panel, a quarter of the second cache.
const COLUMNS: usize = 1024;

/// The left operand.
pub(super) struct Rows<'a> {
    bytes: &'a [u8],
    flip: u8,
    inner: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `inner` values.
    pub(super) fn new(counts: Counts<'a>, inner: usize) -> Rows<'a> {
        Rows { bytes: counts.bytes(), flip: counts.flip(), inner }
    }

    /// Whether the product can read the rows where they are.
    pub(super) fn is_in_place(&self) -> bool {
        self.flip == 0 && self.inner.is_multiple_of(GROUP)
    }

    fn row(&self, row: usize) -> &'a [u8] {
        &self.bytes[row * self.inner..][..self.inner]
    }

    /// The rows of `range`, at most [`ROWS`], that hold a value other than zero, and their number. Unsigned rows all
    /// count: spike counts are hardly ever all zero.
    fn active(&self, range: Range<usize>) -> ([usize; ROWS], usize) {
        if self.flip == 0 {
            return (std::array::from_fn(|index| range.start + index), range.len());
        }
        let (mut active, mut count) = ([0; ROWS], 0);
        for (slot, row) in active.iter_mut().zip(range.filter(|&row| !is_zero(self.row(row)))) {
            *slot = row;
            count += 1;
        }
        (active, count)
    }

    /// Copies rows, padded to whole groups.
    fn copy(&self, rows: impl Iterator<Item = usize>, panel: &mut [u8]) {
        let pitch = self.inner.next_multiple_of(GROUP);
        for (index, row) in rows.enumerate() {
            flip_copy(self.row(row), self.flip, &mut panel[index * pitch..][..self.inner]);
        }
    }
}

/// Lines of a panel of copied rows.
pub(super) fn copied_lines(rows: usize, inner: usize) -> usize {
    lines_for(rows.min(ROWS).saturating_mul(inner.next_multiple_of(GROUP)))
}

/// Columns fired together, in whole blocks. Thresholds per channel need whole rows.
fn fired_columns(columns: usize, is_uniform: bool) -> usize {
    if is_uniform { columns.min(COLUMNS) } else { columns }
}

/// Rows fired together.
fn fired_rows(rows: usize, columns: usize) -> usize {
    (ROWS * COLUMNS / columns.max(1)).clamp(1, rows.clamp(1, ROWS))
}

/// Lines of the copied rows, the totals and the column corrections of [`Task::run_fired`].
pub(super) fn fired_lines(rows: usize, inner: usize, columns: usize, is_uniform: bool) -> [usize; 3] {
    let width = fired_columns(columns, is_uniform);
    let totals = fired_rows(rows, width).saturating_mul(width).saturating_mul(4);
    let corrections = width.next_multiple_of(BLOCK).saturating_mul(4);
    [copied_lines(rows, inner), lines_for(totals), lines_for(corrections)]
}

/// What all panels share.
pub(super) struct Task<'a> {
    pub(super) isa: Isa,
    pub(super) right: &'a PackedMatrix,
    pub(super) bias: Option<&'a [i32]>,
}

/// A panel of rows at distance `pitch`.
struct Panel<'a> {
    bytes: &'a [u8],
    pitch: usize,
    rows: usize,
    flip: u8,
}

impl Task<'_> {
    /// The totals of some rows.
    pub(super) fn run(&self, all: &Rows<'_>, rows: Range<usize>, store: Store, out: &mut [i32], scratch: &mut [Line]) {
        let columns = self.right.columns();
        if all.is_in_place() {
            let bytes = &all.bytes[rows.start * all.inner..rows.end * all.inner];
            let panel = Panel { bytes, pitch: all.inner, rows: rows.len(), flip: 0 };
            self.multiply(&panel, 0..columns, store, &mut [], out);
            return;
        }
        let panel = line_bytes_mut(scratch);
        for (index, out) in out.chunks_mut(ROWS * columns).enumerate() {
            let first = rows.start + index * ROWS;
            let count = ROWS.min(rows.end - first);
            let (active, active_count) = all.active(first..first + count);
            // Moving totals to their rows costs less than the products saved when a quarter of the rows is empty.
            if store.accumulate || 4 * (count - active_count) < count {
                all.copy(first..first + count, panel);
                self.multiply(&self.panel(all, panel, count), 0..columns, store, &mut [], out);
            } else {
                let active = &active[..active_count];
                all.copy(active.iter().copied(), panel);
                self.multiply(&self.panel(all, panel, active_count), 0..columns, store, &mut [], out);
                let mut end = count;
                for (from, row) in active.iter().map(|row| row - first).enumerate().rev() {
                    out.copy_within(from * columns..(from + 1) * columns, row * columns);
                    store_nothing(store, &mut out[(row + 1) * columns..end * columns]);
                    end = row;
                }
                store_nothing(store, &mut out[..end * columns]);
            }
        }
    }

    /// Fires some rows, whose totals are kept only while they are fired.
    pub(super) fn run_fired(
        &self,
        all: &Rows<'_>,
        rows: Range<usize>,
        epilogue: &mut Epilogue<'_>,
        scratch: &mut [Line],
    ) -> FiringStatistics {
        let columns = self.right.columns();
        let width = fired_columns(columns, epilogue.is_uniform());
        let [copied, totals, _] = fired_lines(rows.len(), all.inner, columns, epilogue.is_uniform());
        let (copied, scratch) = scratch.split_at_mut(copied);
        let (totals, corrections) = scratch.split_at_mut(totals);
        let (copied, totals) = (line_bytes_mut(copied), line_integers_mut(totals));
        let corrections = line_integers_mut(corrections);
        let step = fired_rows(rows.len(), width);
        let mut statistics = FiringStatistics::default();
        for first in rows.clone().step_by(step) {
            let count = step.min(rows.end - first);
            let (mut active, mut active_count) = all.active(first..first + count);
            if self.bias.is_some() || 4 * (count - active_count) < count {
                (active, active_count) = (std::array::from_fn(|index| first + index), count);
            }
            let panel = if active_count == count && all.is_in_place() {
                let bytes = &all.bytes[first * all.inner..][..count * all.inner];
                Panel { bytes, pitch: all.inner, rows: count, flip: 0 }
            } else {
                all.copy(active[..active_count].iter().copied(), copied);
                self.panel(all, copied, active_count)
            };
            for first_column in (0..columns).step_by(width) {
                let range = first_column..columns.min(first_column + width);
                let length = range.len();
                self.multiply(&panel, range, Store::OVERWRITE, corrections, totals);
                let start = |row: usize| (row - rows.start) * columns + first_column;
                if length == columns && active_count == count {
                    statistics += epilogue.apply(self.isa, start(first), &totals[..count * columns]);
                    continue;
                }
                for (&row, totals) in active[..active_count].iter().zip(totals.chunks_exact(length)) {
                    statistics += epilogue.apply(self.isa, start(row), totals);
                }
                if active_count < count {
                    let silent = &mut totals[active_count * length..][..length];
                    silent.fill(0);
                    let rows = (first..first + count).filter(|row| !active[..active_count].contains(row));
                    for row in rows {
                        statistics += epilogue.apply(self.isa, start(row), silent);
                    }
                }
            }
        }
        statistics
    }

    /// The copied rows.
    fn panel<'b>(&self, all: &Rows<'_>, bytes: &'b [u8], rows: usize) -> Panel<'b> {
        Panel { bytes, pitch: all.inner.next_multiple_of(GROUP), rows, flip: all.flip }
    }

    /// The totals of a panel for some columns, `[rows][columns]`; the first column begins a block.
    fn multiply(
        &self,
        panel: &Panel<'_>,
        columns: Range<usize>,
        store: Store,
        corrections: &mut [i32],
        out: &mut [i32],
    ) {
        let step = self.right.block_step();
        let bytes = &self.right.bytes()[columns.start / BLOCK * step..];
        let correction = self.right.correction(panel.flip, 0..1).map(|values| &values[columns.start..]);
        let product = Product {
            row_groups: 1,
            left_group_step: 0,
            rows: panel.rows,
            columns: columns.len(),
            counts: [1, 1, panel.pitch / GROUP],
            left: Operand { bytes: panel.bytes, lane: panel.pitch, steps: [0, 0, GROUP] },
            right: Operand { bytes, lane: step, steps: [0, 0, BLOCK * GROUP] },
            unsigned: UnsignedSide::Left,
            column_correction: join(correction, self.bias.map(|bias| &bias[columns.clone()]), corrections),
            row_correction: None,
            store,
        };
        multiply(self.isa, &product, Output { values: out, group_step: 0, row_step: columns.len() });
    }
}
