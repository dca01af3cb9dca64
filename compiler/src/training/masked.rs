//! Masked straight-through gradients of weights and of the counts before them.
//!
//! Both are products of the integer kernels: error counts times open slices with the driven rows of a read, and
//! error counts times open reads with the digits of the slices.

use kernels::{Counts, Loop, Store, Workspace, digits_needed};

use super::columns::Columns;
use crate::columns::ColumnRead;
use crate::error::CompilerError;

/// Slices of all outputs at most: so many products of two 8-bit digits, each at most 2^14, fit 32 bits.
pub(super) const MOST_COLUMNS: usize = 1 << 16;

/// Memory of [`Masked`], reused from group to group.
#[derive(Clone, Debug, Default)]
pub(super) struct MaskedScratch {
    /// Open reads of each `[position of the group][slice][output]` so far, over the streams.
    open: Vec<u8>,
    limits: Vec<i32>,
    /// Whether errors pass at each `[slice][output]` of a place, 1 or 0.
    passing: Vec<i32>,
    /// Error counts times what is open, `[place][output]` or `[position of the group][slice][output]`.
    amounts: Vec<i32>,
    /// Digits of the amounts.
    planes: Vec<Vec<i8>>,
    sums: Vec<i32>,
    /// Errors `[position of the group][row]`.
    rows: Vec<i64>,
    workspace: Workspace,
}

/// Masked straight-through gradients of a group of examples.
pub(super) struct Masked<'a> {
    pub columns: &'a Columns,
    pub grid: i32,
    /// `[position that is visited][output]`.
    pub errors: &'a [i32],
    pub scratch: &'a mut MaskedScratch,
}

impl Masked<'_> {
    /// Adds one read: `dW = mean over slices`, `dS = mean over streams`, both times slices * streams.
    pub fn add(
        &mut self,
        read: &ColumnRead<'_>,
        partial: &[i32],
        weights: &mut [i64],
        arriving: &mut [i64],
    ) -> Result<(), CompilerError> {
        let columns = self.columns;
        let [_, slices, streams, outputs] = columns.sizes.0;
        let MaskedScratch { open, limits, passing, amounts, .. } = &mut *self.scratch;
        passing.resize(slices * outputs, 0);
        if read.stream == 0 {
            open.clear();
            open.resize(read.count * slices * outputs, streams as u8);
        }
        limits.clear();
        limits.extend(columns.of_read(&columns.limits, read).iter().map(|&limit| (limit * self.grid as f32) as i32));
        amounts.clear();
        amounts.resize(read.places.len() * outputs, 0);
        let errors = self.errors;
        let centres = columns.of_read(&columns.centres, read);
        let engine = columns.operator.engine();
        engine.vectorised(Passing { read, partial, errors, limits, centres, open, passing, amounts });
        self.add_weights(read, weights)?;
        if read.stream + 1 == streams && !arriving.is_empty() { self.send_errors(read, arriving) } else { Ok(()) }
    }

    /// Adds the products of amounts and driven rows.
    fn add_weights(&mut self, read: &ColumnRead<'_>, weights: &mut [i64]) -> Result<(), CompilerError> {
        let columns = self.columns;
        let (operator, outputs) = (&columns.operator, columns.sizes.0[3]);
        let (engine, places) = (operator.engine(), read.places.len());
        let (start, rows) = (read.row_tile * operator.rows(0), operator.rows(read.row_tile));
        let fan_in = operator.patches().rows();
        let MaskedScratch { amounts, planes, sums, workspace, .. } = &mut *self.scratch;
        let used = engine.vectorised(Split { amounts, planes });
        if used == 0 {
            return Ok(());
        }
        sums.resize(sums.len().max(outputs * read.pitch), 0);
        let sums = &mut sums[..outputs * read.pitch];
        workspace.reserve(engine.dense_gradient_workspace(places, outputs, read.pitch));
        for (place, plane) in planes.iter().take(used).enumerate() {
            let (counts, store) = (Counts::Unsigned(read.rows), Store { accumulate: false, scale: 1 });
            engine.dense_gradient(places, plane, outputs, counts, read.pitch, store, sums, workspace)?;
            let factor = (operator.streams()[read.stream].weight * columns.sizes.0[2] as i64) << (8 * place);
            for (weights, sums) in weights.chunks_exact_mut(fan_in).zip(sums.chunks_exact(read.pitch)) {
                engine.vectorised(AddScaled { to: &mut weights[start..start + rows], sums, factor });
            }
        }
        Ok(())
    }

    /// Sends the errors of a row tile, weighed by its open slices, to the neurons that drive its rows.
    fn send_errors(&mut self, read: &ColumnRead<'_>, arriving: &mut [i64]) -> Result<(), CompilerError> {
        let columns = self.columns;
        let [_, slices, _, outputs] = columns.sizes.0;
        let operator = &columns.operator;
        let (engine, rows) = (operator.engine(), operator.rows(read.row_tile));
        let MaskedScratch { open, amounts, planes, sums, rows: errors_of_rows, workspace, .. } = &mut *self.scratch;
        amounts.clear();
        amounts.resize(read.count * slices * outputs, 0);
        let errors = &self.errors[read.first * outputs..][..read.count * outputs];
        engine.vectorised(Opened { errors, open, sizes: [slices, outputs], amounts });
        let used = engine.vectorised(Split { amounts, planes });
        if used == 0 {
            return Ok(());
        }
        sums.resize(sums.len().max(read.count * rows), 0);
        let sums = &mut sums[..read.count * rows];
        errors_of_rows.clear();
        errors_of_rows.resize(read.count * rows, 0);
        workspace.reserve(engine.matmul_workspace(read.count, slices * outputs, rows));
        for (place, plane) in planes.iter().take(used).enumerate() {
            let (left, store) = (Counts::Signed(plane), Store { accumulate: false, scale: 1 });
            engine.matmul(left, read.count, &columns.digits[read.row_tile], store, sums, workspace)?;
            let factor = (i64::from(columns.step) * slices as i64) << (8 * place);
            engine.vectorised(AddScaled { to: errors_of_rows, sums, factor });
        }
        let (positions, neurons) = (operator.positions(), operator.patches().neurons());
        for (place, errors) in errors_of_rows.chunks_exact(rows).enumerate() {
            let position = read.position(place as u32);
            let (example, position) = (position / positions, position % positions);
            let first = read.row_tile * operator.rows(0);
            operator.patches().scatter(errors, position, first, &mut arriving[example * neurons..][..neurons]);
        }
        Ok(())
    }
}

/// Counts the open slices of every output of a read, times its error; closes reads.
struct Passing<'a> {
    read: &'a ColumnRead<'a>,
    partial: &'a [i32],
    errors: &'a [i32],
    limits: &'a [i32],
    centres: &'a [i32],
    open: &'a mut [u8],
    passing: &'a mut [i32],
    amounts: &'a mut [i32],
}

impl Loop for Passing<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { read, partial, errors, limits, centres, open, passing, amounts } = self;
        let width = limits.len();
        let outputs = amounts.len() / read.places.len().max(1);
        if outputs == 0 {
            return;
        }
        let places = read.places.iter().zip(partial.chunks_exact(width)).zip(amounts.chunks_exact_mut(outputs));
        for ((&place, partial), amounts) in places {
            let open = open[place as usize * width..][..width].iter_mut();
            let bounds = limits.iter().zip(centres);
            for ((&partial, (&limit, &centre)), (open, passing)) in
                partial.iter().zip(bounds).zip(open.zip(passing.iter_mut()))
            {
                let passes = (2 * partial + centre).abs() <= limit;
                *passing = i32::from(passes);
                *open -= u8::from(!passes);
            }
            for passing in passing.chunks_exact(outputs) {
                amounts.iter_mut().zip(passing).for_each(|(amount, &passes)| *amount += passes);
            }
            let errors = &errors[(read.first + place as usize) * outputs..][..outputs];
            amounts.iter_mut().zip(errors).for_each(|(amount, &error)| *amount *= error);
        }
    }
}

/// Errors `[position][output]` times open reads `[position][slice][output]`.
struct Opened<'a> {
    errors: &'a [i32],
    open: &'a [u8],
    /// Slices and outputs.
    sizes: [usize; 2],
    amounts: &'a mut [i32],
}

impl Loop for Opened<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { errors, open, sizes: [slices, outputs], amounts } = self;
        let width = slices * outputs;
        let positions = errors.chunks_exact(outputs).zip(open.chunks_exact(width)).zip(amounts.chunks_exact_mut(width));
        for ((errors, open), amounts) in positions {
            for (open, amounts) in open.chunks_exact(outputs).zip(amounts.chunks_exact_mut(outputs)) {
                for ((amount, &error), &open) in amounts.iter_mut().zip(errors).zip(open) {
                    *amount = error * i32::from(open);
                }
            }
        }
    }
}

/// Splits amounts into signed 8-bit digits, lowest first; returns their number, 0 where all amounts are 0.
struct Split<'a> {
    amounts: &'a mut [i32],
    planes: &'a mut Vec<Vec<i8>>,
}

impl Loop for Split<'_> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let Self { amounts, planes } = self;
        let largest = amounts.iter().fold(0, |largest, amount| amount.unsigned_abs().max(largest));
        let needed = if largest == 0 { 0 } else { digits_needed(largest.into()) };
        planes.resize_with(planes.len().max(needed), Vec::new);
        for plane in &mut planes[..needed] {
            plane.resize(amounts.len(), 0);
            for (amount, digit) in amounts.iter_mut().zip(plane) {
                *digit = *amount as i8;
                *amount = (*amount >> 8) + i32::from(*digit < 0);
            }
        }
        needed
    }
}

/// Adds `factor * sums`.
struct AddScaled<'a> {
    to: &'a mut [i64],
    sums: &'a [i32],
    factor: i64,
}

impl Loop for AddScaled<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.to.iter_mut().zip(self.sums).for_each(|(to, &sum)| *to += self.factor * i64::from(sum));
    }
}
