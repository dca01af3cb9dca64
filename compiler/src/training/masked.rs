//! Masked straight-through gradients of weights and of the counts before them.

use std::ops::{AddAssign, Mul};

use kernels::Loop;

use super::columns::Columns;
use crate::columns::ColumnRead;

/// Memory of [`Masked`], reused from group to group.
#[derive(Clone, Debug, Default)]
pub(super) struct MaskedScratch {
    /// Open reads of each `[position of the group][slice][output]` so far, over the streams.
    open: Vec<u8>,
    limits: Vec<i32>,
    passing: Vec<i32>,
    narrow: Vec<i32>,
    wide: Vec<i64>,
}

/// Masked straight-through gradients of a group of examples.
pub(super) struct Masked<'a> {
    pub columns: &'a Columns,
    pub grid: i32,
    pub errors: &'a [i32],
    pub is_active: &'a [bool],
    /// Whether sums over a group of positions fit 32 bits.
    pub is_narrow: bool,
    pub scratch: &'a mut MaskedScratch,
}

/// An integer that gradients are summed in.
trait Sum: Copy + Default + PartialEq + AddAssign + Mul<Output = Self> + From<i32> + From<u8> + Into<i64> {
    /// This number where the row is driven (1), else 0.
    fn where_driven(self, driven: u8) -> Self;

    /// This number times a digit.
    fn times(self, digit: i16) -> Self;
}

/// For numbers of 16 bits.
impl Sum for i32 {
    #[inline(always)]
    fn where_driven(self, driven: u8) -> Self {
        self & -i32::from(driven)
    }

    #[inline(always)]
    fn times(self, digit: i16) -> Self {
        i32::from(self as i16) * i32::from(digit)
    }
}

impl Sum for i64 {
    #[inline(always)]
    fn where_driven(self, driven: u8) -> Self {
        self & -i64::from(driven)
    }

    #[inline(always)]
    fn times(self, digit: i16) -> Self {
        self * i64::from(digit)
    }
}

impl Columns {
    /// Whether the gradients of a group with these error counts fit 32 bits, and each error count times
    /// slices or streams 16.
    pub(super) fn gradients_are_narrow(&self, errors: &[i32], positions: usize) -> bool {
        let [_, slices, streams, outputs] = self.sizes.0;
        let largest = errors.iter().map(|error| u64::from(error.unsigned_abs())).max().unwrap_or(0);
        let of_weights = slices.saturating_mul(positions);
        let digits = slices << self.operator.slicing().bits;
        let of_errors = outputs.saturating_mul(streams).saturating_mul(digits);
        let amounts = largest.saturating_mul(slices.max(streams) as u64);
        amounts < 1 << 15 && largest.saturating_mul(of_weights.max(of_errors) as u64) < 1 << 31
    }
}

impl Masked<'_> {
    /// Adds one read: `dW = mean over slices`, `dS = mean over streams`, both times slices * streams.
    pub fn add(&mut self, read: &ColumnRead<'_>, partial: &[i32], weights: &mut [i64], arriving: &mut [i64]) {
        let engine = self.columns.operator.engine();
        if self.is_narrow {
            let mut sums = std::mem::take(&mut self.scratch.narrow);
            engine.vectorised(Addition { masked: self, read, partial, weights, arriving, sums: &mut sums });
            self.scratch.narrow = sums;
        } else {
            let mut sums = std::mem::take(&mut self.scratch.wide);
            engine.vectorised(Addition { masked: self, read, partial, weights, arriving, sums: &mut sums });
            self.scratch.wide = sums;
        }
    }

    #[inline(always)]
    fn add_in<S: Sum>(
        &mut self,
        read: &ColumnRead<'_>,
        partial: &[i32],
        weights: &mut [i64],
        arriving: &mut [i64],
        sums: &mut Vec<S>,
    ) {
        let columns = self.columns;
        let [_, slices, streams, outputs] = columns.sizes.0;
        let width = slices * outputs;
        let fan_in = columns.multipliers.len() / outputs;
        let (start, rows) = (read.row_tile * columns.operator.rows(0), columns.operator.rows(read.row_tile));
        let centres = columns.of_read(&columns.centres, read);
        let MaskedScratch { open, limits, passing, .. } = &mut *self.scratch;
        if read.stream == 0 {
            open.clear();
            open.resize(read.count * width, streams as u8);
        }
        limits.clear();
        limits.extend(columns.of_read(&columns.limits, read).iter().map(|&limit| (limit * self.grid as f32) as i32));
        sums.clear();
        sums.resize(outputs * rows, S::default());
        for (index, &place) in read.places.iter().enumerate() {
            let position = read.first + place as usize;
            if !self.is_active[position] {
                continue;
            }
            passing.clear();
            passing.resize(outputs, 0);
            let open = &mut open[place as usize * width..][..width];
            let bounds = limits.chunks_exact(outputs).zip(centres.chunks_exact(outputs));
            let of_slices = partial[index * width..][..width].chunks_exact(outputs).zip(bounds);
            for ((partial, (limits, centres)), open) in of_slices.zip(open.chunks_exact_mut(outputs)) {
                let all = partial.iter().zip(limits.iter().zip(centres)).zip(open.iter_mut().zip(passing.iter_mut()));
                for ((&partial, (&limit, &centre)), (open, passing)) in all {
                    let passes = (2 * partial + centre).abs() <= limit;
                    *passing += i32::from(passes);
                    *open -= u8::from(!passes);
                }
            }
            let driven = &read.rows[index * read.pitch..][..rows];
            let errors = &self.errors[position * outputs..][..outputs];
            let amounts = errors.iter().zip(&*passing).map(|(&error, &passing)| S::from(error) * S::from(passing));
            for (amount, sums) in amounts.zip(sums.chunks_exact_mut(rows)).filter(|(amount, _)| *amount != S::default())
            {
                sums.iter_mut().zip(driven).for_each(|(sum, &driven)| *sum += amount.where_driven(driven));
            }
        }
        let factor = columns.operator.streams()[read.stream].weight * streams as i64;
        for (weights, sums) in weights.chunks_exact_mut(fan_in).zip(sums.chunks_exact(rows)) {
            let weights = &mut weights[start..start + rows];
            weights.iter_mut().zip(sums).for_each(|(weight, &sum)| *weight += factor * sum.into());
        }
        if read.stream + 1 == streams && !arriving.is_empty() {
            self.scatter(read, [start, rows], arriving, sums);
        }
    }

    /// Sends the errors of a row tile, weighed by its open slices, to the rows.
    #[inline(always)]
    fn scatter<S: Sum>(
        &self,
        read: &ColumnRead<'_>,
        [start, rows]: [usize; 2],
        arriving: &mut [i64],
        sums: &mut Vec<S>,
    ) {
        let columns = self.columns;
        let [_, slices, _, outputs] = columns.sizes.0;
        let positions = columns.operator.positions();
        let neurons = columns.operator.patches().neurons();
        let factor = i64::from(columns.step) * slices as i64;
        let digits = &columns.digits[start * outputs * slices..][..rows * outputs * slices];
        for place in (0..read.count).filter(|&place| self.is_active[read.first + place]) {
            sums.clear();
            sums.resize(rows, S::default());
            let errors = &self.errors[(read.first + place) * outputs..][..outputs];
            let open = self.scratch.open[place * slices * outputs..].chunks_exact(outputs);
            for (open, digits) in open.zip(digits.chunks_exact(rows * outputs)) {
                let amounts = errors.iter().zip(open).map(|(&error, &open)| S::from(error) * S::from(open));
                for (amount, digits) in
                    amounts.zip(digits.chunks_exact(rows)).filter(|(amount, _)| *amount != S::default())
                {
                    sums.iter_mut().zip(digits).for_each(|(sum, &digit)| *sum += amount.times(digit));
                }
            }
            let (example, position) = ((read.first + place) / positions, (read.first + place) % positions);
            let arriving = &mut arriving[example * neurons..][..neurons];
            for (row, &sum) in sums.iter().enumerate().filter(|(_, sum)| **sum != S::default()) {
                if let Some(neuron) = columns.neuron(position, start + row) {
                    arriving[neuron] += factor * sum.into();
                }
            }
        }
    }
}

/// One read added to the gradients.
struct Addition<'a, 'm, S> {
    masked: &'a mut Masked<'m>,
    read: &'a ColumnRead<'a>,
    partial: &'a [i32],
    weights: &'a mut [i64],
    arriving: &'a mut [i64],
    sums: &'a mut Vec<S>,
}

impl<S: Sum> Loop for Addition<'_, '_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.masked.add_in(self.read, self.partial, self.weights, self.arriving, self.sums);
    }
}

impl Columns {
    /// The neuron that drives a row at an output position; `None` outside the map.
    fn neuron(&self, position: usize, row: usize) -> Option<usize> {
        let Some(shape) = &self.convolution else { return Some(row) };
        let (channel, tap) = (row % shape.input_channels, row / shape.input_channels);
        let (y, x) = (position / shape.output_width(), position % shape.output_width());
        let y = (y * shape.stride[0] + tap / shape.kernel[1]).checked_sub(shape.padding[0])?;
        let x = (x * shape.stride[1] + tap % shape.kernel[1]).checked_sub(shape.padding[1])?;
        let is_inside = y < shape.input_height && x < shape.input_width;
        is_inside.then_some((y * shape.input_width + x) * shape.input_channels + channel)
    }
}
