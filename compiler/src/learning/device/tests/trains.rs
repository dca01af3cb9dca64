//! Pulse trains: their mean is the product of input and error, and bad ones are refused.

use super::specification;
use crate::learning::device::{Devices, PulseTrains};

fn devices(rows: usize, columns: usize) -> Devices {
    let rest = "step = { size = 0.001 }\nbounds = { lower = -100.0, upper = 100.0 }";
    Devices::draw(&specification("family = \"constant-step\"", rest), rows, columns, 1, 0).unwrap()
}

#[test]
fn the_mean_update_is_the_product() {
    let (inputs, errors) = ([0.9f32, -0.4, 0.05, 0.0], [0.3f32, -0.8, 0.01]);
    let options = [(31, true, true), (63, true, false), (31, false, false), (7, true, true), (1, true, true)];
    for (length, balance, shorten) in options {
        let trains = PulseTrains { learning_rate: 0.001, length, balance, shorten };
        let mut devices = devices(4, 3);
        let samples = 4_000;
        for stamp in 0..samples {
            devices.stochastic_update(&inputs, &errors, trains, stamp).unwrap();
        }
        for (row, input) in inputs.iter().enumerate() {
            for (column, error) in errors.iter().enumerate() {
                let expected = f64::from(0.001 * input * error) * samples as f64;
                let found = f64::from(devices.states()[row * 3 + column]);
                // Pulses are at least as regular as Poisson numbers of the same mean.
                let spread = 0.001 * (expected.abs() / 0.001).sqrt();
                assert!((found - expected).abs() <= 5.0 * spread, "{length} {row} {column}: {found} {expected}");
            }
        }
    }
}

#[test]
fn largest_products_fill_all_slots() {
    let mut devices = devices(1, 1);
    let trains = PulseTrains { shorten: false, ..PulseTrains::new(0.031) };
    devices.stochastic_update(&[1.0], &[-1.0], trains, 0).unwrap();
    assert!((devices.states()[0] + 0.031).abs() < 1e-6);
    assert_eq!(devices.statistics().pulses_down, 31);
    // Twice the rate cannot be held by as many slots.
    let trains = PulseTrains { learning_rate: 0.062, ..trains };
    devices.stochastic_update(&[1.0], &[-1.0], trains, 1).unwrap();
    assert_eq!(devices.statistics().pulses_down, 62);
}

#[test]
fn trains_are_no_longer_than_needed() {
    let mut devices = Devices::draw(&super::preset("mosfet"), 2, 2, 1, 0).unwrap();
    let step = devices.specification().step_size() as f32;
    devices.stochastic_update(&[1.0, 0.5], &[0.5, 0.1], PulseTrains::new(5.0 * step), 0).unwrap();
    let statistics = devices.statistics();
    assert!((statistics.time_s.unwrap() - 3e-9).abs() < 1e-15, "{statistics:?}");
    let pulses = (statistics.pulses_up + statistics.pulses_down) as f64;
    let write = devices.specification().figures().write_j.unwrap();
    assert!((statistics.energy_j.unwrap() - pulses * write).abs() < 1e-9 * write);
}

#[test]
fn nothing_happens_without_input_or_error() {
    let mut devices = devices(2, 2);
    let before = devices.states().to_vec();
    devices.stochastic_update(&[0.0, 0.0], &[1.0, 1.0], PulseTrains::new(0.1), 0).unwrap();
    devices.stochastic_update(&[1.0, 1.0], &[0.0, 0.0], PulseTrains::new(0.1), 1).unwrap();
    devices.stochastic_update(&[1.0, 1.0], &[1.0, 1.0], PulseTrains::new(0.0), 2).unwrap();
    assert_eq!(devices.states(), before);
    devices.stochastic_batch(&[], &[], PulseTrains::new(0.1), 3).unwrap();
    assert_eq!(devices.statistics().updates, 3);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let mut devices = devices(2, 3);
    let trains = PulseTrains::new(0.1);
    let mut refused = |inputs: &[f32], errors: &[f32], trains: PulseTrains, text: &str| {
        let error = devices.stochastic_update(inputs, errors, trains, 0).unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("found"), "{error}");
    };
    refused(&[1.0], &[1.0; 3], trains, "inputs");
    refused(&[1.0; 2], &[1.0; 2], trains, "errors");
    refused(&[1.0, f32::NAN], &[1.0; 3], trains, "inputs[1]");
    refused(&[1.0; 2], &[1.0, f32::INFINITY, 1.0], trains, "errors[1]");
    refused(&[1.0; 2], &[1.0; 3], PulseTrains { length: 0, ..trains }, "length");
    refused(&[1.0; 2], &[1.0; 3], PulseTrains { length: 64, ..trains }, "length");
    refused(&[1.0; 2], &[1.0; 3], PulseTrains::new(-1.0), "learning rate");
    refused(&[1.0; 2], &[1.0; 3], PulseTrains::new(f32::NAN), "learning rate");
    assert!(devices.apply(&[1; 5], 0).unwrap_err().to_string().contains("pulses"));
    assert!(devices.stochastic_batch(&[1.0; 3], &[1.0; 3], trains, 0).is_err());
    let specification = super::preset("ideal");
    for (rows, columns) in [(0, 1), (1, 0), (usize::MAX, 2), (1 << 20, 1 << 20)] {
        assert!(Devices::draw(&specification, rows, columns, 0, 0).unwrap_err().to_string().contains("array"));
    }
}
