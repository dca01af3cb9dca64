//! Discrete states: where devices begin, what is halfway between two of them, and how many of them a pulse passes.

use super::{preset, specification};
use crate::learning::device::{DeviceSpecification, Devices, Model};

const NUMBER: usize = 10_000;

fn stepped(levels: &str, bounds: &str) -> DeviceSpecification {
    let step = "step = { size = 1.0, device_spread = 0.2, cycle_spread = 0.1 }";
    specification("family = \"constant-step\"", &format!("{levels}\n{step}\nbounds = {{ {bounds} }}"))
}

fn draw(specification: &DeviceSpecification, seed: u64) -> Devices {
    Devices::draw(specification, 100, 100, seed, 0).unwrap()
}

/// Devices in the upper one of the two states that they begin in.
fn raised(devices: &Devices, [below, above]: [f32; 2]) -> usize {
    let near = |state: f32, level: f32| (state - level).abs() < 1e-6;
    assert!(devices.states().iter().all(|&state| near(state, below) || near(state, above)));
    devices.states().iter().filter(|&&state| near(state, above)).count()
}

#[test]
fn halves_of_devices_begin_on_either_side_of_0() {
    for (levels, bounds, states) in [
        ("levels = 4", "lower = -1.0, upper = 1.0", [-1.0 / 3.0, 1.0 / 3.0]),
        ("levels = 64", "lower = -0.6, upper = 0.6", [-0.6 / 63.0, 0.6 / 63.0]),
        ("levels = 3", "lower = -0.25, upper = 0.75", [-0.25, 0.25]),
        ("levels = 6", "lower = -0.3, upper = 0.7", [-0.1, 0.1]),
    ] {
        let specification = stepped(levels, bounds);
        let devices = draw(&specification, 1);
        // Four standard deviations of a fair coin.
        assert!(raised(&devices, states).abs_diff(NUMBER / 2) < 200, "{levels}: {}", raised(&devices, states));
        for row in devices.states().chunks(100) {
            let above = row.iter().filter(|state| **state > 0.0).count();
            assert!((25..=75).contains(&above), "{levels}: {above} of a row");
        }
        assert_eq!(devices, draw(&specification, 1));
        assert_ne!(devices.states(), draw(&specification, 2).states());
    }
}

#[test]
fn devices_do_not_depend_on_the_side_they_begin_on() {
    let bounds = "lower = -1.0, upper = 1.0";
    let continuous = draw(&stepped("", bounds), 1);
    assert!(continuous.states().iter().all(|&state| state == 0.0));
    for levels in [4, 5] {
        let devices = draw(&stepped(&format!("levels = {levels}"), bounds), 1);
        assert_eq!((&devices.parts.up, &devices.parts.down), (&continuous.parts.up, &continuous.parts.down));
        assert_eq!(devices.states().iter().all(|&state| state == 0.0), levels == 5);
    }
    // Bounds that differ from device to device leave one level nearest.
    let spread = "lower = -1.0, upper = 1.0, lower_spread = 0.1, upper_spread = 0.1";
    let devices = draw(&stepped("levels = 4", spread), 1);
    for (device, &state) in devices.states().iter().enumerate() {
        assert_eq!(state, devices.parts.held(device, 0.0));
    }
}

#[test]
fn states_halfway_between_levels_go_up_and_down_in_turn() {
    let mut devices = draw(&stepped("levels = 4", "lower = -1.0, upper = 1.0"), 1);
    for (wanted, below, above) in [(0.0, -1.0f32 / 3.0, 1.0f32 / 3.0), (2.0 / 3.0, 1.0 / 3.0, 1.0)] {
        devices.set_states(&[wanted; NUMBER], 0).unwrap();
        for (index, &state) in devices.states().iter().enumerate() {
            let expected = if (index / 100 + index % 100) % 2 == 0 { above } else { below };
            assert!((state - expected).abs() < 1e-6, "{index}: {state}, {expected}");
        }
    }
    let near: Vec<f32> = (0..NUMBER).map(|index| if index % 2 == 0 { 1e-4 } else { -1e-4 }).collect();
    devices.set_states(&near, 1).unwrap();
    assert!(devices.states().iter().zip(&near).all(|(state, near)| state * near > 0.0), "the nearer level holds");
    let held = devices.states().to_vec();
    devices.set_states(&held, 2).unwrap();
    assert_eq!(devices.states(), held, "a level stays what it is");
}

/// Notches that a pulse passes.
fn notches(levels: u32, temperature: f64) -> f64 {
    let mut specification = preset("domain-wall");
    let Model::DomainWall(wall) = &mut specification.model else { panic!() };
    wall.temperature_k = temperature;
    let changed = specification.with_levels(levels).unwrap();
    let figures = changed.figures();
    let Model::DomainWall(wall) = &changed.model else { panic!() };
    let notch = wall.length_nm / f64::from(levels - 1);
    let passed = figures.step_levels.unwrap();
    assert!((wall.moves_nm()[0] / notch - passed).abs() < 1e-9 && (passed - passed.round()).abs() < 1e-9);
    let spread = wall.position_spread_nm * (temperature / 300.0).sqrt();
    assert!(passed.round() == 1.0 || wall.moves_nm()[0] >= 2.0 * spread - 1e-6);
    assert!(passed.round() == 1.0 || wall.moves_nm()[0] - notch < 2.0 * spread);
    // 16 nm in 1 ns.
    assert!((wall.moves_nm()[0] / 16.0 / wall.pulse_ns - 1.0).abs() < 1e-9);
    passed.round()
}

#[test]
fn pulses_of_a_wall_are_longer_than_what_heat_moves_it() {
    let found = [2, 4, 64, 127, 128, 256, 512, 1024].map(|levels| notches(levels, 300.0));
    assert_eq!(found, [1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 5.0, 9.0]);
    assert_eq!([notches(1024, 0.0), notches(1024, 75.0), notches(1024, 1200.0)], [1.0, 5.0, 17.0]);
    assert_eq!(preset("ideal").with_levels(101).unwrap().figures().step_levels, Some(1.0));
    assert_eq!(preset("ideal").figures().step_levels, None);
    let mut narrow = preset("domain-wall");
    let Model::DomainWall(wall) = &mut narrow.model else { panic!() };
    wall.position_spread_nm = wall.length_nm;
    assert!((narrow.with_levels(9).unwrap().figures().step_levels.unwrap() - 8.0).abs() < 1e-9);
}

#[test]
fn close_notches_take_nothing_from_the_mean_of_pulses() {
    let mut specification = preset("domain-wall").with_levels(1024).unwrap();
    specification.step.device_spread = 0.0;
    let mut devices = draw(&specification, 1);
    let before = devices.states().to_vec();
    devices.apply(&[1; NUMBER], 0).unwrap();
    let notch = 2.0 / 1023.0;
    let moved: Vec<f64> =
        devices.states().iter().zip(&before).map(|(after, before)| f64::from(after - before) / notch).collect();
    let mean = moved.iter().sum::<f64>() / NUMBER as f64;
    // 4 nm are 4.06 notches, to which rounding adds a twelfth of the variance of one.
    assert!((mean - 9.0).abs() < 5.0 * 4.07 / 100.0, "{mean}");
    // 9 notches are 2.22 spreads; from half a notch on a wall is forward: 1 - Phi(-2.09) = 98.2 %.
    let forward = moved.iter().filter(|moved| **moved > 0.5).count() as f64 / NUMBER as f64;
    assert!((forward - 0.9818).abs() < 5.0 * (0.9818f64 * 0.0182 / NUMBER as f64).sqrt(), "{forward}");
}
