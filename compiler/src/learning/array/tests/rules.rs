//! What each rule makes of wanted changes, on ideal devices.

use super::{Numbers, array, device, ideal, settings};
use crate::error::CompilerError;
use crate::learning::array::{ArraySettings, LearningArray, Pairing, SynapseArray, UpdateRule};

const SHAPE: [usize; 2] = [3, 4];
const PAIRINGS: [Pairing; 2] = [Pairing::Reference, Pairing::Pair];

#[test]
fn a_pair_shares_its_pulses_and_the_odd_one_goes_to_the_positive_device() {
    let settings = settings(UpdateRule::Accumulated {}, Pairing::Pair);
    let mut array = SynapseArray::draw(&ideal(0.25), &settings, [1, 6], 1, 0).unwrap();
    array.pulse(&[0, 1, 2, 3, -3, -1], 1).unwrap();
    let states: Vec<Vec<f32>> = array.devices().map(|devices| devices.states().to_vec()).collect();
    assert_eq!(states[0], [0.0, 0.25, 0.25, 0.5, -0.5, -0.25]);
    assert_eq!(states[1], [0.0, 0.0, -0.25, -0.25, 0.25, 0.0]);
    // gain * (w+ - w-)
    assert_eq!(array.weights(), [0.0, 0.5, 1.0, 1.5, -1.5, -0.5]);
    assert_eq!((array.row(0), array.step(), array.range()), (array.weights(), 0.5, [-4.0, 4.0]));
    let statistics = array.statistics();
    assert_eq!((statistics.devices, statistics.pulses_up, statistics.pulses_down), (12, 5, 5));
}

#[test]
fn accumulated_changes_follow_their_sum_for_ever() {
    for pairing in PAIRINGS {
        let mut array = array(&ideal(0.01), &settings(UpdateRule::Accumulated {}, pairing), SHAPE, 1);
        let step = f64::from(array.array().step());
        let mut totals = [0.0f64; 12];
        let (mut numbers, mut compared) = (Numbers::new(5), 0);
        for _ in 0..3000 {
            let wanted: Vec<f32> = totals.map(|total| 0.03 * numbers.next() - 0.01 * total as f32).to_vec();
            array.change(&wanted).unwrap();
            for ((total, wanted), weight) in totals.iter_mut().zip(&wanted).zip(array.weights()) {
                *total += f64::from(*wanted);
                let in_steps = *total / step;
                assert!((f64::from(weight) / step - in_steps).abs() <= 0.5 + 2e-3, "{weight} for {total}");
                // Near a tie the last bits decide.
                if (in_steps - in_steps.floor() - 0.5).abs() > 2e-3 {
                    assert_eq!((f64::from(weight) / step).round(), in_steps.round(), "{total}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 35_000, "{compared}");
        assert!(totals.iter().any(|total| total.abs() > 10.0 * step), "{totals:?}");
    }
}

#[test]
fn rounded_changes_are_right_on_average_and_never_off_by_a_step() {
    let wanted = [0.0031f32, -0.0317, 0.0, 0.0102, -0.004, 0.0449, 0.02, -0.02, 0.0001, 0.0199, -0.0301, 0.5];
    for pairing in PAIRINGS {
        let seeds = 2000;
        let mut sums = [0.0f64; 12];
        for seed in 0..seeds {
            let mut array = array(&ideal(0.01), &settings(UpdateRule::Rounded {}, pairing), SHAPE, seed);
            array.change(&wanted).unwrap();
            for ((sum, weight), wanted) in sums.iter_mut().zip(array.weights()).zip(wanted) {
                assert!((weight - wanted).abs() < 0.02 * 1.0001, "{weight} for {wanted}");
                *sum += f64::from(weight);
            }
        }
        for (sum, wanted) in sums.iter().zip(wanted) {
            let share = f64::from(wanted / 0.02).rem_euclid(1.0);
            let deviation = 0.02 * (share * (1.0 - share) / seeds as f64).sqrt();
            let mean = sum / seeds as f64;
            assert!((mean - f64::from(wanted)).abs() <= 5.0 * deviation + 1e-6, "{mean} for {wanted}");
        }
    }
}

#[test]
fn amplitudes_are_exact_on_ideal_devices() {
    for pairing in PAIRINGS {
        let mut array = array(&ideal(0.01), &settings(UpdateRule::Amplitude {}, pairing), SHAPE, 1);
        let mut numbers = Numbers::new(9);
        let mut totals = [0.0f32; 12];
        for _ in 0..100 {
            let (inputs, errors) = (numbers.vector(3), numbers.vector(4));
            array.learn(&inputs, &errors, 0.03).unwrap();
            for (place, total) in totals.iter_mut().enumerate() {
                *total += 0.03 * inputs[place / 4] * errors[place % 4];
            }
        }
        for (weight, total) in array.weights().iter().zip(totals) {
            assert!((weight - total).abs() < 1e-5, "{weight} {total}");
        }
    }
}

#[test]
fn trains_are_right_on_average() {
    let (inputs, errors) = ([0.8f32, -0.5, 0.1], [1.0f32, -0.3, 0.05, 0.0]);
    for pairing in PAIRINGS {
        let rate = 0.05;
        let (seeds, mut sums) = (4000, [0.0f64; 12]);
        let settings = settings(UpdateRule::Trains { length: 31 }, pairing);
        for seed in 0..seeds {
            let mut array = array(&ideal(0.001), &settings, SHAPE, seed);
            array.learn(&inputs, &errors, rate).unwrap();
            sums.iter_mut().zip(array.weights()).for_each(|(sum, weight)| *sum += f64::from(weight));
        }
        for (place, sum) in sums.iter().enumerate() {
            let expected = f64::from(rate * inputs[place / 4] * errors[place % 4]);
            // Numbers of pulses are no more irregular than Poisson numbers, on each of at most two devices.
            let deviation = 0.002 * (expected.abs() / 0.002 / seeds as f64).sqrt();
            let mean = sum / seeds as f64;
            assert!((mean - expected).abs() <= 5.0 * deviation, "{place}: {mean}, expected {expected}");
        }
    }
}

#[test]
fn arrays_of_one_seed_differ_by_place() {
    let device = device("constant-step", "step = { size = 0.01, device_spread = 0.3 }");
    let draw = |place| LearningArray::draw(&device, &ArraySettings::default(), SHAPE, 1, place).unwrap();
    let moved = |mut array: LearningArray| {
        array.pulse(&[20; 12]).unwrap();
        array.weights()
    };
    assert_eq!(moved(draw(0)), moved(draw(0)));
    assert_ne!(moved(draw(0)), moved(draw(1)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut array = array(&ideal(0.01), &settings(UpdateRule::Amplitude {}, Pairing::Reference), SHAPE, 1);
    assert!(matches!(array.change(&[0.0; 11]), Err(CompilerError::Pulses { .. })));
    let message = array.change(&[f32::NAN; 12]).unwrap_err().to_string();
    assert!(message.contains("finite"), "{message}");
    let bad = [
        (ArraySettings { gain: 0.0, ..ArraySettings::default() }, "gain"),
        (ArraySettings { update_ns: -1.0, ..ArraySettings::default() }, "update_ns"),
        (ArraySettings { rule: UpdateRule::Trains { length: 64 }, ..ArraySettings::default() }, "rule.length"),
    ];
    for (settings, field) in bad {
        let message = LearningArray::draw(&ideal(0.01), &settings, SHAPE, 1, 0).unwrap_err().to_string();
        assert!(message.contains(field), "{message}");
    }
}
