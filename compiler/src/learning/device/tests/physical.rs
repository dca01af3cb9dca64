//! Transistors, domain walls and pairs.

use super::{mean_and_spread, one, preset};
use crate::learning::device::{DeviceSpecification, Devices, Elapsed, Model, Mosfet};

/// The preset without spreads of devices and pulses.
fn nominal_mosfet() -> (DeviceSpecification, Mosfet) {
    let mut specification = preset("mosfet");
    specification.step.cycle_spread = 0.0;
    specification.step.device_spread = 0.0;
    let Model::Mosfet(mosfet) = &mut specification.model else { panic!() };
    (mosfet.threshold_spread_v, mosfet.beta_spread) = (0.0, 0.0);
    let mosfet = mosfet.clone();
    (specification, mosfet)
}

#[test]
fn a_pulse_moves_the_gate_by_its_charge() {
    let (specification, mosfet) = nominal_mosfet();
    let figures = specification.figures();
    assert!((mosfet.pulse_v() - 1.2e-3).abs() < 1e-12 && (figures.steps_between_bounds - 1000.0).abs() < 1e-6);
    let mut devices = one(&specification);
    let before = devices.conductances_s().unwrap()[0];
    devices.apply(&[100], 0).unwrap();
    let gained = devices.conductances_s().unwrap()[0] - before;
    assert!((gained / (200e-6 * 100.0 * 1.2e-3) - 1.0).abs() < 1e-4, "{gained}");
    assert!((devices.weights()[0] - 100.0 * 0.002).abs() < 1e-5);
    assert!((mosfet.current_a(1.2, 0.05) - 200e-6 * (0.8 * 0.05 - 0.05 * 0.05 / 2.0)).abs() < 1e-15);
}

#[test]
fn a_gate_leaks_to_its_lowest_voltage() {
    let (specification, _) = nominal_mosfet();
    let mut devices = one(&specification);
    devices.relax(Elapsed { updates: 0.0, seconds: 1.0 }, 0).unwrap();
    // 1 fA from 10 fF: 0.1 V in a second, of a half span of 0.6 V.
    assert!((devices.states()[0] + 0.1 / 0.6).abs() < 1e-6);
    devices.relax(Elapsed { updates: 0.0, seconds: 1e6 }, 1).unwrap();
    assert_eq!(devices.states()[0], -1.0);
}

#[test]
fn transistors_differ_in_gain_and_offset() {
    let mut specification = preset("mosfet");
    let Model::Mosfet(mosfet) = &mut specification.model else { panic!() };
    (mosfet.threshold_spread_v, mosfet.beta_spread) = (0.03, 0.0);
    let devices = Devices::draw(&specification, 100, 100, 1, 0).unwrap();
    let weights: Vec<f64> = devices.weights().iter().map(|&weight| f64::from(weight)).collect();
    let (mean, spread) = mean_and_spread(&weights);
    let expected = 0.03 / 0.6;
    assert!(mean.abs() < 5.0 * expected / 100.0, "{mean}");
    assert!((spread - expected).abs() < 5.0 * expected / (2f64.sqrt() * 100.0), "{spread}");
    let Model::Mosfet(mosfet) = &mut specification.model else { panic!() };
    (mosfet.threshold_spread_v, mosfet.beta_spread) = (0.0, 0.05);
    let devices = Devices::draw(&specification, 100, 100, 1, 0).unwrap();
    let gains: Vec<f64> = devices.parts.gain.iter().map(|&gain| f64::from(gain)).collect();
    let (mean, spread) = mean_and_spread(&gains);
    assert!((mean - 1.0).abs() < 0.0025 && (spread - 0.05).abs() < 0.002, "{mean} {spread}");
    // Conductances are those of the weights around the nominal reference.
    let conductances = devices.conductances_s().unwrap();
    let expected = 200e-6 * gains[7] * (1.2 - 0.4);
    assert!((conductances[7] / expected - 1.0).abs() < 1e-5, "{} {expected}", conductances[7]);
}

#[test]
fn a_wall_stops_at_notches() {
    let mut specification = preset("domain-wall");
    specification.step.device_spread = 0.0;
    let Model::DomainWall(wall) = &mut specification.model else { panic!() };
    wall.position_spread_nm = 0.0;
    assert_eq!(wall.moves_nm(), [16.0, 16.0]);
    assert!((wall.write_j() / 5.04e-16 - 1.0).abs() < 1e-9);
    let mut devices = one(&specification);
    for (stamp, notch) in (32i32..=63).enumerate() {
        let state = f64::from(devices.states()[0]);
        let place = (state + 1.0) / 2.0 * 63.0;
        assert!((place - f64::from(notch)).abs() < 1e-4 || (place - f64::from(notch - 1)).abs() < 1e-4, "{place}");
        devices.apply(&[1], stamp as u64).unwrap();
    }
    devices.apply(&[3], 100).unwrap();
    assert_eq!(devices.states()[0], 1.0);
    assert!((devices.conductances_s().unwrap()[0] - 100e-6).abs() < 1e-12);
    devices.apply(&[-63], 101).unwrap();
    assert!((devices.states()[0] + 1.0).abs() < 1e-5);
}

#[test]
fn heat_makes_walls_miss_their_notches() {
    let missed = |temperature: f64| {
        let mut specification = preset("domain-wall");
        specification.step.device_spread = 0.0;
        let Model::DomainWall(wall) = &mut specification.model else { panic!() };
        wall.temperature_k = temperature;
        let mut devices = Devices::draw(&specification, 100, 100, 1, 0).unwrap();
        let before = devices.states().to_vec();
        devices.apply(&[1; 10_000], 0).unwrap();
        let moved = devices.states().iter().zip(&before).map(|(after, before)| after - before);
        moved.filter(|moved| (moved - 2.0 / 63.0).abs() > 1e-4).count() as f64 / 1e4
    };
    // Half a notch is 2 standard deviations at 300 K: 4.55 % lie beyond.
    assert!((missed(300.0) - 0.0455).abs() < 5.0 * (0.0455f64 * 0.9545 / 1e4).sqrt(), "{}", missed(300.0));
    assert_eq!(missed(0.0), 0.0);
    assert!(missed(400.0) > 0.07);
}

#[test]
fn a_pair_weighs_its_difference_and_is_refreshed() {
    let mut specification = preset("pcm");
    specification.step.cycle_spread = 0.0;
    let mut devices = one(&specification);
    devices.apply(&[20], 0).unwrap();
    assert!(devices.weights()[0] > 0.1 && devices.states()[1] == 0.0);
    devices.apply(&[-10], 1).unwrap();
    assert!(
        devices.states()[1] > 0.0 && (devices.weights()[0] - devices.states()[0] + devices.states()[1]).abs() < 1e-6
    );
    let mut highest = 0f32;
    for stamp in 2..400 {
        devices.apply(&[if stamp % 2 == 0 { 8 } else { -8 }], stamp).unwrap();
        highest = highest.max(devices.states()[0].min(devices.states()[1]));
    }
    assert!(highest < 1.6, "pairs were not refreshed: {highest}");
    devices.set_states(&[-0.5], 1000).unwrap();
    assert_eq!((devices.states(), devices.weights()), (&[0.0, 0.5][..], &[-0.5][..]));
}
