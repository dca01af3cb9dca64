//! Converters and noise of both reads of an array in spiking networks.

use kernels::Counts;
use snn::{Connection, Weights};
use spikegrad::{GradientSums, Group, Position, Substrate, Trainer};

use super::{array, finish, ideal, settings, start, substrate, trainer};
use crate::hardware::Spread;
use crate::learning::array::{
    ArraySettings, ErrorReadSettings, InputConverter, OutputConverter, ReadSettings, UpdateRule,
};
use crate::learning::substrate::{LearningSubstrate, Placement};
use crate::training::tests::{network, resources};

fn with(read: ReadSettings) -> ArraySettings {
    ArraySettings { read, ..array(UpdateRule::Accumulated {}) }
}

fn input(bits: u32) -> Option<InputConverter> {
    Some(InputConverter { bits, range: None })
}

fn output(bits: u32, range: f64) -> Option<OutputConverter> {
    Some(OutputConverter { bits, range })
}

fn chip(read: ReadSettings, batch: u64) -> LearningSubstrate {
    let mut chip = substrate(&ideal(), &with(read), &Placement::default());
    chip.refresh(&start(), &Position { batch, ..Position::default() }).unwrap();
    chip
}

/// The first dense projection: from 36 pooled counts to 12 neurons that fire.
fn dense() -> usize {
    let start = start();
    let is_dense = |connection: &Connection| matches!(connection, Connection::Dense { .. });
    start.projections().iter().position(|projection| is_dense(&projection.connection)).unwrap()
}

/// Total inputs of the dense projection in grid units.
fn currents(chip: &LearningSubstrate, counts: &[u8]) -> Vec<f64> {
    let target = start().projections()[dense()].to;
    let mut totals = vec![0; 12];
    let group = Group { counts: Counts::Unsigned(counts), examples: 1, samples: None };
    chip.add_currents(dense(), &group, &mut totals, &mut chip.scratch()).unwrap();
    totals.iter().map(|&total| total as f64 / f64::from(1u32 << chip.grid_bits(target))).collect()
}

fn counts() -> Vec<u8> {
    let inputs = start().populations()[start().projections()[dense()].from].shape.neurons();
    (0..inputs).map(|index| (index * 29 % 101) as u8).collect()
}

fn largest(found: &[f64], expected: &[f64]) -> f64 {
    found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max)
}

#[test]
fn converters_quantise_total_inputs() {
    let exact = currents(&chip(ReadSettings::default(), 0), &counts());
    let threshold = start().populations()[start().projections()[dense()].to].thresholds[0] as f64;
    let range = exact.iter().fold(0.0, |range: f64, total| range.max(total.abs())) / threshold;
    for bits in [5, 8, 12] {
        let read = ReadSettings { output_converter: output(bits, range), ..ReadSettings::default() };
        let half = range * threshold / f64::from((1u32 << (bits - 1)) - 1) / 2.0;
        let found = largest(&currents(&chip(read, 0), &counts()), &exact);
        assert!(found <= half + 1.0 / 512.0 && found > half / 4.0, "{bits} bits: {found}, half a step {half}");
    }
    // 101 different counts have codes of their own with 7 bits, not with 6.
    let read = |bits| ReadSettings { input_converter: input(bits), ..ReadSettings::default() };
    assert_eq!(currents(&chip(read(7), 0), &counts()), exact);
    let found: Vec<f64> = [6, 3, 1].map(|bits| largest(&currents(&chip(read(bits), 0), &counts()), &exact)).into();
    assert!(found[0] > 0.0 && found.windows(2).all(|pair| pair[1] > pair[0]), "{found:?}");
}

/// Weight gradients and arriving errors of a projection.
fn gradients(chip: &LearningSubstrate, projection: usize, counts: &[u8], errors: &[i32]) -> (Vec<f64>, Vec<f64>) {
    let denominator = chip.carries(projection).unwrap().denominator.unwrap();
    let weights = start().projections()[projection].connection.weight_count();
    let mut sums = GradientSums { weights: vec![0; weights], errors: vec![0; counts.len()], ..GradientSums::default() };
    let group = Group { counts: Counts::Unsigned(counts), examples: 1, samples: Some(&[0]) };
    chip.add_gradients(projection, &group, errors, &mut sums, &mut chip.scratch()).unwrap();
    let scaled = |sums: Vec<i64>| sums.into_iter().map(|sum| sum as f64 / denominator as f64).collect();
    (scaled(sums.weights), scaled(sums.errors))
}

fn error_read(error: ErrorReadSettings) -> ReadSettings {
    ReadSettings { error: Some(error), ..ReadSettings::default() }
}

#[test]
fn errors_are_read_through_converters() {
    let start = start();
    let Some(Weights::I8(mantissas)) = &start.projections()[dense()].weights else { unreachable!() };
    let counts = counts();
    let errors: Vec<i32> = (0..12).map(|output| output * 53 % 200 - 100).collect();
    let arriving: Vec<f64> = (0..counts.len())
        .map(|row| (0..12).map(|o| f64::from(mantissas[o * counts.len() + row]) * f64::from(errors[o])).sum())
        .collect();
    let find =
        |error: ErrorReadSettings, batch: u64| gradients(&chip(error_read(error), batch), dense(), &counts, &errors);
    let (weights, found) = find(ErrorReadSettings { input_converter: input(8), ..Default::default() }, 0);
    assert_eq!(found, arriving);
    let outer = |place: usize| f64::from(errors[place / counts.len()]) * f64::from(counts[place % counts.len()]);
    assert!(weights.iter().enumerate().all(|(place, &weight)| weight == outer(place)));
    let threshold = start.populations()[start.projections()[dense()].to].thresholds[0] as f64;
    let range = arriving.iter().fold(0.0, |range: f64, error| range.max(error.abs())) / threshold;
    for bits in [4, 9] {
        let half = range * threshold / f64::from((1u32 << (bits - 1)) - 1) / 2.0;
        let converted = ErrorReadSettings { output_converter: output(bits, range), ..Default::default() };
        let (of_weights, found) = find(converted, 0);
        let distance = largest(&found, &arriving);
        assert!(distance <= half + 1.0 / 512.0 && distance > half / 2.0, "{bits} bits: {distance}, half a step {half}");
        assert_eq!(of_weights, weights);
    }
    let coarse =
        |bits| largest(&find(ErrorReadSettings { input_converter: input(bits), ..Default::default() }, 0).1, &arriving);
    assert!(coarse(3) > coarse(6) && coarse(6) > 0.0);
    let noise = ErrorReadSettings { noise: Some(Spread::Absolute { sigma: 0.02 }), ..Default::default() };
    let squares: f64 = (0..200)
        .flat_map(|batch| find(noise.clone(), batch).1)
        .zip(arriving.iter().cycle())
        .map(|(found, expected)| (found - expected).powi(2))
        .sum();
    // A device in state 1 stands for 128 grid units.
    let deviation = (squares / (200 * counts.len()) as f64).sqrt() / 128.0;
    assert!((deviation / 0.02 - 1.0).abs() < 0.05, "{deviation}");
}

#[test]
fn converters_with_a_code_for_every_count_change_nothing() {
    let exact = finish(trainer(&ideal(), &array(UpdateRule::Accumulated {}), &Placement::default(), 1));
    let error = ErrorReadSettings { input_converter: input(20), ..ErrorReadSettings::default() };
    for read in [
        ReadSettings { input_converter: input(8), ..ReadSettings::default() },
        error_read(error.clone()),
        ReadSettings { input_converter: input(8), error: Some(error), ..ReadSettings::default() },
    ] {
        let found = finish(trainer(&ideal(), &with(read.clone()), &Placement::default(), 2));
        assert!(exact.0 == found.0 && exact.1 == found.1, "{read:?}");
    }
}

#[test]
fn errors_cross_convolutions_as_they_should() {
    let network = || network("8x8-3C3-4C3p1s2-10");
    let start = Trainer::new(network(), settings(), resources(1)).unwrap().network().clone();
    let run = |read: ReadSettings| {
        let placement = Placement::default();
        let isa = resources(1).isa;
        let chip = LearningSubstrate::new(&start, &ideal(), &with(read), &placement, 9, isa).unwrap();
        finish(Trainer::on_substrate(start.clone(), settings(), resources(2), Box::new(chip)).unwrap())
    };
    let exact = run(ReadSettings::default());
    let found = run(error_read(ErrorReadSettings { input_converter: input(20), ..ErrorReadSettings::default() }));
    assert!(exact.0 == found.0 && exact.1 == found.1);
    let coarse = run(error_read(ErrorReadSettings { input_converter: input(2), ..ErrorReadSettings::default() }));
    assert!(exact.0 != coarse.0);
}

#[test]
fn few_bits_slow_learning() {
    let loss = |read: ReadSettings| {
        let mut trainer = trainer(&ideal(), &with(read), &Placement::default(), 2);
        let samples = crate::training::tests::Digits::new(0, 320);
        let losses: Vec<f64> = (0..20).map(|_| trainer.step(&samples).unwrap().loss).collect();
        losses[12..].iter().sum::<f64>() / 8.0
    };
    let exact = loss(ReadSettings::default());
    let fine = ReadSettings { output_converter: output(14, 64.0), ..ReadSettings::default() };
    assert!((loss(fine) - exact).abs() < 0.1 * exact, "{exact}");
    let coarse = [
        ReadSettings { output_converter: output(2, 64.0), ..ReadSettings::default() },
        error_read(ErrorReadSettings { output_converter: output(2, 64.0), ..Default::default() }),
    ];
    for read in coarse {
        let found = loss(read.clone());
        assert!(found > 1.05 * exact, "{read:?}: loss {found}, exact {exact}");
    }
}
