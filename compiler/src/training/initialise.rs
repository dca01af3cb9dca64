//! Scale factors and thresholds to start from, by least squares on the counts of some samples.

use kernels::{Counts, Isa};
use rayon::prelude::*;
use snn::Network;
use spikegrad::{Inference, Samples};

use super::columns::Columns;
use crate::calibration::Fit;
use crate::columns::{Code, ColumnScratch};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, Quantiser, Range};

/// Share of partial sums that a calibrated step may clip.
const CLIPPED_SHARE: f64 = 1e-3;

/// Input counts that scale factors are initialised on.
#[derive(Clone, Debug)]
pub struct CalibrationInputs {
    inputs: Vec<u8>,
    examples: usize,
    samples: usize,
}

impl CalibrationInputs {
    /// The first `examples` samples, as they are without augmentation.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] when there is none.
    pub fn new(samples: &dyn Samples, examples: usize) -> Result<Self, CompilerError> {
        let examples = examples.min(samples.len());
        if examples == 0 {
            return Err(CompilerError::Samples {
                what: "samples for calibration".to_owned(),
                expected: "at least 1".to_owned(),
                found: "0".to_owned(),
            });
        }
        let length = samples.input_length();
        let mut inputs = vec![0; length * examples];
        inputs.chunks_exact_mut(length).enumerate().for_each(|(index, out)| samples.fill(None, index, out));
        Ok(Self { inputs, examples, samples: samples.len() })
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// Number of samples that they are taken from.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Initialises all columns from the spike counts of `network`, and checks that slices and tiles
    /// with exact sums give its exact products.
    pub(super) fn initialise(
        &self,
        network: &Network,
        hardware: &HardwareSpecification,
        columns: &mut [Option<Columns>],
        isa: Isa,
    ) -> Result<(), CompilerError> {
        let mut inference = Inference::new(network, isa, self.examples)?;
        inference.run(&self.inputs, self.examples)?;
        let inference = &inference;
        columns.par_iter_mut().flatten().try_for_each(|columns| {
            let counts = inference.counts(columns.from);
            columns.check_exact(counts, self.examples)?;
            columns.initialise(counts, self.examples, hardware)
        })
    }
}

impl Columns {
    /// Checks on one example that `sum weight_k weight_j P` is the product with the multipliers.
    fn check_exact(&self, counts: Counts<'_>, examples: usize) -> Result<(), CompilerError> {
        let operator = &self.operator;
        let bytes = &counts.bytes()[..counts.len() / examples];
        let outputs = operator.outputs();
        let weights = operator.slicing().weights();
        let reference = operator.slicing().reference_weight();
        let mut totals = vec![0i64; operator.positions() * outputs];
        operator.for_each_read(operator.counts(bytes), 1, &mut ColumnScratch::default(), |read| {
            let stream = operator.streams()[read.stream].weight;
            let all = read.sums.chunks_exact(operator.columns().max(1)).zip(read.places.iter().zip(read.active));
            for (sums, (&place, &active)) in all {
                for (column, &sum) in sums.iter().enumerate() {
                    let place = read.position(place) * outputs + column % outputs;
                    totals[place] += i64::from(sum) * weights[column / outputs] * stream;
                }
                let start = read.position(place) * outputs;
                totals[start..start + outputs]
                    .iter_mut()
                    .for_each(|total| *total += reference * stream * i64::from(active));
            }
        })?;
        let mut patch = vec![0u8; operator.patches().rows()];
        for (position, totals) in totals.chunks_exact(outputs).enumerate() {
            operator.patches().gather(bytes, position, &mut patch);
            let rows = operator.counts(&patch);
            let count = |row: usize| match rows {
                Counts::Unsigned(values) => i64::from(values[row]),
                Counts::Signed(values) => i64::from(values[row]),
            };
            for (&total, multipliers) in totals.iter().zip(self.multipliers.chunks_exact(patch.len())) {
                let product = multipliers.iter().enumerate().map(|(row, &weight)| i64::from(weight) * count(row));
                let product: i64 = product.sum();
                if total != product {
                    return Err(CompilerError::Columns {
                        what: format!("exact partial sums of '{}'", self.name),
                        expected: format!("the product {product}"),
                        found: total.to_string(),
                    });
                }
            }
        }
        Ok(())
    }

    fn initialise(
        &mut self,
        counts: Counts<'_>,
        examples: usize,
        hardware: &HardwareSpecification,
    ) -> Result<(), CompilerError> {
        match self.quantiser {
            Quantiser::Ideal {} => Ok(()),
            Quantiser::Uniform { range: Range::Calibrated, .. } => {
                let magnitudes = self.magnitudes(counts, examples)?;
                self.levels.values.fill(calibrated_step(&magnitudes, self.codes[1]) as f32);
                Ok(())
            }
            Quantiser::Uniform { .. } => Ok(()),
            Quantiser::Ternary {} => {
                let magnitudes = self.magnitudes(counts, examples)?;
                self.choose_thresholds(&magnitudes);
                self.fit_scales(counts, examples, hardware)
            }
            Quantiser::Sign {} => self.fit_scales(counts, examples, hardware),
        }
    }

    /// How often each magnitude occurs, per `[row tile][stream][slice]`, all outputs together.
    fn magnitudes(&self, counts: Counts<'_>, examples: usize) -> Result<Vec<Vec<u64>>, CompilerError> {
        let [row_tiles, slices, streams, outputs] = self.sizes.0;
        let most = self.operator.rows(0) << self.operator.slicing().cell_bits;
        let mut magnitudes = vec![vec![0u64; most + 1]; row_tiles * streams * slices];
        let counts = self.operator.counts(counts.bytes());
        self.operator.for_each_read(counts, examples, &mut ColumnScratch::default(), |read| {
            let start = (read.row_tile * streams + read.stream) * slices;
            let idle = (read.count - read.places.len()) * outputs;
            magnitudes[start..start + slices].iter_mut().for_each(|counts| counts[0] += idle as u64);
            for (column, sums) in read.sums.chunks_exact(outputs).enumerate() {
                let magnitudes = &mut magnitudes[start + column % slices];
                sums.iter().for_each(|sum| magnitudes[(sum.unsigned_abs() as usize).min(most)] += 1);
            }
        })?;
        Ok(magnitudes)
    }

    /// Thresholds with the least squared error of `scale * Q(P)`, each read and slice with its own
    /// best scale factor, weighed like their contribution to the total input.
    fn choose_thresholds(&mut self, magnitudes: &[Vec<u64>]) {
        let [_, slices, streams, _] = self.sizes.0;
        let most = magnitudes.first().map_or(0, Vec::len);
        let mut gains = vec![vec![0.0f64; most]; self.levels.values.len()];
        for (place, counts) in magnitudes.iter().enumerate() {
            let (r, j, k) = (place / slices / streams, place / slices % streams, place % slices);
            let weight = self.weight(k, j).powi(2);
            let gains = &mut gains[self.levels.group([r, k, j, 0])];
            let (mut number, mut sum) = (0.0, 0.0);
            for magnitude in (1..most).rev() {
                number += counts[magnitude] as f64;
                sum += counts[magnitude] as f64 * magnitude as f64;
                // What the codes explain of the squares: (sum P q)^2 / sum q^2.
                gains[magnitude] += if number > 0.0 { weight * sum * sum / number } else { 0.0 };
            }
        }
        let best = |gains: &Vec<f64>| {
            (1..most).fold(1, |best, magnitude| if gains[magnitude] > gains[best] { magnitude } else { best })
        };
        let best: Vec<usize> = gains.iter().map(|gains| if most > 1 { best(gains) } else { 1 }).collect();
        for place in 0..self.sizes.count() {
            let index = self.sizes.index(place);
            let common = self.levels.group([index[0], index[1], index[2], 0]);
            let group = self.levels.group(index);
            self.levels.values[group] = best[common] as f32;
        }
    }

    /// Scale factors and resting inputs by least squares of total inputs.
    fn fit_scales(
        &mut self,
        counts: Counts<'_>,
        examples: usize,
        hardware: &HardwareSpecification,
    ) -> Result<(), CompilerError> {
        let positions = examples * self.operator.positions();
        let code = Code::of(hardware, hardware.array.rows);
        let mut fit = Fit::new(&self.operator, code, self.level_values(), self.scales.shape, positions);
        let counts = self.operator.counts(counts.bytes());
        self.operator.for_each_read(counts, examples, &mut ColumnScratch::default(), |read| fit.add(&read))?;
        let fitted = fit.solve(super::columns::SMALLEST_SCALE, None);
        self.scales.values.iter_mut().zip(&fitted.scales).for_each(|(scale, &fitted)| *scale = fitted as f32);
        self.rest.iter_mut().zip(&fitted.rest).for_each(|(rest, &fitted)| *rest = fitted as f32);
        Ok(())
    }

    /// Weight of slice and stream together; 0 for a stream that there is not.
    pub fn weight(&self, slice: usize, stream: usize) -> f64 {
        let stream = self.operator.streams().get(stream).map_or(0, |stream| stream.weight);
        (self.operator.slicing().weights()[slice] * stream) as f64
    }
}

/// The smallest power of two that clips at most one partial sum in a thousand.
fn calibrated_step(magnitudes: &[Vec<u64>], high: i32) -> u32 {
    let all: u64 = magnitudes.iter().flatten().sum();
    let clips = |step: u32| {
        let clipped = magnitudes.iter().flat_map(|counts| counts.iter().enumerate());
        let clipped = clipped.filter(|(magnitude, _)| {
            let code = (2 * *magnitude as u64 + u64::from(step)) / (2 * u64::from(step));
            code > u64::from(high.unsigned_abs())
        });
        clipped.map(|(_, &count)| count).sum::<u64>()
    };
    (0..24).map(|bits| 1u32 << bits).find(|&step| clips(step) as f64 <= CLIPPED_SHARE * all as f64).unwrap_or(1 << 23)
}
