//! A fast array in front of a slow one, on asymmetric devices.

use super::{Numbers, array, device, settings};
use crate::learning::array::{ArraySettings, Pairing, TikiTakaSettings, UpdateRule};
use crate::learning::device::DeviceSpecification;

/// Steps downwards are weaker, so that pulses up and down in turn lead to w with (1 - w) = 0.5 (1 + w).
fn asymmetric() -> DeviceSpecification {
    device("soft-bounds", "step = { size = 0.01, asymmetry = 0.5 }")
}

const SYMMETRIC: f32 = 1.0 / 3.0;

fn with_tiki_taka(tiki_taka: TikiTakaSettings) -> ArraySettings {
    let single = settings(UpdateRule::Rounded {}, Pairing::Reference);
    ArraySettings { gain: 1.0, tiki_taka: Some(tiki_taka), ..single }
}

#[test]
fn calibration_finds_the_symmetric_point() {
    let spread = "step = { size = 0.01, asymmetry = 0.5, asymmetry_spread = 0.2, device_spread = 0.2 }";
    for (device, is_alike) in [(asymmetric(), true), (device("soft-bounds", spread), false)] {
        let array = array(&device, &with_tiki_taka(TikiTakaSettings::default()), [4, 4], 1);
        let fast = array.tiki_taka().unwrap().fast();
        let reference = fast.weights();
        assert!(!is_alike || reference.iter().all(|weight| (weight - SYMMETRIC).abs() < 0.01), "{reference:?}");
        assert!(is_alike || reference.iter().any(|weight| (weight - reference[0]).abs() > 0.05), "{reference:?}");
        let mut moved = fast.clone();
        moved.pulse(&[1; 16], 1).unwrap();
        moved.pulse(&[-1; 16], 2).unwrap();
        for (before, after) in reference.iter().zip(moved.weights()) {
            assert!((before - after).abs() < 1e-4, "{before} {after}");
        }
        assert_eq!(fast.statistics().pulses_up, 0);
        assert_eq!(array.weights(), vec![0.0; 16]);
    }
}

/// Mean weights in the second half of noise around constant gradients, one for each of four columns.
fn after_noise(settings: &ArraySettings, constants: [f32; 4]) -> Vec<f32> {
    let mut array = array(&asymmetric(), settings, [1, 4], 1);
    let mut numbers = Numbers::new(4);
    let mut means = vec![0.0; 4];
    for update in 0..1000 {
        let wanted = constants.map(|constant| constant + 0.05 * numbers.next());
        array.change(&wanted).unwrap();
        if update >= 500 {
            means.iter_mut().zip(array.weights()).for_each(|(mean, weight)| *mean += weight / 500.0);
        }
    }
    means
}

#[test]
fn the_slow_array_follows_the_constant_part_of_a_noisy_gradient() {
    let constants = [0.0, 0.0, 0.005, -0.005];
    let tiki_taka = TikiTakaSettings { transfer_rate: 0.002, ..TikiTakaSettings::default() };
    let slow = after_noise(&with_tiki_taka(tiki_taka), constants);
    let single = after_noise(&ArraySettings { tiki_taka: None, ..with_tiki_taka(tiki_taka) }, constants);
    for (slow, single) in slow.iter().zip(&single).take(2) {
        assert!((single - SYMMETRIC).abs() < 0.12, "a single array drifts to its symmetric point, not {single}");
        assert!(slow.abs() < 0.5 * single.abs(), "{slow} {single}");
    }
    assert!(slow[2] > 0.12 && slow[3] < -0.06, "{slow:?}");
}

/// Root mean square distance from the weights of a regression after learning it from noisy examples.
fn regression(settings: &ArraySettings) -> f64 {
    let goal: Vec<f32> = Numbers::new(8).vector(24).iter().map(|value| 0.5 * value).collect();
    let mut array = array(&asymmetric(), settings, [6, 4], 1);
    let mut numbers = Numbers::new(6);
    let (mut sum, examples) = (0.0, 6000);
    for example in 0..examples {
        let inputs = numbers.vector(6);
        let weights = array.weights();
        let output =
            |weights: &[f32], column: usize| -> f32 { (0..6).map(|row| inputs[row] * weights[row * 4 + column]).sum() };
        let error = |column: usize| output(&goal, column) - output(&weights, column) + 0.6 * numbers.next();
        let errors: Vec<f32> = (0..4).map(error).collect();
        array.learn(&inputs, &errors, 0.05).unwrap();
        if example >= examples / 2 {
            sum += goal.iter().zip(&weights).map(|(goal, weight)| f64::from(goal - weight).powi(2)).sum::<f64>();
        }
    }
    (sum / (24.0 * (examples / 2) as f64)).sqrt()
}

#[test]
fn a_regression_ends_nearer_to_its_solution_than_on_a_single_array() {
    let tiki_taka = TikiTakaSettings { transfer_rate: 0.1, ..TikiTakaSettings::default() };
    let single = regression(&ArraySettings { tiki_taka: None, ..with_tiki_taka(tiki_taka) });
    for buffered in [true, false] {
        let both = regression(&with_tiki_taka(TikiTakaSettings { buffered, ..tiki_taka }));
        assert!(both < 0.7 * single, "buffered {buffered}: {both}, single array {single}");
    }
}

#[test]
fn rows_are_handed_on_in_turn() {
    let tiki_taka = TikiTakaSettings {
        transfer_every: 3,
        transfer_rows: 2,
        transfer_rate: 1.001,
        calibration_pulses: 0,
        ..TikiTakaSettings::default()
    };
    let device = super::ideal(0.01);
    let mut array = array(&device, &with_tiki_taka(tiki_taka), [3, 1], 1);
    let mut slow = Vec::new();
    for _ in 0..6 {
        array.change(&[0.01, 0.02, 0.03]).unwrap();
        slow.push(array.weights().iter().map(|weight| (weight * 100.0).round() as i32).collect::<Vec<_>>());
    }
    assert_eq!(slow[1], [0, 0, 0]);
    assert_eq!(slow[2], [3, 6, 0], "rows 0 and 1 after three updates");
    assert_eq!(slow[4], slow[2]);
    assert_eq!(slow[5], [9, 6, 18], "then row 2, and row 0 again");
}
