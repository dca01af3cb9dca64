//! Ideal devices of one grid unit a step are the integer network.

use spikegrad::{Substrate, Trainer};

use super::{TOPOLOGY, array, bytes, device, ideal, settings, start, substrate};
use crate::learning::array::{ArraySettings, Pairing, UpdateRule, Verification};
use crate::learning::substrate::{LearningSubstrate, Placement};
use crate::training::tests::{Digits, network, resources};

/// Models after each of eight updates.
fn updates(mut trainer: Trainer) -> Vec<Vec<u8>> {
    let samples = Digits::new(0, 128);
    let update = |_| {
        trainer.step(&samples).unwrap();
        bytes(trainer.network())
    };
    (0..8).map(update).collect()
}

#[test]
fn accumulated_updates_equal_the_integer_trainer_bit_for_bit() {
    // A large rate drives weights beyond the largest mantissa and back.
    for learning_rate in [0.05, 3.0] {
        let settings = spikegrad::TrainingSettings { learning_rate, ..settings() };
        let plain = updates(Trainer::from_network(start(), settings.clone(), resources(1)).unwrap());
        assert!(plain.windows(2).all(|pair| pair[0] != pair[1]), "training moves");
        for names in [vec![], vec!["readout".to_owned()]] {
            let placement = Placement { projections: names, verification: None };
            let substrate = substrate(&ideal(), &array(UpdateRule::Accumulated {}), &placement);
            let on_chip = Trainer::on_substrate(start(), settings.clone(), resources(1), Box::new(substrate)).unwrap();
            assert!(plain == updates(on_chip), "rate {learning_rate}, {placement:?}");
        }
    }
}

#[test]
fn initial_weights_are_written() {
    let weights = |verification| {
        let placement = Placement { verification, ..Placement::default() };
        let spread = device("model = { family = \"constant-step\" }\nstep = { size = 0.0078125, device_spread = 0.1 }");
        let substrate = substrate(&spread, &array(UpdateRule::Accumulated {}), &placement);
        let mut off = 0;
        for (index, projection) in start().projections().iter().enumerate() {
            if let Some(snn::Weights::I8(wanted)) = &projection.weights {
                let mut held = vec![0; wanted.len()];
                substrate.constrain(index, &mut held);
                off = off.max(wanted.iter().zip(&held).map(|(a, b)| a.abs_diff(*b)).max().unwrap());
            }
        }
        let pulses = substrate.figures().iter().find(|(name, _)| name.ends_with(".pulses")).unwrap().1;
        (off, pulses > 0.0)
    };
    assert_eq!(weights(None), (0, false));
    let (off, has_pulses) = weights(Some(Verification::default()));
    assert!(off <= 1 && has_pulses, "{off}");
}

#[test]
fn what_cannot_be_on_the_chip_is_refused() {
    let refused = |device: &_, array: &ArraySettings, placement: &Placement| {
        LearningSubstrate::new(&network(TOPOLOGY), device, array, placement, 1, resources(1).isa)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let placed = |name: &str| Placement { projections: vec![name.to_owned()], verification: None };
    let plain = array(UpdateRule::Accumulated {});
    let message = refused(&ideal(), &plain, &placed("nothing"));
    assert!(message.contains("'nothing'") && message.contains("none of this name"), "{message}");
    let pooling = network(TOPOLOGY).projections().iter().find(|one| one.weights.is_none()).unwrap().name.clone();
    let message = refused(&ideal(), &plain, &placed(&pooling));
    assert!(message.contains(&pooling) && message.contains("fixed"), "{message}");
    let message = refused(&ideal(), &ArraySettings { gain: f64::NAN, ..plain.clone() }, &Placement::default());
    assert!(message.contains("gain"), "{message}");
    let endless = Placement {
        verification: Some(Verification { turns: u32::MAX, ..Verification::default() }),
        ..Placement::default()
    };
    assert!(refused(&ideal(), &plain, &endless).contains("turns"));
    let pcm = crate::learning::device::DeviceSpecification::preset("pcm").unwrap();
    let message = refused(&pcm, &ArraySettings { pairing: Pairing::Pair, ..plain }, &Placement::default());
    assert!(message.contains("pairing"), "{message}");
}
