//! The backward pass: exact sums of error counts over codes, and masked straight-through gradients.

use kernels::Counts;
use spikegrad::GradientSums;

use super::accumulate::Scratch;
use super::columns::Columns;
use crate::columns::ColumnRead;
use crate::error::CompilerError;
use crate::hardware::Quantiser;

impl Columns {
    /// Sums per partial sum: of scale factors, then of thresholds where they are trained.
    pub fn parameter_count(&self) -> usize {
        match self.quantiser {
            Quantiser::Ideal {} | Quantiser::Uniform { .. } => 0,
            Quantiser::Sign {} => self.sizes.count(),
            Quantiser::Ternary {} => 2 * self.sizes.count(),
        }
    }

    /// What masked gradients are multiplied with: slices times streams.
    pub fn denominator(&self) -> i64 {
        let [_, slices, streams, _] = self.sizes.0;
        (slices * streams) as i64
    }

    /// Adds, for every partial sum, `sum E * Q(P)`, and behind all of them for a ternary quantiser
    /// `sum E * sign(P) * ([|P| = t] + [|P| = t - 1])`; masked gradients too where `sums` has room.
    pub fn add_gradients(
        &self,
        counts: Counts<'_>,
        examples: usize,
        samples: Option<&[u32]>,
        errors: &[i32],
        gradients: &mut GradientSums,
        scratch: &mut Scratch,
    ) -> Result<(), CompilerError> {
        let [_, slices, streams, outputs] = self.sizes.0;
        let (operator, reading) = self.reading(samples);
        let counts = operator.counts(counts.bytes());
        let Scratch { columns, noisy, sums, levels, open, is_active, .. } = scratch;
        is_active.clear();
        is_active.extend(errors.chunks_exact(outputs).map(|errors| errors.iter().any(|&error| error != 0)));
        let count = self.sizes.count();
        let middle = count.min(gradients.parameters.len());
        let (of_scales, of_levels) = gradients.parameters.split_at_mut(middle);
        if matches!(self.quantiser, Quantiser::Sign {}) {
            let mut resting = vec![0i64; outputs];
            for errors in errors.chunks_exact(outputs) {
                resting.iter_mut().zip(errors).for_each(|(sum, &error)| *sum += i64::from(error));
            }
            for of_scales in of_scales.chunks_exact_mut(outputs) {
                of_scales.iter_mut().zip(&resting).for_each(|(sum, &resting)| *sum += resting);
            }
        }
        let is_masked = !gradients.weights.is_empty();
        let mut masked = Masked { columns: self, grid: reading.grid, errors, slices, streams, outputs, open };
        operator.for_each_read(counts, examples, columns, |read| {
            let partial = self.disturbed(&read, reading, noisy);
            self.levels_of(&read, reading, levels);
            let width = slices * outputs;
            sums.clear();
            sums.resize(2 * width, 0);
            let (scale_sums, level_sums) = sums.split_at_mut(width);
            for (index, &place) in read.places.iter().enumerate() {
                let place = read.first + place as usize;
                if !is_active[place] {
                    continue;
                }
                let errors = &errors[place * outputs..][..outputs];
                let partial = &partial[index * width..][..width];
                for slice in (0..width).step_by(outputs) {
                    let (partial, levels) = (&partial[slice..slice + outputs], &levels[slice..slice + outputs]);
                    let scale_sums = &mut scale_sums[slice..slice + outputs];
                    let level_sums = &mut level_sums[slice..slice + outputs];
                    self.add_codes(partial, levels, errors, reading.grid, scale_sums, level_sums);
                }
            }
            let start = self.sizes.place([read.row_tile, 0, read.stream, 0]);
            for (gradients, sums) in [(&mut *of_scales, &*scale_sums), (&mut *of_levels, &*level_sums)] {
                if let Some(gradients) = gradients.get_mut(start..start + width) {
                    gradients.iter_mut().zip(sums).for_each(|(gradient, &sum)| *gradient += i64::from(sum));
                }
            }
            if is_masked {
                masked.add(&read, partial, is_active, gradients.weights.as_mut_slice(), &mut gradients.errors);
            }
        })
    }

    /// Error counts times codes, and times what moving a threshold by one changes, of one slice.
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
                for ((sum, &partial), &error) in of_scales.iter_mut().zip(partial).zip(errors) {
                    *sum -= 2 * error * i32::from(partial < 0);
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

/// Masked straight-through gradients of a group of examples.
struct Masked<'a> {
    columns: &'a Columns,
    grid: i32,
    errors: &'a [i32],
    slices: usize,
    streams: usize,
    outputs: usize,
    /// Open reads of each `[position of the group][slice][output]` so far, over the streams.
    open: &'a mut Vec<u8>,
}

impl Masked<'_> {
    /// Adds one read: `dW = mean over slices`, `dS = mean over streams`, both times slices * streams.
    fn add(
        &mut self,
        read: &ColumnRead<'_>,
        partial: &[i32],
        is_active: &[bool],
        weights: &mut [i64],
        arriving: &mut [i64],
    ) {
        let (columns, outputs, width) = (self.columns, self.outputs, self.slices * self.outputs);
        if read.stream == 0 {
            self.open.clear();
            self.open.resize(read.count * width, self.streams as u8);
        }
        let fan_in = columns.multipliers.len() / outputs;
        let (start, rows) = (read.row_tile * columns.operator.rows(0), columns.operator.rows(read.row_tile));
        let stream = columns.operator.streams()[read.stream].weight;
        let limits: Vec<i32> = (0..width)
            .map(|column| {
                let index = [read.row_tile, column / outputs, read.stream, column % outputs];
                (columns.scales.get(index) * self.grid as f32) as i32
            })
            .collect();
        let mut active_rows = Vec::with_capacity(rows);
        for (index, &place) in read.places.iter().enumerate() {
            let position = read.first + place as usize;
            if !is_active[position] {
                continue;
            }
            let partial = &partial[index * width..][..width];
            let open = &mut self.open[place as usize * width..][..width];
            active_rows.clear();
            let driven = &read.rows[index * read.pitch..][..rows];
            active_rows.extend((0..rows).filter(|&row| driven[row] != 0));
            for output in 0..outputs {
                let error = i64::from(self.errors[position * outputs + output]);
                if error == 0 {
                    continue;
                }
                let mut passing = 0;
                for column in (output..width).step_by(outputs) {
                    let passes = partial[column].abs() <= limits[column];
                    passing += i64::from(passes);
                    open[column] -= u8::from(!passes);
                }
                let amount = error * passing * stream * self.streams as i64;
                let weights = &mut weights[output * fan_in + start..][..rows];
                active_rows.iter().for_each(|&row| weights[row] += amount);
            }
        }
        if read.stream + 1 == self.streams && !arriving.is_empty() {
            self.scatter(read, is_active, [start, rows], arriving);
        }
    }

    /// Sends the errors of a row tile, weighed by its open slices, to the rows.
    fn scatter(&self, read: &ColumnRead<'_>, is_active: &[bool], [start, rows]: [usize; 2], arriving: &mut [i64]) {
        let (columns, outputs) = (self.columns, self.outputs);
        let slicing = columns.operator.slicing();
        let slice_weights = slicing.weights();
        let fan_in = columns.multipliers.len() / outputs;
        let positions = columns.operator.positions();
        let neurons = columns.operator.patches().neurons();
        let factor = i64::from(columns.step) * self.slices as i64;
        let mut row_sums = vec![0i64; rows];
        for place in (0..read.count).filter(|&place| is_active[read.first + place]) {
            row_sums.fill(0);
            for output in 0..outputs {
                let error = i64::from(self.errors[(read.first + place) * outputs + output]);
                if error == 0 {
                    continue;
                }
                let multipliers = &columns.multipliers[output * fan_in + start..][..rows];
                for (slice, &weight) in slice_weights.iter().enumerate() {
                    let open = self.open[(place * self.slices + slice) * outputs + output];
                    let amount = error * i64::from(open) * weight * factor;
                    for (sum, &multiplier) in row_sums.iter_mut().zip(multipliers) {
                        let (positive, negative) = slicing.levels(multiplier.into(), slice);
                        *sum += amount * (i64::from(positive) - i64::from(negative));
                    }
                }
            }
            let (example, position) = ((read.first + place) / positions, (read.first + place) % positions);
            let arriving = &mut arriving[example * neurons..][..neurons];
            for (row, &sum) in row_sums.iter().enumerate().filter(|(_, sum)| **sum != 0) {
                if let Some(neuron) = columns.neuron(position, start + row) {
                    arriving[neuron] += sum;
                }
            }
        }
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
