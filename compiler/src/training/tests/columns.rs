//! Currents and gradients of one projection against plain loops over the equations.

use kernels::{Counts, Engine, Parallelism};
use proptest::prelude::*;
use snn::{Connection, Network, Weights};
use spikegrad::GradientSums;

use super::{Numbers, chip, network};
use crate::columns::active;
use crate::mapping::count_ranges;
use crate::training::TrainingOptions;
use crate::training::accumulate::Scratch;
use crate::training::columns::Columns;
use crate::training::stages::Stage;

const EXAMPLES: usize = 3;
/// Bits of the grid of total inputs.
const GRID_BITS: u32 = 10;

/// A projection with random weights, scale factors and thresholds, and random counts and errors.
struct Case {
    columns: Columns,
    network: Network,
    index: usize,
    counts: Vec<u8>,
    errors: Vec<i32>,
}

fn case(seed: u64, quantiser: &str, stage: Stage) -> Case {
    let mut numbers = Numbers::new(seed);
    let topology = ["8x8-3C3-P2-5-10", "8x8-2C3s2-3C2p0-10"][seed as usize % 2];
    let mut network = network(topology);
    for index in 0..network.projections().len() {
        let count = network.projections()[index].connection.weight_count();
        if count > 0 {
            let weights = (0..count).map(|_| numbers.between(-15, 15) as i8 * 3).collect();
            network.set_weights(index, Weights::I8(weights)).unwrap();
        }
    }
    let trained = (0..network.projections().len()).filter(|&index| network.projections()[index].weights.is_some());
    let trained: Vec<usize> = trained.collect();
    let index = trained[numbers.between(0, trained.len() as i32 - 1) as usize];
    let rest = ["", "[scale_factors]\ngranularity = 'column'\n", "[scale_factors]\ngranularity = 'layer'\n"];
    let rows = numbers.between(3, 20) as usize;
    let chip = chip(rows, 4, numbers.between(1, 4) as u32, quantiser, rest[seed as usize % 3]);
    let engine = Engine::detect(Parallelism::Serial);
    let ranges = count_ranges(&network);
    let options = TrainingOptions::default();
    let mut columns = Columns::new(&network, index, &chip, &ranges, &options, engine).unwrap().unwrap();
    for value in &mut columns.scales.values {
        *value = numbers.between(1, 60) as f32 / 16.0;
    }
    if quantiser.contains("ternary") {
        columns.levels.values.iter_mut().for_each(|value| *value = numbers.between(1, 3) as f32);
    }
    columns.rest.iter_mut().for_each(|value| *value = numbers.between(-400, 400) as f32 / 16.0);
    columns.prepare(stage, 6);
    columns.set_unit(numbers.between(1, 9).into(), GRID_BITS);
    let source = columns.operator.patches().neurons();
    let range = ranges[columns.from];
    let counts = (0..source * EXAMPLES).map(|_| numbers.between(-10, range.high).max(0) as u8).collect();
    let targets = columns.operator.positions() * columns.sizes.0[3];
    let errors = (0..targets * EXAMPLES).map(|_| numbers.between(-60, 9).max(-9)).collect();
    Case { columns, network, index, counts, errors }
}

impl Case {
    /// The neuron behind a row, by the definition of the map.
    fn neuron(&self, position: usize, row: usize) -> Option<usize> {
        let Connection::Convolution(shape) = &self.network.projections()[self.index].connection else {
            return Some(row);
        };
        let (y, x) = ((position / shape.output_width()) as i32, (position % shape.output_width()) as i32);
        let channel = row % shape.input_channels;
        let (ky, kx) = (row / shape.input_channels / shape.kernel[1], row / shape.input_channels % shape.kernel[1]);
        let y = y * shape.stride[0] as i32 + ky as i32 - shape.padding[0] as i32;
        let x = x * shape.stride[1] as i32 + kx as i32 - shape.padding[1] as i32;
        let inside = y >= 0 && x >= 0 && y < shape.input_height as i32 && x < shape.input_width as i32;
        inside.then(|| (y as usize * shape.input_width + x as usize) * shape.input_channels + channel)
    }

    /// Calls `visit(place, index, partial sum, driven rows with their digit)` for every partial sum.
    fn partial_sums(&self, mut visit: impl FnMut(usize, [usize; 4], i32, &[(usize, i32)])) {
        let columns = &self.columns;
        let [row_tiles, slices, streams, outputs] = columns.sizes.0;
        let (operator, rows) = (&columns.operator, columns.operator.rows(0));
        let fan_in = operator.patches().rows();
        for place in 0..EXAMPLES * operator.positions() {
            let (example, position) = (place / operator.positions(), place % operator.positions());
            for index in (0..row_tiles * slices * streams * outputs).map(|number| columns.sizes.index(number)) {
                let [r, k, j, m] = index;
                let mut driven = Vec::new();
                for row in r * rows..fan_in.min((r + 1) * rows) {
                    let Some(neuron) = self.neuron(position, row) else { continue };
                    let count = self.counts[example * operator.patches().neurons() + neuron];
                    if active(crate::hardware::InputCoding::BitSerial, count.into(), operator.streams()[j]) {
                        let multiplier = columns.multipliers[m * fan_in + row].into();
                        let (positive, negative) = operator.slicing().levels(multiplier, k);
                        driven.push((row, i32::from(positive) - i32::from(negative)));
                    }
                }
                visit(place, index, driven.iter().map(|(_, digit)| digit).sum(), &driven);
            }
        }
    }

    /// Codes as the specification defines them.
    fn code(&self, sum: i32, index: [usize; 4]) -> i64 {
        let columns = &self.columns;
        let level = columns.thresholds[columns.sizes.place(index)];
        match columns.quantiser {
            crate::hardware::Quantiser::Sign {} => {
                if sum > 0 || (sum == 0 && (index[0] + index[1]).is_multiple_of(2)) {
                    1
                } else {
                    -1
                }
            }
            crate::hardware::Quantiser::Ternary {} => {
                if sum.abs() >= level {
                    sum.signum().into()
                } else {
                    0
                }
            }
            _ => {
                let code = (f64::from(sum) / f64::from(level)).round() as i32;
                i64::from(level * code.clamp(columns.codes[0], columns.codes[1]))
            }
        }
    }

    fn currents(&self) -> Vec<i64> {
        let mut totals = vec![0; self.errors.len()];
        let counts = Counts::Unsigned(&self.counts);
        self.columns.add_currents(counts, EXAMPLES, None, &mut totals, &mut Scratch::default()).unwrap();
        totals
    }

    fn gradients(&self, is_masked: bool) -> GradientSums {
        let mut sums = GradientSums { parameters: vec![0; self.columns.parameter_count()], ..GradientSums::default() };
        if is_masked {
            sums.weights = vec![0; self.columns.multipliers.len()];
            sums.errors = vec![0; self.counts.len()];
        }
        let counts = Counts::Unsigned(&self.counts);
        let mut scratch = Scratch::default();
        self.columns.add_gradients(counts, EXAMPLES, None, &self.errors, &mut sums, &mut scratch).unwrap();
        sums
    }

    /// `sum E * A` over all neurons.
    fn projected(&self) -> i64 {
        self.currents().iter().zip(&self.errors).map(|(total, &error)| total * i64::from(error)).sum()
    }
}

const QUANTISERS: [&str; 4] = [
    "{ kind = 'sign' }",
    "{ kind = 'ternary' }",
    "{ kind = 'uniform', bits = 3, range = 'unit' }",
    "{ kind = 'uniform', bits = 3, range = 'full' }",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn currents_equal_the_equation(seed in 0u64..10_000, kind in 0usize..4, real in any::<bool>()) {
        let case = case(seed, QUANTISERS[kind], if real { Stage::Sums } else { Stage::ScaleFactors });
        let (columns, outputs) = (&case.columns, case.columns.sizes.0[3]);
        let on_grid = |&rest: &f32| (f64::from(rest) * f64::from(columns.step) * 1024.0).round() as i64;
        let rest: Vec<i64> = columns.rest.iter().map(on_grid).collect();
        let rest = if rest.is_empty() { vec![0; outputs] } else { rest };
        let mut expected = rest.repeat(case.errors.len() / outputs);
        case.partial_sums(|place, index, sum, _| {
            let factor = i64::from(columns.factors[columns.sizes.place(index)]);
            let stream = columns.operator.streams()[index[2]].weight;
            expected[place * outputs + index[3]] += columns.unit * factor * stream * (case.code(sum, index) - case.code(0, index));
        });
        prop_assert_eq!(case.currents(), expected);
    }

    /// Sums over error counts, and the masked gradients, against their definitions.
    #[test]
    fn gradients_equal_their_sums(seed in 0u64..10_000, kind in 0usize..2) {
        let case = case(seed, QUANTISERS[kind], Stage::Sums);
        let columns = &case.columns;
        let [_, slices, streams, outputs] = columns.sizes.0;
        let fan_in = columns.operator.patches().rows();
        let weights = columns.operator.slicing().weights();
        let (positions, neurons) = (columns.operator.positions(), columns.operator.patches().neurons());
        let mut expected = GradientSums {
            parameters: vec![0; columns.parameter_count()],
            weights: vec![0; columns.multipliers.len()],
            errors: vec![0; case.counts.len()],
            factors: Vec::new(),
        };
        for errors in case.errors.chunks_exact(outputs) {
            expected.parameters.iter_mut().zip(errors).for_each(|(sum, &error)| *sum += i64::from(error));
        }
        case.partial_sums(|place, index, sum, driven| {
            let [r, k, j, m] = index;
            let number = columns.sizes.place(index);
            let error = i64::from(case.errors[place * outputs + m]);
            expected.parameters[outputs + number] += error * (case.code(sum, index) - case.code(0, index));
            if kind == 1 {
                let level = columns.thresholds[number];
                let near = sum.abs() == level || sum.abs() == level - 1;
                expected.parameters[outputs + columns.sizes.count() + number] += error * i64::from(sum.signum()) * i64::from(near);
            }
            // A comparator's step lies between two sums, those of a pair on both sides of 0.
            let scale = columns.scales.get(index);
            let is_open = match kind {
                0 => (sum as f32 + if (r + k) % 2 == 0 { 0.5 } else { -0.5 }).abs() <= scale.max(1.0),
                _ => sum.abs() as f32 <= scale,
            };
            if is_open {
                let stream = columns.operator.streams()[j].weight;
                for &(row, _) in driven {
                    expected.weights[m * fan_in + row] += error * stream * streams as i64;
                }
                let rows = columns.operator.rows(0);
                for row in r * rows..fan_in.min((r + 1) * rows) {
                    let Some(neuron) = case.neuron(place % positions, row) else { continue };
                    let multiplier = columns.multipliers[m * fan_in + row].into();
                    let (positive, negative) = columns.operator.slicing().levels(multiplier, k);
                    let digit = i64::from(positive) - i64::from(negative);
                    expected.errors[place / positions * neurons + neuron] +=
                        error * digit * weights[k] * i64::from(columns.step) * slices as i64;
                }
            }
        });
        prop_assert_eq!(case.gradients(true), expected.clone());
        prop_assert_eq!(case.gradients(false).parameters, expected.parameters);
    }

    /// With the mask open everywhere, masked gradients are those of the exact product.
    #[test]
    fn open_masks_give_the_exact_gradient(seed in 0u64..10_000) {
        let mut case = case(seed, QUANTISERS[0], Stage::Sums);
        case.columns.scales.values.fill(1e6);
        case.columns.prepare(Stage::Sums, 6);
        let sums = case.gradients(true);
        let columns = &case.columns;
        let (outputs, denominator) = (columns.sizes.0[3], columns.denominator());
        let (fan_in, positions) = (columns.operator.patches().rows(), columns.operator.positions());
        let neurons = columns.operator.patches().neurons();
        let mut weights = vec![0i64; sums.weights.len()];
        let mut errors = vec![0i64; sums.errors.len()];
        for place in 0..EXAMPLES * positions {
            for (m, row) in (0..outputs).flat_map(|m| (0..fan_in).map(move |row| (m, row))) {
                let Some(neuron) = case.neuron(place % positions, row) else { continue };
                let source = place / positions * neurons + neuron;
                let error = i64::from(case.errors[place * outputs + m]);
                weights[m * fan_in + row] += error * i64::from(case.counts[source]);
                let mantissa = i64::from(columns.multipliers[m * fan_in + row]) * i64::from(columns.step);
                errors[source] += error * mantissa;
            }
        }
        prop_assert!(weights.iter().zip(&sums.weights).all(|(exact, own)| exact * denominator == *own));
        prop_assert!(errors.iter().zip(&sums.errors).all(|(exact, own)| exact * denominator == *own));
    }

    /// Gradients of scale factors and thresholds against finite differences of the forward pass: it
    /// is linear in a scale factor, and the threshold's gradient is a central difference.
    #[test]
    fn gradients_equal_finite_differences(seed in 0u64..10_000, kind in 0usize..2) {
        let mut case = case(seed, QUANTISERS[kind], Stage::Sums);
        case.columns.levels.values.iter_mut().for_each(|level| *level += 1.0);
        case.columns.prepare(Stage::Sums, 6);
        case.columns.set_unit(1, GRID_BITS);
        let sums = case.gradients(false).parameters;
        let (of_rest, sums) = sums.split_at(case.columns.sizes.0[3]);
        let (sizes, step) = (case.columns.sizes, f64::from(case.columns.step));
        let mut numbers = Numbers::new(seed);
        let group = numbers.between(0, case.columns.scales.values.len() as i32 - 1) as usize;
        let members: Vec<usize> =
            (0..sizes.count()).filter(|&place| case.columns.scales.group(sizes.index(place)) == group).collect();
        let weight = |case: &Case, place: usize| {
            let index = sizes.index(place);
            case.columns.weight(index[1], index[2])
        };
        let analytic: f64 = members.iter().map(|&place| sums[place] as f64 * weight(&case, place) * step).sum();
        let value = case.columns.scales.values[group];
        let at = |case: &mut Case, value: f32| {
            case.columns.scales.values[group] = value;
            case.columns.prepare(Stage::Sums, 6);
            case.projected()
        };
        // Quarters are exact on the grid of real scale factors.
        let difference = at(&mut case, value + 0.25) - at(&mut case, value - 0.25);
        prop_assert_eq!(difference as f64 / 0.5 / 1024.0, analytic);
        at(&mut case, value);
        for (output, &sum) in of_rest.iter().enumerate() {
            let rest = case.columns.rest[output];
            let mut at = |rest: f32| {
                case.columns.rest[output] = rest;
                case.columns.set_unit(1, GRID_BITS);
                case.projected()
            };
            let difference = at(rest + 0.25) - at(rest - 0.25);
            prop_assert_eq!(difference as f64 / 0.5 / 1024.0, sum as f64 * step);
            at(rest);
        }
        if kind == 1 {
            let level = case.columns.levels.values[0];
            let analytic: f64 = (0..sizes.count())
                .map(|place| {
                    let scale = f64::from(case.columns.scales.get(sizes.index(place)));
                    -0.5 * step * scale * weight(&case, place) * sums[sizes.count() + place] as f64
                })
                .sum();
            let mut at = |level: f32| {
                case.columns.levels.values[0] = level;
                case.columns.prepare(Stage::Sums, 6);
                case.projected()
            };
            let difference = at(level + 1.0) - at(level - 1.0);
            prop_assert_eq!(difference as f64 / 2.0 / 1024.0, analytic);
        }
    }
}
