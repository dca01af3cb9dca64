//! The backward pass: exact sums of error counts over codes, and masked straight-through gradients.

use kernels::{Counts, Loop};
use spikegrad::GradientSums;

use super::accumulate::Scratch;
use super::columns::Columns;
use super::masked::Masked;
use crate::columns::ColumnRead;
use crate::error::CompilerError;
use crate::hardware::Quantiser;

impl Columns {
    /// Sums per output, of resting inputs; then per partial sum, of scale factors; then of thresholds where
    /// they are trained.
    pub fn parameter_count(&self) -> usize {
        match self.quantiser {
            Quantiser::Ideal {} | Quantiser::Uniform { .. } => 0,
            Quantiser::Sign {} => self.sizes.0[3] + self.sizes.count(),
            Quantiser::Ternary {} => self.sizes.0[3] + 2 * self.sizes.count(),
        }
    }

    /// What masked gradients are multiplied with: slices times streams.
    pub fn denominator(&self) -> i64 {
        let [_, slices, streams, _] = self.sizes.0;
        (slices * streams) as i64
    }

    /// From the positions that errors arrive at, adds `sum E` for every output, then for every partial sum `sum E * (Q(P) - Q(0))`, and behind all of
    /// them for a ternary quantiser `sum E * sign(P) * ([|P| = t] + [|P| = t - 1])`; masked gradients too
    /// where `sums` has room.
    pub fn add_gradients(
        &self,
        counts: Counts<'_>,
        examples: usize,
        samples: Option<&[u32]>,
        errors: &[i32],
        gradients: &mut GradientSums,
        scratch: &mut Scratch,
    ) -> Result<(), CompilerError> {
        let [_, slices, _, outputs] = self.sizes.0;
        let (operator, reading) = self.reading(samples);
        let counts = operator.counts(counts.bytes());
        let Scratch { columns, noisy, sums, levels, masked, active, active_errors, errors: errors_of_slices, .. } =
            scratch;
        active.clear();
        active_errors.clear();
        for (position, errors) in errors.chunks_exact(outputs).enumerate() {
            if errors.iter().fold(0, |all, error| all | error) != 0 {
                active.push(position as u32);
                active_errors.extend_from_slice(errors);
            }
        }
        let errors = &*active_errors;
        let available = gradients.parameters.len();
        let (of_rest, rest) = gradients.parameters.split_at_mut(outputs.min(available));
        let (of_scales, of_levels) = rest.split_at_mut(self.sizes.count().min(rest.len()));
        for errors in errors.chunks_exact(outputs) {
            of_rest.iter_mut().zip(errors).for_each(|(sum, &error)| *sum += i64::from(error));
        }
        let is_masked = !gradients.weights.is_empty();
        let mut masked = Masked { columns: self, grid: reading.grid, errors, scratch: masked };
        let mut outcome = Ok(());
        operator.for_each_listed_read(counts, examples, Some(active), columns, |read| {
            let partial = self.disturbed(&read, reading, noisy);
            self.levels_of(&read, reading, levels);
            let width = slices * outputs;
            sums.clear();
            sums.resize(2 * width, 0);
            let (scale_sums, level_sums) = sums.split_at_mut(width);
            operator.engine().vectorised(CodeSums {
                columns: self,
                read: &read,
                partial,
                levels,
                errors,
                errors_of_slices,
                grid: reading.grid,
                of_scales: scale_sums,
                of_levels: level_sums,
            });
            let start = self.sizes.place([read.row_tile, 0, read.stream, 0]);
            for (gradients, sums) in [(&mut *of_scales, &*scale_sums), (&mut *of_levels, &*level_sums)] {
                if let Some(gradients) = gradients.get_mut(start..start + width) {
                    gradients.iter_mut().zip(sums).for_each(|(gradient, &sum)| *gradient += i64::from(sum));
                }
            }
            if is_masked && outcome.is_ok() {
                outcome = masked.add(&read, partial, gradients.weights.as_mut_slice(), &mut gradients.errors);
            }
        })?;
        outcome
    }

    /// Error counts times codes, and times what moving a threshold by one changes, of one place.
    #[inline(always)]
    fn add_codes(
        &self,
        partial: &[i32],
        levels: &[i32],
        errors: &[i32],
        grid: i32,
        of_scales: &mut [i32],
        of_levels: &mut [i32],
    ) {
        match self.quantiser {
            Quantiser::Sign {} => {
                let all = of_scales.iter_mut().zip(partial).zip(levels.iter().zip(errors));
                for ((sum, &partial), (&level, &error)) in all {
                    *sum += 2 * error * (i32::from(partial >= level - 1) - i32::from(level <= 1));
                }
            }
            Quantiser::Ternary {} => {
                let both = of_scales.iter_mut().zip(of_levels);
                for (((of_scale, of_level), &partial), (&level, &error)) in
                    both.zip(partial).zip(levels.iter().zip(errors))
                {
                    *of_scale += error * (i32::from(partial >= level) - i32::from(partial <= -level));
                    // Magnitudes of t - 1 up to below t + 1, of which whole numbers are t - 1 and t.
                    let distance = level - partial.abs();
                    let near = i32::from(distance > -grid && distance <= grid);
                    *of_level += error * partial.signum() * near;
                }
            }
            Quantiser::Ideal {} | Quantiser::Uniform { .. } => {}
        }
    }
}

/// Sums of error counts times codes, and times what moving thresholds changes, of one read.
struct CodeSums<'a> {
    columns: &'a Columns,
    read: &'a ColumnRead<'a>,
    partial: &'a [i32],
    levels: &'a [i32],
    /// `[position that is visited][output]`.
    errors: &'a [i32],
    errors_of_slices: &'a mut Vec<i32>,
    grid: i32,
    of_scales: &'a mut [i32],
    of_levels: &'a mut [i32],
}

impl Loop for CodeSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { columns, read, partial, levels, errors, errors_of_slices, grid, of_scales, of_levels } = self;
        let (outputs, width) = (columns.sizes.0[3], levels.len());
        for (&place, partial) in read.places.iter().zip(partial.chunks_exact(width)) {
            let errors = &errors[(read.first + place as usize) * outputs..][..outputs];
            errors_of_slices.clear();
            (0..width / outputs).for_each(|_| errors_of_slices.extend_from_slice(errors));
            columns.add_codes(partial, levels, errors_of_slices, grid, of_scales, of_levels);
        }
    }
}
