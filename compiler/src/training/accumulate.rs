//! The forward pass: quantised partial sums times their factors, added to total inputs.

use kernels::{Counts, Loop};

use super::columns::Columns;
use super::masked::MaskedScratch;
use crate::columns::{ColumnOperator, ColumnRead, ColumnScratch};
use crate::error::CompilerError;
use crate::hardware::Quantiser;

/// Memory of one thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    pub columns: ColumnScratch,
    pub row: Vec<i32>,
    pub noisy: Vec<i32>,
    pub sums: Vec<i32>,
    pub levels: Vec<i32>,
    pub factors: Vec<i32>,
    /// Errors of a position, once for every slice.
    pub errors: Vec<i32>,
    pub masked: MaskedScratch,
    /// Positions with errors, and their errors `[position with errors][output]`.
    pub active: Vec<u32>,
    pub active_errors: Vec<i32>,
}

/// Partial sums are weighed so many at a time, about, so that inner loops stay long.
const BLOCK: usize = 256;

/// What one read adds to the total inputs.
struct Currents<'a> {
    columns: &'a Columns,
    read: &'a ColumnRead<'a>,
    sums: &'a [i32],
    /// Those of a place, repeated for as many as are weighed at a time.
    factors: &'a [i32],
    levels: &'a [i32],
    weight: i64,
    row: &'a mut Vec<i32>,
    totals: &'a mut [i64],
}

impl Loop for Currents<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.columns.add_read(self);
    }
}

/// How the columns are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    /// Index of each example among the training samples, where reads are noisy.
    pub samples: Option<&'a [u32]>,
    /// Partial sums are in units of 1 / grid.
    pub grid: i32,
}

impl Columns {
    /// The operator and the way to read it, noisy when `samples` are given and noise is drawn.
    pub fn reading<'a>(&'a self, samples: Option<&'a [u32]>) -> (&'a ColumnOperator, Reading<'a>) {
        match (&self.noisy, samples) {
            (Some(noisy), Some(_)) => (&noisy.operator, Reading { samples, grid: noisy.grid }),
            _ => (&self.operator, Reading { samples: None, grid: 1 }),
        }
    }

    /// Adds the currents of examples to `[examples][positions][outputs]`.
    pub fn add_currents(
        &self,
        counts: Counts<'_>,
        examples: usize,
        samples: Option<&[u32]>,
        totals: &mut [i64],
        scratch: &mut Scratch,
    ) -> Result<(), CompilerError> {
        let outputs = self.sizes.0[3];
        let (operator, reading) = self.reading(samples);
        for totals in totals.chunks_exact_mut(outputs) {
            totals.iter_mut().zip(&self.resting).for_each(|(total, resting)| *total += resting);
        }
        let Scratch { columns, row, noisy, levels, factors, .. } = scratch;
        operator.for_each_read(operator.counts(counts.bytes()), examples, columns, |read| {
            let sums = self.disturbed(&read, reading, noisy);
            let weight = self.unit * operator.streams()[read.stream].weight;
            factors.clear();
            factors.extend_from_slice(self.of_read(&self.factors, &read));
            self.levels_of(&read, reading, levels);
            let (width, together) = (levels.len(), (BLOCK / levels.len().max(1)).clamp(1, read.places.len().max(1)));
            for values in [&mut *factors, &mut *levels] {
                (1..together).for_each(|_| values.extend_from_within(..width));
            }
            operator.engine().vectorised(Currents {
                columns: self,
                read: &read,
                sums,
                factors,
                levels,
                weight,
                row,
                totals,
            });
        })
    }

    /// Adds the currents of one read, `weight` times the coded sums and what the reference column takes off.
    #[inline(always)]
    fn add_read(&self, currents: Currents<'_>) {
        let Currents { read, sums, factors, levels, weight, row, totals, .. } = currents;
        let [_, slices, _, outputs] = self.sizes.0;
        let width = slices * outputs;
        let reference = self.operator.slicing().reference_weight();
        let mut places = read.places.iter().zip(read.active);
        for sums in sums.chunks(levels.len()) {
            row.clear();
            row.resize(sums.len(), 0);
            self.weigh(sums, &factors[..sums.len()], &levels[..sums.len()], row);
            for (row, (&place, &active)) in row.chunks_exact_mut(width).zip(&mut places) {
                let (row, others) = row.split_at_mut(outputs);
                for other in others.chunks_exact(outputs) {
                    row.iter_mut().zip(other).for_each(|(part, &other)| *part += other);
                }
                let start = read.position(place) * outputs;
                let reference = reference * i64::from(active);
                let totals = totals[start..start + outputs].iter_mut().zip(&*row);
                totals.for_each(|(total, &part)| *total += weight * (i64::from(part) + reference));
            }
        }
    }

    /// Adds `factor * Q(P)`; of a sign quantiser what it differs from resting.
    #[inline(always)]
    fn weigh(&self, sums: &[i32], factors: &[i32], levels: &[i32], row: &mut [i32]) {
        let all = row.iter_mut().zip(sums).zip(factors.iter().zip(levels));
        match self.quantiser {
            Quantiser::Ideal {} => {
                all.for_each(|((row, &sum), (&factor, &level))| *row += factor * nearest(sum, level))
            }
            Quantiser::Sign {} => {
                all.for_each(|((row, &sum), (&factor, &level))| {
                    *row += 2 * factor * (i32::from(sum >= level - 1) - i32::from(level <= 1));
                });
            }
            Quantiser::Ternary {} => all.for_each(|((row, &sum), (&factor, &level))| {
                *row += factor * (i32::from(sum >= level) - i32::from(sum <= -level));
            }),
            Quantiser::Uniform { .. } => {
                let step = self.levels.values.first().map_or(1, |&level| super::columns::whole(level));
                all.for_each(|((row, &sum), (&factor, &level))| {
                    *row += factor * step * nearest(sum, level).clamp(self.codes[0], self.codes[1]);
                });
            }
        }
    }

    /// The levels of a read, in units of its partial sums.
    pub fn levels_of(&self, read: &ColumnRead<'_>, reading: Reading<'_>, levels: &mut Vec<i32>) {
        levels.clear();
        // Comparators without a zero decide at 0, on whatever grid.
        let grid = if self.is_sign() { 1 } else { reading.grid };
        levels.extend(self.of_read(&self.thresholds, read).iter().map(|&level| level * grid));
    }

    /// The values of a read's partial sums, `[slice][output]`.
    pub fn of_read<'v, T>(&self, values: &'v [T], read: &ColumnRead<'_>) -> &'v [T] {
        let start = self.sizes.place([read.row_tile, 0, read.stream, 0]);
        &values[start..start + self.sizes.0[1] * self.sizes.0[3]]
    }

    /// The partial sums of a read with its noise.
    pub fn disturbed<'s>(&self, read: &'s ColumnRead<'_>, reading: Reading<'_>, buffer: &'s mut Vec<i32>) -> &'s [i32] {
        match (&self.noisy, reading.samples) {
            (Some(noisy), Some(samples)) if noisy.has_read_noise() => {
                buffer.clear();
                buffer.extend_from_slice(read.sums);
                let positions = self.operator.positions();
                for (sums, &place) in buffer.chunks_exact_mut(self.operator.columns()).zip(read.places) {
                    let place = read.position(place);
                    let sample = samples.get(place / positions).copied().unwrap_or(0);
                    noisy.disturb(sums, [sample, (place % positions) as u32, read.row_tile as u32, read.stream as u32]);
                }
                buffer
            }
            _ => read.sums,
        }
    }
}

/// `round_half_away(sum / level)`.
#[inline(always)]
fn nearest(sum: i32, level: i32) -> i32 {
    let magnitude = (2 * sum.abs() + level) / (2 * level);
    if sum < 0 { -magnitude } else { magnitude }
}
