//! Crossbar columns as what a trainer runs projections on.

use kernels::{Engine, Isa, Parallelism};
use rayon::prelude::*;
use snn::{Network, Weights};
use spikegrad::{
    Carried, GradientSums, Group, Position, SpikegradError, StateMismatch, Substrate, SubstrateRates, SubstrateScratch,
};

use super::accumulate::Scratch;
use super::columns::{Columns, REAL_BITS, SMALLEST_SCALE, whole};
use super::initialise::CalibrationInputs;
use super::noise::{Draw, NoisyColumns};
use super::options::{ColumnGradient, TrainingOptions};
use super::stages::{Stage, StagePlan};
use crate::columns::ColumnInput;
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, InputCoding, Quantiser};
use crate::mapping::{Calibration, CountRange, ProjectionCalibration, common_grid, count_ranges, on_grid};
use crate::program::Geometry;
use crate::substrate::scratch_of;

/// All projections with trained weights on the columns of a chip, in stages of awareness.
#[derive(Debug)]
pub struct CrossbarSubstrate {
    hardware: HardwareSpecification,
    options: TrainingOptions,
    plan: StagePlan,
    inputs: CalibrationInputs,
    isa: Isa,
    /// Per projection of the network.
    columns: Vec<Option<Columns>>,
    ranges: Vec<CountRange>,
    shapes: Vec<[usize; 3]>,
    /// Per population: its thresholds by channel, its channels, its fraction bits.
    targets: Vec<Target>,
    grid_bits: Vec<u32>,
    stage: Stage,
    is_initialised: bool,
}

#[derive(Debug)]
struct Target {
    name: String,
    thresholds: Vec<f64>,
    fraction_bits: u32,
    incoming: Vec<usize>,
}

impl CrossbarSubstrate {
    /// For the present weights of a network, whose steps are chosen here once, as
    /// [`crate::mapping::deploy()`] chooses them.
    ///
    /// # Errors
    /// [`CompilerError::Mapping`] where a projection does not fit the columns.
    pub fn new(
        network: &Network,
        hardware: &HardwareSpecification,
        plan: StagePlan,
        options: TrainingOptions,
        inputs: CalibrationInputs,
        isa: Isa,
    ) -> Result<Self, CompilerError> {
        let engine = Engine::new(isa, Parallelism::Serial)?;
        let ranges = count_ranges(network);
        let columns = (0..network.projections().len())
            .map(|index| Columns::new(network, index, hardware, &ranges, &options, engine));
        let shape =
            |population: &snn::Population| [population.shape.channels, population.shape.height, population.shape.width];
        let target = |population: &snn::Population| Target {
            name: population.name.clone(),
            thresholds: (0..population.shape.channels).map(|channel| population.threshold(channel) as f64).collect(),
            fraction_bits: population.fraction_bits,
            incoming: population.incoming.clone(),
        };
        Ok(Self {
            hardware: hardware.clone(),
            options,
            plan,
            inputs,
            isa,
            columns: columns.collect::<Result<_, _>>()?,
            ranges,
            shapes: network.populations().iter().map(shape).collect(),
            targets: network.populations().iter().map(target).collect(),
            grid_bits: vec![0; network.populations().len()],
            stage: Stage::Weights,
            is_initialised: false,
        })
    }

    /// The stage of the next update.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// What training has determined, for [`crate::mapping::compile()`] with the trained network.
    pub fn calibration(&self) -> Calibration {
        let projection = |columns: &Option<Columns>| {
            let Some(columns) = columns else { return ProjectionCalibration::default() };
            let range = match self.hardware.quantiser {
                Quantiser::Uniform { range, .. } => Some(range),
                _ => None,
            };
            let has_levels = matches!(self.hardware.quantiser, Quantiser::Ternary {})
                || range == Some(crate::hardware::Range::Calibrated);
            ProjectionCalibration {
                step: Some(columns.step),
                scale_factors: columns.compares().then(|| columns.scale_values()),
                common_factor: Some(columns.common.into()).filter(|&common| common > 0.0),
                quantiser_levels: has_levels.then(|| columns.level_values()),
                rest: (!columns.rest.is_empty()).then(|| columns.rest.iter().map(|&rest| rest.into()).collect()),
            }
        };
        Calibration { projections: self.columns.iter().map(projection).collect() }
    }

    /// Whether projections run on columns at present.
    fn is_active(&self) -> bool {
        match self.stage {
            Stage::Weights => false,
            Stage::Sums | Stage::ScaleFactors | Stage::Noise => true,
        }
    }

    fn take_over(&mut self, network: &Network, position: &Position) -> Result<(), CompilerError> {
        self.stage = self.plan.stage(position.epoch);
        if !self.is_active() {
            return Ok(());
        }
        let (stage, bits) = (self.stage, self.hardware.scale_factors.bits);
        self.columns.par_iter_mut().enumerate().try_for_each(|(index, columns)| {
            match (columns, &network.projections()[index].weights) {
                (Some(columns), Some(Weights::I8(mantissas))) => columns.set_weights(mantissas),
                _ => Ok(()),
            }
        })?;
        if !self.is_initialised {
            self.inputs.initialise(network, &self.hardware, &mut self.columns, self.isa)?;
            self.is_initialised = true;
        }
        self.columns.par_iter_mut().flatten().for_each(|columns| columns.prepare(stage, bits));
        self.set_units()?;
        if stage == Stage::Noise { self.draw(position) } else { Ok(()) }
    }

    /// Units of all projections and grids of all populations.
    fn set_units(&mut self) -> Result<(), CompilerError> {
        for (index, target) in self.targets.iter().enumerate() {
            let carried = target.incoming.iter().filter(|&&incoming| self.columns[incoming].is_some());
            let carried: Vec<usize> = carried.copied().collect();
            let is_real = self.stage == Stage::Sums && self.hardware.quantiser.has_scale_factors();
            let (bits, units) = if is_real {
                (REAL_BITS, vec![1; carried.len()])
            } else {
                let real: Vec<f64> =
                    carried.iter().filter_map(|&incoming| Some(self.columns[incoming].as_ref()?.real_unit)).collect();
                common_grid(&real).ok_or_else(|| CompilerError::Mapping {
                    part: "population",
                    name: target.name.clone(),
                    hardware: self.hardware.name.clone(),
                    problem: format!("no common grid holds the units {real:?} of its projections"),
                    remedy: "lower scale_factors.bits, or the learning rate".to_owned(),
                })?
            };
            self.grid_bits[index] = bits;
            for (incoming, unit) in carried.into_iter().zip(units) {
                if let Some(columns) = &mut self.columns[incoming] {
                    columns.set_unit(unit, bits);
                }
            }
        }
        Ok(())
    }

    /// Draws programming variation and read noise for the next update.
    fn draw(&mut self, position: &Position) -> Result<(), CompilerError> {
        let engine = Engine::new(self.isa, Parallelism::Serial)?;
        let (hardware, seed) = (&self.hardware, self.options.seed);
        let (ranges, shapes) = (&self.ranges, &self.shapes);
        self.columns.par_iter_mut().enumerate().try_for_each(|(index, columns)| {
            let Some(columns) = columns else { return Ok(()) };
            let input = column_input(columns, hardware.input.coding, ranges[columns.from], shapes[columns.from]);
            let draw = Draw { seed, epoch: position.epoch, batch: position.batch, projection: index as u64 };
            let fan_in = columns.operator.patches().rows();
            columns.noisy = Some(NoisyColumns::draw(&columns.multipliers, fan_in, input, hardware, draw, engine)?);
            Ok(())
        })
    }

    fn columns(&self, projection: usize) -> Result<&Columns, SpikegradError> {
        self.columns.get(projection).and_then(Option::as_ref).ok_or_else(|| SpikegradError::Network {
            problem: format!("projection {projection} runs on no columns"),
            remedy: "train it as an exact product".to_owned(),
        })
    }
}

fn column_input(columns: &Columns, coding: InputCoding, range: CountRange, shape: [usize; 3]) -> ColumnInput {
    let geometry = match columns.convolution {
        None => Geometry::Dense {},
        Some(map) => Geometry::Convolution { kernel: map.kernel, stride: map.stride, padding: map.padding },
    };
    ColumnInput { geometry, shape, minimum_count: range.low, maximum_count: range.high, coding }
}

impl Substrate for CrossbarSubstrate {
    fn identity(&self) -> String {
        let steps: Vec<Option<i32>> =
            self.columns.iter().map(|columns| columns.as_ref().map(|columns| columns.step)).collect();
        let parts = (&self.hardware, &self.options, &self.plan, steps, self.inputs.examples(), self.inputs.samples());
        serde_json::to_string(&parts).unwrap_or_else(|_| format!("{parts:?}"))
    }

    fn refresh(&mut self, network: &Network, position: &Position) -> Result<(), SpikegradError> {
        self.take_over(network, position).map_err(Into::into)
    }

    fn constrain(&self, projection: usize, mantissas: &mut [i8]) {
        if let Some(Some(columns)) = self.columns.get(projection) {
            let rounded: [i8; 256] =
                std::array::from_fn(|byte| on_grid((byte as u8 as i8).into(), columns.step, columns.largest) as i8);
            mantissas.iter_mut().for_each(|mantissa| *mantissa = rounded[usize::from(*mantissa as u8)]);
        }
    }

    fn carries(&self, projection: usize) -> Option<Carried> {
        let columns = self.columns.get(projection)?.as_ref().filter(|_| self.is_active())?;
        let is_masked = self.options.gradient == ColumnGradient::Masked && columns.compares();
        Some(Carried { parameters: columns.parameter_count(), denominator: is_masked.then(|| columns.denominator()) })
    }

    fn grid_bits(&self, population: usize) -> u32 {
        self.grid_bits[population]
    }

    fn scratch(&self) -> SubstrateScratch {
        Box::new(Scratch::default())
    }

    fn add_currents(
        &self,
        projection: usize,
        group: &Group<'_>,
        totals: &mut [i64],
        scratch: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError> {
        let columns = self.columns(projection)?;
        let scratch = scratch_of::<Scratch>(scratch);
        columns.add_currents(group.counts, group.examples, group.samples, totals, scratch).map_err(Into::into)
    }

    fn add_gradients(
        &self,
        projection: usize,
        group: &Group<'_>,
        errors: &[i32],
        sums: &mut GradientSums,
        scratch: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError> {
        let columns = self.columns(projection)?;
        if columns.parameter_count() == 0 && sums.weights.is_empty() {
            return Ok(());
        }
        let scratch = scratch_of::<Scratch>(scratch);
        columns.add_gradients(group.counts, group.examples, group.samples, errors, sums, scratch).map_err(Into::into)
    }

    fn update(&mut self, sums: &[GradientSums], rates: &SubstrateRates) -> Result<(), SpikegradError> {
        let (targets, rate) = (&self.targets, self.options.scale_factor_rate * rates.learning_rate);
        // A threshold serves many partial sums: once scale factors have few bits, they could not follow its next step.
        let moves_levels = self.stage == Stage::Sums;
        for (columns, sums) in self.columns.iter_mut().zip(sums) {
            if let Some(columns) = columns.as_mut().filter(|_| !sums.parameters.is_empty()) {
                let target = &targets[columns.to];
                columns.descend(sums, rates, [rate, if moves_levels { rate } else { 0.0 }], target);
            }
        }
        Ok(())
    }

    fn state(&self) -> Vec<(String, Vec<f32>)> {
        let mut state = vec![("initialised".to_owned(), vec![f32::from(u8::from(self.is_initialised))])];
        for columns in self.columns.iter().flatten() {
            for (name, parameters) in [("scale_factors", &columns.scales), ("levels", &columns.levels)] {
                state.push((format!("{}.{name}", columns.name), parameters.values.clone()));
                state.push((format!("{}.{name}.momentum", columns.name), parameters.momentum.clone()));
            }
            state.push((format!("{}.common_factor", columns.name), vec![columns.common]));
            state.push((format!("{}.rest", columns.name), columns.rest.clone()));
            state.push((format!("{}.rest.momentum", columns.name), columns.rest_momentum.clone()));
        }
        state
    }

    fn restore(&mut self, state: Vec<(String, Vec<f32>)>) -> Result<(), StateMismatch> {
        let mut given: std::collections::BTreeMap<String, Vec<f32>> = state.into_iter().collect();
        let mut take = |name: String, length: usize| match given.remove(&name) {
            Some(values) if values.len() == length => Ok(values),
            other => {
                let found = other.map_or("nothing".to_owned(), |values| format!("{} numbers", values.len()));
                Err(StateMismatch { name, expected: format!("{length} numbers"), found })
            }
        };
        self.is_initialised = take("initialised".to_owned(), 1)?[0] != 0.0;
        for columns in self.columns.iter_mut().flatten() {
            for (name, parameters) in [("scale_factors", &mut columns.scales), ("levels", &mut columns.levels)] {
                let name = format!("{}.{name}", columns.name);
                parameters.values = take(name.clone(), parameters.values.len())?;
                if parameters.values.iter().any(|&value| value <= 0.0) {
                    let expected = "numbers above 0".to_owned();
                    return Err(StateMismatch { name, expected, found: "one that is not".to_owned() });
                }
                parameters.momentum = take(format!("{name}.momentum"), parameters.momentum.len())?;
            }
            let name = format!("{}.common_factor", columns.name);
            columns.common = take(name.clone(), 1)?[0];
            if !(0.0..f32::INFINITY).contains(&columns.common) {
                let (expected, found) = ("a number of at least 0".to_owned(), columns.common.to_string());
                return Err(StateMismatch { name, expected, found });
            }
            columns.rest = take(format!("{}.rest", columns.name), columns.rest.len())?;
            if columns.rest.iter().any(|value| !value.is_finite()) {
                let expected = "finite numbers".to_owned();
                let name = format!("{}.rest", columns.name);
                return Err(StateMismatch { name, expected, found: "one that is not".to_owned() });
            }
            columns.rest_momentum = take(format!("{}.rest.momentum", columns.name), columns.rest.len())?;
        }
        Ok(())
    }
}

impl Columns {
    /// One step of scale factors and thresholds: `s -= rate * v`, v the filtered gradient
    /// `s^2 / |W|^2 * dL / ds` with W the real weights of the columns that share s, at least as long as the columns
    /// of the same row tile and slice are on average.
    ///
    /// A scale factor thereby moves, relative to itself, as descent would move the weights it
    /// stands for along their own direction; LSQ's gradient scale has the same purpose. Columns of few cells would
    /// run away by the error counts that all comparators answer to alike, hence the least length.
    fn descend(&mut self, sums: &GradientSums, rates: &SubstrateRates, [rate, level_rate]: [f64; 2], target: &Target) {
        let (thresholds, fraction_bits) = (&target.thresholds, target.fraction_bits);
        let count = self.sizes.count();
        let step = f64::from(self.step);
        let share = rates.share * step / rates.kept[self.to];
        let squares = self.column_squares(step / f64::from(2.0f32.powi(fraction_bits as i32)));
        let (of_rest, of_partial_sums) = sums.parameters.split_at(self.sizes.0[3]);
        let (of_codes, of_thresholds) = of_partial_sums.split_at(count);
        let mut of_scales = vec![[0.0f64; 2]; self.scales.values.len()];
        let mut of_levels = vec![[0.0f64; 2]; self.levels.values.len()];
        for (place, &of_code) in of_codes.iter().enumerate() {
            let index = self.sizes.index(place);
            let weight = self.weight(index[1], index[2]) * share / thresholds[index[3] % thresholds.len()];
            let group = self.scales.group(index);
            let scale = f64::from(self.scales.values[group]);
            let [_, slices, streams, outputs] = self.sizes.0;
            let square = squares[(index[0] * slices + index[1]) * outputs + index[3]];
            let of_streams = |shape: [usize; 4]| square / if shape[2] == 1 { streams as f64 } else { 1.0 };
            // A resting input without a parameter of its own moves with the scale factors.
            let coupled = if self.rest.is_empty() { i64::from(self.at_zero(place)) * of_rest[index[3]] } else { 0 };
            of_scales[group][0] += (of_code + coupled) as f64 * weight;
            of_scales[group][1] += of_streams(self.scales.shape);
            if let Some(&sum) = of_thresholds.get(place) {
                let group = self.levels.group(index);
                of_levels[group][0] -= 0.5 * scale * sum as f64 * weight;
                of_levels[group][1] += of_streams(self.levels.shape);
            }
        }
        let scaled = |sums: &[[f64; 2]], values: &[f32]| -> Vec<f64> {
            let all = sums.iter().zip(values);
            all.map(|(&[gradient, square], &value)| gradient * f64::from(value).powi(2) / square).collect()
        };
        // No partial sum is larger, so neither factor nor threshold need be.
        let most = (self.operator.rows(0) << self.operator.slicing().cell_bits) as f64;
        let gradients = scaled(&of_scales, &self.scales.values);
        let limits = self.scale_limits();
        self.scales.descend(&gradients, rates.momentum, rate, |group| [SMALLEST_SCALE, limits[group]]);
        if !of_thresholds.is_empty() && level_rate > 0.0 {
            let gradients = scaled(&of_levels, &self.levels.values);
            let before: Vec<i32> = self.levels.values.iter().map(|&level| whole(level)).collect();
            self.levels.descend(&gradients, rates.momentum, level_rate, |_| [1.0, most]);
            self.levels.settle(&before);
        }
        // In real units a resting input is a bias, and descends as a weight does.
        let real = f64::from(2.0f32.powi(fraction_bits as i32)) / step;
        for (output, (rest, velocity)) in self.rest.iter_mut().zip(&mut self.rest_momentum).enumerate() {
            let gradient = of_rest[output] as f64 * share / thresholds[output % thresholds.len()] * real.powi(2);
            *velocity = (rates.momentum * f64::from(*velocity) + gradient) as f32;
            *rest -= (rate * f64::from(*velocity)) as f32;
        }
    }

    /// Largest value of each scale factor: no partial sum of the columns that share it is larger, so that a column
    /// without weights, whose comparator says always the same, does not become a bias whose scale factor takes the bits
    /// of all others. At least 1.
    fn scale_limits(&self) -> Vec<f64> {
        let [_, slices, streams, _] = self.sizes.0;
        let lengths = self.column_lengths(|digit| digit);
        let mut limits = vec![1.0f64; self.scales.values.len()];
        for (column, lengths) in lengths.chunks_exact(self.sizes.0[3]).enumerate() {
            for (output, &length) in lengths.iter().enumerate() {
                for stream in 0..streams {
                    let group = self.scales.group([column / slices, column % slices, stream, output]);
                    limits[group] = limits[group].max(length as f64);
                }
            }
        }
        limits
    }

    /// Sum of `of(|digit|)` over each column `[row tile][slice][output]`.
    fn column_lengths(&self, of: impl Fn(u64) -> u64) -> Vec<u64> {
        let [row_tiles, slices, _, outputs] = self.sizes.0;
        let slicing = self.operator.slicing();
        let rows = self.operator.rows(0);
        let mut lengths = vec![0u64; row_tiles * slices * outputs];
        let fan_in = self.operator.patches().rows();
        for slice in 0..slices {
            let table: [u64; 256] = std::array::from_fn(|byte| {
                let (positive, negative) = slicing.levels(i32::from(byte as u8 as i8), slice);
                of(u64::from(positive.abs_diff(negative)))
            });
            for (output, weights) in self.multipliers.chunks_exact(fan_in).enumerate() {
                for (tile, weights) in weights.chunks(rows).enumerate() {
                    let sum = weights.iter().map(|&weight| table[usize::from(weight as u8)]).sum();
                    lengths[(tile * slices + slice) * outputs + output] = sum;
                }
            }
        }
        lengths
    }

    /// Squared length of each column `[row tile][slice][output]` in real weights, at least the mean over the outputs
    /// and that of one digit.
    fn column_squares(&self, unit: f64) -> Vec<f64> {
        let [_, slices, _, outputs] = self.sizes.0;
        let squares = self.column_lengths(|digit| digit.pow(2));
        let weights = self.operator.slicing().weights();
        let of_columns = squares.chunks_exact(outputs).enumerate().flat_map(|(column, squares)| {
            let mean = squares.iter().sum::<u64>() as f64 / outputs as f64;
            let one = (unit * weights[column % slices] as f64).powi(2);
            squares.iter().map(move |&square| (square as f64).max(mean).max(1.0) * one)
        });
        of_columns.collect()
    }
}
