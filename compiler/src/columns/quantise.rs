//! Partial sums quantised, scaled, shifted and added to total inputs in one pass.

use kernels::{Engine, Loop};

use super::code::{Code, CodeCounts};
use super::{ColumnRead, Total};
use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;
use crate::program::{Broadcast, Crossbar, CrossbarLayout};
use crate::statistics::ProjectionStatistics;

/// Quantiser, scale factors and shifts of one projection:
///
/// ```text
/// A[m] += unit * sum over r, k, j: scale[r, k, j, m] * Q(P[r, k, j, m]) * weight_k * weight_j
///       + unit * reference_weight * sum over r, j: active[r, j] * weight_j
/// ```
#[derive(Clone, Debug)]
pub struct ColumnQuantiser<T> {
    code: Code,
    sizes: [usize; 4],
    /// `unit * scale * weight_k * weight_j` over `[row tile or 1][kind of stream][slice][output]`.
    factors: Vec<T>,
    factor_tiles: usize,
    /// For each stream its kind: streams with equal scale factors and weights share one.
    kinds: Vec<usize>,
    distinct: usize,
    /// `[row tile or 1][stream or 1][slice][output]`.
    levels: Vec<i32>,
    /// [`Code::reciprocal`] of each level.
    reciprocals: Vec<f32>,
    level_sizes: [usize; 2],
    /// `unit * reference_weight * weight_j`.
    references: Vec<T>,
    baseline: Vec<T>,
}

/// Largest magnitude that the projection adds to the total input of any output.
pub fn largest_input(layout: &CrossbarLayout, crossbar: &Crossbar, hardware: &HardwareSpecification) -> i128 {
    let code = Code::of(hardware, hardware.array.rows);
    let (scales, levels) = (&crossbar.scale_factors, &crossbar.quantiser_levels);
    let largest = |broadcast: &Broadcast| broadcast.values.iter().map(|value| value.unsigned_abs()).max().unwrap_or(0);
    let largest_level = levels.values.iter().map(|&level| code.largest(level)).max().unwrap_or(0);
    let slices: i128 = layout.slices.iter().map(|weight| i128::from(*weight).abs()).sum();
    let streams: i128 = layout.streams.iter().map(|stream| i128::from(stream.weight).abs()).sum();
    let columns = layout.row_tiles as i128 * slices * largest_level * i128::from(largest(scales));
    let reference = i128::from(layout.reference_weight).abs() * layout.fan_in as i128;
    streams.saturating_mul(columns.saturating_add(reference)).saturating_mul(i128::from(layout.unit).abs())
}

impl<T: Total> ColumnQuantiser<T> {
    /// That of a compiled projection.
    ///
    /// # Errors
    /// [`CompilerError::Columns`] when scale factors or levels do not fit the sizes, or a factor
    /// exceeds T.
    pub fn new(
        layout: &CrossbarLayout,
        crossbar: &Crossbar,
        hardware: &HardwareSpecification,
    ) -> Result<Self, CompilerError> {
        let sizes @ [row_tiles, slices, streams, outputs] =
            [layout.row_tiles, layout.slices.len(), layout.streams.len(), layout.outputs];
        let (scales, thresholds) = (&crossbar.scale_factors, &crossbar.quantiser_levels);
        for (what, broadcast) in [("scale factors", scales), ("quantiser levels", thresholds)] {
            check(what, broadcast, sizes)?;
        }
        if let Some(wrong) = thresholds.values.iter().find(|&&level| level < 1) {
            return Err(misfit("quantiser levels", "integers of at least 1".to_owned(), wrong.to_string()));
        }
        let mut kinds = Vec::with_capacity(streams);
        let mut distinct: Vec<(usize, i64)> = Vec::new();
        for (index, stream) in layout.streams.iter().enumerate() {
            let kind = (index.min(scales.shape[2] - 1), stream.weight);
            let place = distinct.iter().position(|other| *other == kind).unwrap_or(distinct.len());
            if place == distinct.len() {
                distinct.push(kind);
            }
            kinds.push(place);
        }
        let factor = |value: i128| {
            let what = "scale factors times weights of slices, streams and projection";
            T::of(value).ok_or_else(|| misfit(what, "a product within the accumulator".to_owned(), value.to_string()))
        };
        let unit = i128::from(layout.unit);
        let factor_tiles = scales.shape[0];
        let mut factors = Vec::with_capacity(factor_tiles * distinct.len() * slices * outputs);
        for tile in 0..factor_tiles {
            for &(stream, weight) in &distinct {
                for (slice, &slice_weight) in layout.slices.iter().enumerate() {
                    let common = unit * i128::from(weight) * i128::from(slice_weight);
                    for output in 0..outputs {
                        factors.push(factor(common * i128::from(scales.get([tile, slice, stream, output])))?);
                    }
                }
            }
        }
        let level_sizes = [thresholds.shape[0], thresholds.shape[2]];
        let mut levels = Vec::with_capacity(level_sizes[0] * level_sizes[1] * slices * outputs);
        for tile in 0..level_sizes[0] {
            for stream in 0..level_sizes[1] {
                for slice in 0..slices {
                    levels.extend((0..outputs).map(|output| thresholds.get([tile, slice, stream, output])));
                }
            }
        }
        let reference = unit * i128::from(layout.reference_weight);
        let references = layout.streams.iter().map(|stream| factor(reference * i128::from(stream.weight)));
        let references = references.collect::<Result<Vec<T>, CompilerError>>()?;
        let code = Code::of(hardware, hardware.array.rows);
        let mut quantiser = Self {
            code,
            sizes,
            factors,
            factor_tiles,
            kinds,
            distinct: distinct.len(),
            reciprocals: levels.iter().map(|&level| code.reciprocal(level)).collect(),
            levels,
            level_sizes,
            references,
            baseline: Vec::new(),
        };
        let mut baseline = vec![0i128; outputs];
        for tile in 0..row_tiles {
            for stream in 0..streams {
                let columns = quantiser.factors(tile, stream).iter().zip(quantiser.levels(tile, stream));
                for (column, (factor, &level)) in columns.enumerate() {
                    baseline[column % outputs] += i128::from(factor.wide()) * i128::from(code.at_zero(level));
                }
            }
        }
        quantiser.baseline = baseline.into_iter().map(factor).collect::<Result<_, _>>()?;
        Ok(quantiser)
    }

    /// The quantiser of each column.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What an output gets when no row of any read is active: `Q(0)` of all its columns.
    pub fn baseline(&self) -> &[T] {
        &self.baseline
    }

    /// Thresholds or steps `[slice][output]` of a read.
    pub fn levels(&self, row_tile: usize, stream: usize) -> &[i32] {
        &self.levels[self.places_of_levels(row_tile, stream)]
    }

    fn places_of_levels(&self, row_tile: usize, stream: usize) -> std::ops::Range<usize> {
        let [tiles, streams] = self.level_sizes;
        let index = row_tile.min(tiles - 1) * streams + stream.min(streams - 1);
        let columns = self.sizes[1] * self.sizes[3];
        index * columns..(index + 1) * columns
    }

    fn factors(&self, row_tile: usize, stream: usize) -> &[T] {
        let index = row_tile.min(self.factor_tiles - 1) * self.distinct + self.kinds[stream];
        let columns = self.sizes[1] * self.sizes[3];
        &self.factors[index * columns..][..columns]
    }

    /// Adds a read to the total inputs `[positions of all examples][outputs]`, which hold the
    /// baseline already, and counts it.
    pub fn accumulate(
        &self,
        read: &ColumnRead<'_>,
        totals: &mut [T],
        statistics: &mut ProjectionStatistics,
        engine: Engine,
    ) {
        let counts = engine.vectorised(Addition { quantiser: self, read, totals });
        self.count(read, counts, statistics);
    }

    #[inline(always)]
    fn add_read(&self, read: &ColumnRead<'_>, totals: &mut [T]) -> CodeCounts {
        let [_, slices, _, outputs] = self.sizes;
        let mut counts = CodeCounts::default();
        let places = read.places.iter().zip(read.active).zip(read.sums.chunks_exact(slices * outputs));
        for ((&place, &active), sums) in places {
            let totals = &mut totals[read.position(place) * outputs..][..outputs];
            self.add_reference(read.stream, active as i32, totals);
            let seen = self.add_sums(read.row_tile, read.stream, sums, totals);
            counts.zeros += seen.zeros;
            counts.clipped += seen.clipped;
        }
        counts
    }

    /// Adds the partial sums `[slice][output]` of one position to its total inputs.
    #[inline(always)]
    pub fn add_sums(&self, row_tile: usize, stream: usize, sums: &[i32], totals: &mut [T]) -> CodeCounts {
        let outputs = self.sizes[3];
        let (factors, places) = (self.factors(row_tile, stream), self.places_of_levels(row_tile, stream));
        let levels = self.levels[places.clone()].chunks_exact(outputs);
        let reciprocals = self.reciprocals[places].chunks_exact(outputs);
        let slices = sums.chunks_exact(outputs).zip(levels.zip(reciprocals)).zip(factors.chunks_exact(outputs));
        let mut counts = CodeCounts::default();
        for ((sums, (levels, reciprocals)), factors) in slices {
            let seen = self.code.add(sums, levels, reciprocals, factors, totals);
            counts.zeros += seen.zeros;
            counts.clipped += seen.clipped;
        }
        counts
    }

    /// Takes the offset of the weights off: `active` rows were driven.
    #[inline(always)]
    pub fn add_reference(&self, stream: usize, active: i32, totals: &mut [T]) {
        let reference = self.references[stream];
        if reference != T::default() {
            let offset = reference * T::of_sum(active);
            totals.iter_mut().for_each(|total| *total = *total + offset);
        }
    }

    /// Counts a read without quantising it.
    pub fn count(&self, read: &ColumnRead<'_>, counts: CodeCounts, statistics: &mut ProjectionStatistics) {
        let columns = (self.sizes[1] * self.sizes[3]) as u64;
        let empty = (read.count - read.places.len()) as u64;
        statistics.reads += read.count as u64;
        statistics.empty_reads += empty;
        statistics.active_rows += read.active.iter().map(|&active| u64::from(active)).sum::<u64>();
        statistics.conversions += read.count as u64 * columns;
        statistics.zero_codes += counts.zeros + if self.code.has_zeros() { empty * columns } else { 0 };
        statistics.clipped += counts.clipped;
    }
}

/// One read added to the total inputs.
struct Addition<'a, T> {
    quantiser: &'a ColumnQuantiser<T>,
    read: &'a ColumnRead<'a>,
    totals: &'a mut [T],
}

impl<T: Total> Loop for Addition<'_, T> {
    type Output = CodeCounts;

    #[inline(always)]
    fn run(self) -> CodeCounts {
        self.quantiser.add_read(self.read, self.totals)
    }
}

fn check(what: &str, broadcast: &Broadcast, sizes: [usize; 4]) -> Result<(), CompilerError> {
    let fits = broadcast.shape.iter().zip(sizes).all(|(&size, full)| size == 1 || size == full);
    if fits && broadcast.shape.iter().product::<usize>() == broadcast.values.len() {
        return Ok(());
    }
    let found = format!("{} of sizes {:?}", broadcast.values.len(), broadcast.shape);
    Err(misfit(what, format!("sizes of 1 or {sizes:?}"), found))
}

fn misfit(what: &str, expected: String, found: String) -> CompilerError {
    CompilerError::Columns { what: what.to_owned(), expected, found }
}
