//! Results depend on seed, place and stamp alone.

use super::preset;
use crate::learning::device::{Devices, PRESETS, PulseTrains};

fn numbers(count: usize, factor: f32) -> Vec<f32> {
    (0..count).map(|index| (index as f32 * factor).sin()).collect()
}

#[test]
fn a_batch_equals_its_samples_one_after_another() {
    for named in PRESETS {
        let mut together = Devices::draw(&preset(named.name), 7, 5, 3, 0).unwrap();
        let mut apart = together.clone();
        let (inputs, errors) = (numbers(28, 0.7), numbers(20, 0.3));
        let trains = PulseTrains { length: 63, ..PulseTrains::new(0.2) };
        together.stochastic_batch(&inputs, &errors, trains, 10).unwrap();
        for sample in 0..4 {
            let (inputs, errors) = (&inputs[7 * sample..][..7], &errors[5 * sample..][..5]);
            apart.stochastic_update(inputs, errors, trains, 10 + sample as u64).unwrap();
        }
        assert_eq!(together, apart, "{}", named.name);
        assert!(together.statistics().pulses_up > 0, "{}", named.name);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for named in PRESETS {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut devices = Devices::draw(&preset(named.name), 40, 30, 3, 2).unwrap();
                let trains = PulseTrains::new(0.1);
                devices.stochastic_batch(&numbers(400, 0.7), &numbers(300, 0.3), trains, 0).unwrap();
                let pulses: Vec<i16> = (0..1200).map(|index| (index % 7) - 3).collect();
                devices.apply(&pulses, 50).unwrap();
                devices
            })
        };
        assert_eq!(run(1), run(2), "{}", named.name);
    }
}

#[test]
fn seed_place_and_stamp_each_matter() {
    let draw = |seed, place| Devices::draw(&preset("gokmen-vlasov"), 4, 4, seed, place).unwrap();
    assert_eq!(draw(1, 0), draw(1, 0));
    assert_ne!(draw(1, 0).parts.up, draw(2, 0).parts.up);
    assert_ne!(draw(1, 0).parts.up, draw(1, 1).parts.up);
    let pulsed = |stamp| {
        let mut devices = draw(1, 0);
        devices.apply(&[1; 16], stamp).unwrap();
        devices.state
    };
    assert_eq!(pulsed(4), pulsed(4));
    assert_ne!(pulsed(4), pulsed(5));
}
