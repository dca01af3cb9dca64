//! Partial sums of the arrays of one chip.

use crate::circuit::{AnalogArray, ArrayLevels, ChipSeed};
use crate::columns::{CodeCounts, ColumnOperator, ColumnQuantiser, ColumnRead, Total};
use crate::error::CompilerError;
use crate::hardware::SignedWeights;
use crate::program::{Crossbar, Program, ProjectionKind};
use crate::statistics::ProjectionStatistics;

/// The arrays of one projection on one chip.
///
/// Replica `p` of `n` reads the positions `q` with `q * n / positions = p`. Partial sums of the rows
/// are added in ascending order of the rows, so that a read gives the same numbers in any group.
#[derive(Debug)]
pub(super) struct ChipColumns {
    arrays: Vec<ChipArray>,
    replicas: usize,
    row_tiles: usize,
    column_tiles: usize,
    outputs_per_array: usize,
    positions: usize,
    streams: usize,
    slices: usize,
    outputs: usize,
    has_reference: bool,
}

/// One array of the chip.
#[derive(Debug)]
struct ChipArray {
    /// Contributions `[row][column]`.
    contributions: Vec<f32>,
    columns: usize,
    array: AnalogArray,
}

/// Memory of [`ChipColumns::accumulate`].
#[derive(Debug, Default)]
pub(super) struct ChipScratch {
    currents: Vec<f32>,
    sums: Vec<i32>,
    references: Vec<i32>,
    active: Vec<usize>,
}

impl ChipColumns {
    /// The arrays of projection `number`.
    pub fn new(
        program: &Program,
        number: usize,
        operator: &ColumnOperator,
        chip: ChipSeed,
    ) -> Result<Self, CompilerError> {
        let hardware = &program.layout.hardware;
        let ProjectionKind::Crossbar(layout) = &program.layout.projections[number].kind else {
            return Err(CompilerError::Columns {
                what: "projection".to_owned(),
                expected: "one in crossbar arrays".to_owned(),
                found: "a digital one".to_owned(),
            });
        };
        let Some(crossbar) = program.crossbars.get(number).and_then(Option::as_ref) else {
            return Err(CompilerError::Columns {
                what: "projection".to_owned(),
                expected: "cells".to_owned(),
                found: "none".to_owned(),
            });
        };
        let replicas = layout.replicas.max(1);
        let count = replicas * layout.row_tiles * layout.column_tiles;
        let mut arrays = Vec::with_capacity(count);
        for place in 0..count {
            let index = layout.first_array + place;
            let (row_tile, column_tile) = (place / layout.column_tiles % layout.row_tiles, place % layout.column_tiles);
            let (rows, columns) = (operator.rows(row_tile), layout.columns());
            let levels = |cells: &[u8]| {
                let mut levels = Crossbar::levels(cells, layout, hardware, row_tile, column_tile);
                levels.truncate(rows * columns);
                levels
            };
            let is_paired = hardware.weights.signed == SignedWeights::DifferentialPair;
            let negative = is_paired.then(|| levels(&crossbar.negative_cells));
            let levels = ArrayLevels { rows, columns, positive: levels(&crossbar.cells), negative };
            let array = AnalogArray::realise(&levels, hardware, chip, index)?;
            let mut contributions = vec![0.0; rows * columns];
            for (column, values) in array.effective.contributions.chunks_exact(rows).enumerate() {
                values.iter().enumerate().for_each(|(row, &value)| contributions[row * columns + column] = value);
            }
            arrays.push(ChipArray { contributions, columns, array });
        }
        Ok(Self {
            arrays,
            replicas,
            row_tiles: layout.row_tiles,
            column_tiles: layout.column_tiles,
            outputs_per_array: layout.outputs_per_array,
            positions: operator.positions(),
            streams: layout.streams.len(),
            slices: layout.slices.len(),
            outputs: layout.outputs,
            has_reference: layout.reference_weight != 0,
        })
    }

    /// Adds a read to the total inputs as [`ColumnQuantiser::accumulate`] does.
    pub fn accumulate<T: Total>(
        &self,
        read: &ColumnRead<'_>,
        quantiser: &ColumnQuantiser<T>,
        first_sample: u64,
        totals: &mut [T],
        statistics: &mut ProjectionStatistics,
        scratch: &mut ChipScratch,
    ) {
        let (outputs, code) = (self.outputs, quantiser.code());
        let levels = quantiser.levels(read.row_tile, read.stream);
        let mut counts = CodeCounts::default();
        scratch.sums.resize(self.slices * outputs, 0);
        scratch.references.resize(self.column_tiles, 0);
        for (&place, rows) in read.places.iter().zip(read.rows.chunks_exact(read.pitch)) {
            let ChipScratch { currents, sums, references, active } = &mut *scratch;
            let position = read.position(place);
            let (sample, position_in_map) = (position / self.positions, position % self.positions);
            let number = (first_sample + sample as u64) * self.positions as u64 + position_in_map as u64;
            let number = number * self.streams as u64 + read.stream as u64;
            let replica = position_in_map * self.replicas / self.positions;
            active.clear();
            active.extend(rows.iter().enumerate().filter(|(_, row)| **row != 0).map(|(row, _)| row));
            for (column_tile, reference) in references.iter_mut().enumerate() {
                let index = (replica * self.row_tiles + read.row_tile) * self.column_tiles + column_tile;
                self.arrays[index].read(active, number, currents);
                let first = column_tile * self.outputs_per_array;
                let columns = currents.chunks_exact(self.slices).take(self.outputs_per_array.min(outputs - first));
                for (output, column) in columns.enumerate() {
                    for (slice, &current) in column.iter().enumerate() {
                        let column = slice * outputs + first + output;
                        sums[column] = code.integer(current, levels[column]);
                    }
                }
                if let (true, Some(&current)) = (self.has_reference, currents.last()) {
                    *reference = (current.round() as i32).clamp(0, rows.len() as i32);
                }
            }
            let totals = &mut totals[position * outputs..][..outputs];
            if self.has_reference {
                for (totals, &reference) in totals.chunks_mut(self.outputs_per_array).zip(references.iter()) {
                    quantiser.add_reference(read.stream, reference, totals);
                }
            }
            let seen = quantiser.add_sums(read.row_tile, read.stream, sums, totals);
            counts.zeros += seen.zeros;
            counts.clipped += seen.clipped;
        }
        quantiser.count(read, counts, statistics);
    }
}

impl ChipArray {
    /// Currents of all columns, with noise and offsets, in levels.
    fn read(&self, active: &[usize], number: u64, currents: &mut Vec<f32>) {
        currents.clear();
        currents.resize(self.columns, 0.0);
        for &row in active {
            let contributions = &self.contributions[row * self.columns..][..self.columns];
            currents.iter_mut().zip(contributions).for_each(|(current, value)| *current += value);
        }
        self.array.disturb(number, currents);
    }
}
