//! Noise of reads in spiking networks.

use kernels::Counts;
use spikegrad::{Group, Position, Substrate, Trainer};

use super::{array, device, finish, ideal, noise, settings, start, substrate, trainer};
use crate::hardware::Spread;
use crate::learning::array::{ArraySettings, ReadSettings, UpdateRule};
use crate::learning::substrate::{LearningSubstrate, Placement};
use crate::training::tests::{Digits, resources};

fn noisy_reads() -> ArraySettings {
    ArraySettings { read: noise(), ..array(UpdateRule::Accumulated {}) }
}

/// Currents of the last projection for some examples, in units of 1/256 of a grid unit.
fn currents(substrate: &LearningSubstrate, counts: &[u8], examples: usize) -> Vec<i64> {
    let projection = start().projections().len() - 1;
    let mut totals = vec![0; 10 * examples];
    let group = Group { counts: Counts::Unsigned(counts), examples, samples: None };
    substrate.add_currents(projection, &group, &mut totals, &mut substrate.scratch()).unwrap();
    totals
}

#[test]
fn noise_follows_from_update_and_counts_but_not_from_the_group() {
    let mut chip = substrate(&ideal(), &noisy_reads(), &Placement::default());
    let at = |epoch, batch| Position { epoch, batch, ..Position::default() };
    chip.refresh(&start(), &at(0, 0)).unwrap();
    let counts: Vec<u8> = (0..36).map(|index| (index * 7 % 5) as u8).collect();
    let together = currents(&chip, &counts, 3);
    let apart: Vec<i64> = counts.chunks(12).flat_map(|counts| currents(&chip, counts, 1)).collect();
    assert_eq!(together, apart);
    for position in [at(0, 1), at(1, 0)] {
        chip.refresh(&start(), &position).unwrap();
        let later = currents(&chip, &counts, 3);
        assert!(later.iter().zip(&together).all(|(later, before)| later != before), "{position:?}");
    }
}

#[test]
fn noise_has_the_spread_asked_for() {
    let array = |read| ArraySettings { read, ..array(UpdateRule::Accumulated {}) };
    let exact = substrate(&ideal(), &array(ReadSettings::default()), &Placement::default());
    let sigma = Some(Spread::Absolute { sigma: 0.02 });
    let read = ReadSettings { noise: sigma, ..ReadSettings::default() };
    let mut chip = substrate(&ideal(), &array(read), &Placement::default());
    let mut exact = exact;
    exact.refresh(&start(), &Position::default()).unwrap();
    let counts = vec![3u8; 12];
    let without = currents(&exact, &counts, 1);
    let mut squares = 0.0;
    for batch in 0..400 {
        chip.refresh(&start(), &Position { batch, ..Position::default() }).unwrap();
        for (with, without) in currents(&chip, &counts, 1).iter().zip(&without) {
            squares += ((*with as f64) / 256.0 - *without as f64).powi(2);
        }
    }
    // A device in state 1 stands for 128 grid units.
    let deviation = (squares / 4000.0f64).sqrt() / 128.0;
    assert!((deviation / 0.02 - 1.0).abs() < 0.06, "{deviation}");
}

#[test]
fn noise_of_zero_changes_nothing() {
    let read = ReadSettings { noise: Some(Spread::Absolute { sigma: 0.0 }), ..ReadSettings::default() };
    let silent = ArraySettings { read, ..array(UpdateRule::Accumulated {}) };
    let exact = finish(trainer(&ideal(), &array(UpdateRule::Accumulated {}), &Placement::default(), 1));
    let found = finish(trainer(&ideal(), &silent, &Placement::default(), 1));
    assert!(exact.0 == found.0 && exact.1 == found.1);
    let noisy = finish(trainer(&ideal(), &noisy_reads(), &Placement::default(), 1));
    assert!(exact.0 != noisy.0);
}

#[test]
fn a_model_is_read_with_the_noise_of_its_chip() {
    let spread = device("model = { family = \"constant-step\" }\nstep = { size = 0.002, device_spread = 0.3 }");
    let mut trainer = trainer(&spread, &noisy_reads(), &Placement::default(), 1);
    let samples = Digits::new(0, 64);
    for _ in 0..3 {
        trainer.step(&samples).unwrap();
    }
    let model = trainer.network().clone();
    let evaluate = |sigma: f64, threads: usize| {
        let read = ReadSettings { noise: Some(Spread::Absolute { sigma }), ..ReadSettings::default() };
        let array = ArraySettings { read, ..noisy_reads() };
        let mut chip =
            LearningSubstrate::new(&model, &spread, &array, &Placement::default(), 9, resources(1).isa).unwrap();
        chip.hold(&model).unwrap();
        let mut held = Trainer::on_substrate(model.clone(), settings(), resources(threads), Box::new(chip)).unwrap();
        assert_eq!(super::bytes(held.network()), super::bytes(&model));
        held.evaluate(&samples).unwrap().score
    };
    let exact = spikegrad::evaluate(&model, &samples, resources(1)).unwrap().score;
    assert_eq!(evaluate(0.0, 1), exact);
    assert_ne!(evaluate(0.3, 1).loss, exact.loss);
    assert_eq!(evaluate(0.3, 1), evaluate(0.3, 2));
    let mut other = substrate(&ideal(), &noisy_reads(), &Placement::default());
    let message = other.hold(&crate::training::tests::network("8x8-5-10")).unwrap_err().to_string();
    assert!(message.contains("weights of 8 bits"), "{message}");
}
