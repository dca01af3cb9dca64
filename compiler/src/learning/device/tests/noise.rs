//! Means and spreads of what is drawn, within five standard errors.

use super::{mean_and_spread, preset, specification};
use crate::learning::device::Devices;

const NUMBER: usize = 40_000;

/// Mean and spread of many values against what they must be.
fn agrees(values: &[f64], mean: f64, spread: f64) {
    let (found, found_spread) = mean_and_spread(values);
    let root = (values.len() as f64).sqrt();
    assert!((found - mean).abs() <= 5.0 * spread / root, "mean {found}, expected {mean}");
    assert!((found_spread - spread).abs() <= 5.0 * spread / (2f64.sqrt() * root), "{found_spread}, expected {spread}");
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

#[test]
fn devices_are_spread_as_they_should() {
    let rest = "step = { size = 0.01, device_spread = 0.15, asymmetry = 0.2, asymmetry_spread = 0.1 }\n\
                bounds = { lower = -0.5, upper = 1.0, lower_spread = 0.1, upper_spread = 0.2 }";
    let devices = Devices::draw(&specification("family = \"constant-step\"", rest), 200, 200, 1, 0).unwrap();
    let spread = 0.01 * (0.15f64.powi(2) + 0.1f64.powi(2)).sqrt();
    agrees(&wide(&devices.parts.up), 0.01, spread);
    agrees(&wide(&devices.parts.down), 0.008, spread);
    agrees(&wide(&devices.parts.lower), -0.5, 0.05);
    agrees(&wide(&devices.parts.upper), 1.0, 0.2);
    let rest = "step = { size = 0.01, device_spread = 0.5, device_distribution = \"log-normal\" }";
    let devices = Devices::draw(&specification("family = \"constant-step\"", rest), 200, 200, 1, 0).unwrap();
    let logarithms: Vec<f64> = devices.parts.up.iter().map(|&step| (f64::from(step) / 0.01).ln()).collect();
    agrees(&logarithms, 0.0, 0.5);
}

#[test]
fn pulses_are_spread_as_they_should() {
    let wide_bounds = "bounds = { lower = -100.0, upper = 100.0 }";
    for family in ["constant-step", "linear-step\", slope_up = 0.0, slope_down = 0.0, noise = \"of-size"] {
        let rest = format!("step = {{ size = 0.01, cycle_spread = 0.3 }}\n{wide_bounds}");
        let specification = specification(&format!("family = \"{family}\""), &rest);
        let mut devices = Devices::draw(&specification, 200, 200, 1, 0).unwrap();
        devices.apply(&vec![9; NUMBER], 0).unwrap();
        agrees(&wide(devices.states()), 0.09, 0.01 * 0.3 * 3.0);
        devices.apply(&vec![-4; NUMBER], 1).unwrap();
        agrees(&wide(devices.states()), 0.05, 0.01 * 0.3 * 13f64.sqrt());
    }
}

#[test]
fn write_noise_surrounds_the_state() {
    let rest = "step = { size = 0.01, write_noise = 20.0 }";
    let mut devices = Devices::draw(&specification("family = \"constant-step\"", rest), 200, 200, 1, 0).unwrap();
    let before = devices.weights().to_vec();
    agrees(&wide(devices.weights()), 0.0, 0.2);
    devices.apply(&vec![10; NUMBER], 0).unwrap();
    assert!(devices.states().iter().all(|state| (state - 0.1).abs() < 1e-6));
    agrees(&wide(devices.weights()), 0.1, 0.2);
    assert!(devices.weights().iter().zip(&before).all(|(after, before)| after != before));
    let read = devices.weights().to_vec();
    devices.apply(&vec![0; NUMBER], 1).unwrap();
    assert_eq!(devices.weights(), read, "what is not written keeps its noise");
}

#[test]
fn stuck_devices_are_as_many_as_they_should_be_and_never_move() {
    let mut specification = preset("reram-array-om");
    specification.stuck = Some(crate::learning::device::Stuck { share: 0.1348, lower: -0.01, upper: 0.01 });
    let mut devices = Devices::draw(&specification, 200, 200, 1, 0).unwrap();
    let stuck = devices.statistics().stuck as f64;
    let expected = 0.1348 * NUMBER as f64;
    assert!((stuck - expected).abs() < 5.0 * (expected * (1.0 - 0.1348)).sqrt(), "{stuck}");
    let before = devices.clone();
    devices.apply(&vec![50; NUMBER], 0).unwrap();
    devices.set_states(&vec![0.5; NUMBER], 1).unwrap();
    devices.apply(&vec![-7; NUMBER], 2).unwrap();
    for device in (0..NUMBER).filter(|&device| before.parts.stuck[device]) {
        assert_eq!(devices.states()[device], before.states()[device]);
        assert_eq!(devices.weights()[device], before.weights()[device]);
        assert!(devices.states()[device].abs() <= 0.01);
    }
}

#[test]
fn states_decay_with_their_lifetimes() {
    use crate::learning::device::Elapsed;
    let rest = "step = { size = 0.01 }\nretention = { lifetime_updates = 100.0, reset = 0.2 }";
    let mut devices = Devices::draw(&specification("family = \"constant-step\"", rest), 1, 1, 1, 0).unwrap();
    devices.set_states(&[0.8], 0).unwrap();
    for stamp in 0..50 {
        devices.relax(Elapsed { updates: 1.0, seconds: 1e9 }, stamp).unwrap();
    }
    let expected = 0.2 + 0.6 * (-0.5f64).exp();
    assert!((f64::from(devices.states()[0]) - expected).abs() < 1e-5, "{}", devices.states()[0]);
    let error = devices.relax(Elapsed { updates: -1.0, seconds: 0.0 }, 0).unwrap_err().to_string();
    assert!(error.contains("elapsed updates"), "{error}");
}
