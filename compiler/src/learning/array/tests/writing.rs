//! Real weights into arrays.

use super::{Numbers, array, device, ideal, settings};
use crate::learning::array::{Pairing, UpdateRule, Verification};
use crate::learning::device::DeviceSpecification;

const SHAPE: [usize; 2] = [20, 10];

fn targets() -> Vec<f32> {
    Numbers::new(3).vector(200).iter().map(|value| 1.2 * value).collect()
}

#[test]
fn ideal_writing_gives_the_weights_and_cuts_at_the_bounds() {
    for (pairing, bounds) in [
        (Pairing::Reference, "lower = -1.0, upper = 1.0"),
        (Pairing::Pair, "lower = -1.0, upper = 1.0"),
        (Pairing::Pair, "lower = 0.0, upper = 1.0"),
    ] {
        let device = device("constant-step", &format!("step = {{ size = 0.01 }}\nbounds = {{ {bounds} }}"));
        let mut array = array(&device, &settings(UpdateRule::Accumulated {}, pairing), SHAPE, 1);
        let mut wanted = targets();
        (wanted[0], wanted[1]) = (9.0, -9.0);
        assert_eq!(array.write(&wanted, None).unwrap(), None);
        let held = array.weights();
        assert!(held[2..].iter().zip(&wanted[2..]).all(|(held, wanted)| (held - wanted).abs() < 1e-6), "{bounds}");
        assert_eq!((held[0], held[1]), (array.array().range()[1], array.array().range()[0]));
    }
}

#[test]
fn weights_between_two_levels_lean_neither_way() {
    let device = device("constant-step", "levels = 4\nstep = { size = 0.5 }");
    let write = |pairing: Pairing| {
        let mut array = array(&device, &settings(UpdateRule::Accumulated {}, pairing), SHAPE, 1);
        array.write(&[0.0; 200], None).unwrap();
        array.weights()
    };
    assert_eq!(write(Pairing::Pair), [0.0; 200]);
    let held = write(Pairing::Reference);
    assert!(held.iter().all(|weight| (weight.abs() - 2.0 / 3.0).abs() < 1e-6), "a third of the gain of 2");
    let sums = held.chunks(10).map(|row| row.iter().sum::<f32>());
    let columns = (0..10).map(|column| held[column..].iter().step_by(10).sum::<f32>());
    assert!(sums.chain(columns).all(|sum| sum.abs() < 1e-5));
}

fn spread(rest: &str) -> DeviceSpecification {
    let step = "step = { size = 0.01, device_spread = 0.2, cycle_spread = 0.3, asymmetry_spread = 0.1 }";
    device("constant-step", &format!("{step}\n{rest}"))
}

#[test]
fn verification_ends_within_the_tolerance() {
    for pairing in [Pairing::Reference, Pairing::Pair] {
        let mut array = array(&spread(""), &settings(UpdateRule::Accumulated {}, pairing), SHAPE, 1);
        let written =
            array.write(&targets(), Some(Verification { turns: 200, tolerance_steps: 1.0 })).unwrap().unwrap();
        assert!(written.off == 0 && (1..200).contains(&written.turns), "{written:?}");
        let tolerance = array.array().step();
        let deviations: Vec<f32> = array.weights().iter().zip(targets()).map(|(held, wanted)| held - wanted).collect();
        assert!(deviations.iter().all(|deviation| deviation.abs() <= tolerance));
        let square = deviations.iter().map(|deviation| f64::from(*deviation).powi(2)).sum::<f64>() / 200.0;
        assert!((square.sqrt() - written.deviation).abs() < 1e-6 && written.deviation > 0.0, "{written:?}");
    }
}

#[test]
fn stuck_devices_are_reported() {
    let device = spread("stuck = { share = 0.2, lower = 0.9, upper = 0.9 }");
    let mut array = array(&device, &settings(UpdateRule::Accumulated {}, Pairing::Reference), SHAPE, 1);
    let stuck = array.weights().iter().filter(|weight| (*weight - 1.8).abs() < 1e-6).count() as u64;
    let written = array.write(&targets(), Some(Verification { turns: 200, tolerance_steps: 1.0 })).unwrap().unwrap();
    assert!((20..=60).contains(&stuck), "{stuck}");
    assert_eq!((written.off, written.turns), (stuck, 200));
    assert_eq!(array.statistics()[0].stuck, stuck);
}

#[test]
fn bad_weights_and_options_are_refused() {
    let mut array = array(&ideal(0.01), &settings(UpdateRule::Accumulated {}, Pairing::Reference), SHAPE, 1);
    let mut refused = |weights: &[f32], turns: u32, tolerance_steps: f64| {
        array.write(weights, Some(Verification { turns, tolerance_steps })).unwrap_err().to_string()
    };
    assert!(refused(&[0.0; 199], 1, 0.5).contains("199"));
    assert!(refused(&[f32::NAN; 200], 1, 0.5).contains("finite"));
    assert!(refused(&[0.0; 200], 1, f64::NAN).contains("verification.tolerance_steps"));
    assert!(refused(&[0.0; 200], u32::MAX, 0.5).contains("verification.turns"));
}
