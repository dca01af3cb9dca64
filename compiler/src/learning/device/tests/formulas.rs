//! Every family without noise equals a loop over its equation in f64.

use super::{one, specification};
use crate::learning::device::DeviceSpecification;

const BOUNDS: (f64, f64) = (-0.8, 1.2);

/// Pulses up, down and up again against `step(upward, state)`.
fn agrees(specification: &DeviceSpecification, step: impl Fn(bool, f64) -> f64) {
    let mut devices = one(specification);
    let mut expected = f64::from(devices.states()[0]);
    for (stamp, pulses) in [1i16, 40, -25, -60, 3, -1, 200, -400, 77].into_iter().enumerate() {
        for _ in 0..pulses.unsigned_abs() {
            let change = step(pulses > 0, expected);
            expected = (expected + if pulses > 0 { change } else { -change }).clamp(BOUNDS.0, BOUNDS.1);
        }
        devices.apply(&[pulses], stamp as u64).unwrap();
        let found = f64::from(devices.states()[0]);
        assert!((found - expected).abs() < 2e-5, "{}: {found}, expected {expected}", specification.model.family());
    }
}

const REST: &str = "step = { size = 0.02 }\nbounds = { lower = -0.8, upper = 1.2 }";

#[test]
fn constant_steps() {
    agrees(&specification("family = \"constant-step\"", REST), |_, _| 0.02);
    let rest = "step = { size = 0.02, asymmetry = 0.25 }\nbounds = { lower = -0.8, upper = 1.2 }";
    agrees(&specification("family = \"constant-step\"", rest), |up, _| if up { 0.02 } else { 0.015 });
    let rest = "step = { size = 0.02, asymmetry = -0.25 }\nbounds = { lower = -0.8, upper = 1.2 }";
    agrees(&specification("family = \"constant-step\"", rest), |up, _| if up { 0.015 } else { 0.02 });
}

#[test]
fn linear_steps() {
    let model = "family = \"linear-step\", slope_up = 0.3, slope_down = 0.7";
    agrees(&specification(model, REST), |up, w| match up {
        true => 0.02 * (1.0 - 0.3 * w / 1.2),
        false => 0.02 * (1.0 - 0.7 * w / -0.8),
    });
}

#[test]
fn soft_bounds() {
    agrees(&specification("family = \"soft-bounds\"", REST), |up, w| match up {
        true => 0.02 * (1.0 - w / 1.2),
        false => 0.02 * (1.0 - w / -0.8),
    });
}

#[test]
fn the_symmetry_point_is_kept_and_weighs_nothing() {
    let rest = "step = { size = 0.02, asymmetry = 0.5 }\nbounds = { lower = -0.8, upper = 1.2 }";
    let model = "family = \"soft-bounds\", subtract_symmetry_point = true";
    let mut devices = one(&specification(model, rest));
    let (up, down) = (0.02, 0.01);
    let point = (up - down) / (up / 1.2 - down / -0.8);
    assert!((f64::from(devices.states()[0]) - point).abs() < 1e-6 && devices.weights()[0].abs() < 1e-6);
    for stamp in 0..200 {
        devices.apply(&[if stamp % 2 == 0 { 1 } else { -1 }], stamp).unwrap();
    }
    assert!(devices.weights()[0].abs() < 0.01, "{}", devices.weights()[0]);
}

#[test]
fn exponential_steps() {
    let model = "family = \"exponential-step\", scale = 0.244, offset = 0.2425, amplitude_up = 0.00081, \
                 amplitude_down = 0.36833, rate_up = 12.44625, rate_down = 12.78785";
    agrees(&specification(model, REST), |up, w| {
        let z = 2.0 * w / 2.0 * 0.244 + 0.2425;
        let share = if up { 0.00081 * (12.44625 * z).exp() } else { 0.36833 * (-12.78785 * z).exp() };
        0.02 * (1.0 - share).max(0.0)
    });
}

#[test]
fn power_steps() {
    let model = "family = \"power-step\", exponent_up = 1.7, exponent_down = 0.6";
    agrees(&specification(model, REST), |up, w| match up {
        true => 0.02 * ((1.2 - w) / 2.0).powf(1.7),
        false => 0.02 * ((w + 0.8) / 2.0).powf(0.6),
    });
}

#[test]
fn steps_of_a_drawn_device_equal_its_own_constants() {
    let rest = "step = { size = 0.02, device_spread = 0.3, asymmetry_spread = 0.2 }\n\
                bounds = { lower = -0.8, upper = 1.2, lower_spread = 0.3, upper_spread = 0.2 }";
    let specification = specification("family = \"soft-bounds\"", rest);
    let mut devices = crate::learning::device::Devices::draw(&specification, 3, 4, 5, 9).unwrap();
    let parts = devices.parts.clone();
    let mut expected: Vec<f32> = devices.states().to_vec();
    let pulses: Vec<i16> = (0..12).map(|device| [9, -14, 0, 30, -1][device % 5]).collect();
    devices.apply(&pulses, 1).unwrap();
    for (device, state) in expected.iter_mut().enumerate() {
        for _ in 0..pulses[device].unsigned_abs() {
            *state += match pulses[device] > 0 {
                true => parts.up[device] * (1.0 - *state / parts.upper[device]),
                false => -parts.down[device] * (1.0 - *state / parts.lower[device]),
            };
            *state = state.clamp(parts.lower[device], parts.upper[device]);
        }
        assert!((*state - devices.states()[device]).abs() < 1e-5);
    }
    assert_ne!(parts.up[0], parts.up[1]);
}

#[test]
fn a_single_device_goes_the_way_of_its_array() {
    for name in ["capacitor", "pcm", "domain-wall", "mosfet"] {
        let devices = crate::learning::device::Devices::draw(&super::preset(name), 3, 4, 5, 9).unwrap();
        let mut array = devices.clone();
        let mut device = devices.device(2, 0).unwrap();
        let mut pulses = [0i16; 12];
        pulses[8] = 25;
        array.apply(&pulses, 3).unwrap();
        let mut draws = crate::learning::device::random::Draws::new(
            devices.origin,
            crate::learning::device::random::Purpose::Pulses,
            2,
            3,
        );
        device.apply(25, &mut draws.0);
        assert_eq!((device.weight(), device), (array.weights()[8], array.device(2, 0).unwrap()), "{name}");
        assert!(devices.device(3, 0).is_none() && devices.device(0, 4).is_none());
    }
}
