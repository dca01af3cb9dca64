//! Whole runs: threads, checkpoints, projections that stay digital.

use spikegrad::{SpikegradError, Substrate, Trainer};

use super::{array, bytes, finish, ideal, noise, noisy, settings, start, substrate, trainer};
use crate::hardware::Spread;
use crate::learning::array::tests::RULES;
use crate::learning::array::{
    ArraySettings, ErrorReadSettings, InputConverter, OutputConverter, Pairing, TikiTakaSettings, UpdateRule, Wires,
};
use crate::learning::substrate::{LearningSubstrate, Placement};
use crate::training::tests::{Digits, resources};

/// Every rule with noise, wires, offsets and converters; with a second array every other time.
fn everything() -> impl Iterator<Item = ArraySettings> {
    let tiki_taka = TikiTakaSettings { transfer_rows: 5, calibration_pulses: 20, ..TikiTakaSettings::default() };
    let wires = Wires { wire_resistance_ohm: 2.0, driver_resistance_ohm: 0.0, sense_resistance_ohm: 0.0 };
    let mut read = noise();
    read.wires = Some(wires);
    read.input_converter = Some(InputConverter { bits: 5, range: None });
    read.output_converter = Some(OutputConverter { bits: 9, range: 40.0 });
    read.error = Some(ErrorReadSettings {
        noise: Some(Spread::Absolute { sigma: 0.01 }),
        sense_offset: Some(0.01),
        input_converter: Some(InputConverter { bits: 6, range: None }),
        output_converter: Some(OutputConverter { bits: 8, range: 60.0 }),
    });
    RULES.into_iter().enumerate().map(move |(index, rule)| ArraySettings {
        rule,
        read: read.clone(),
        tiki_taka: (index % 2 == 0).then_some(tiki_taka),
        pairing: if index < 2 { Pairing::Reference } else { Pairing::Pair },
        ..ArraySettings::default()
    })
}

#[test]
fn threads_change_nothing() {
    for array in everything() {
        let one = finish(trainer(&noisy(), &array, &Placement::default(), 1));
        let two = finish(trainer(&noisy(), &array, &Placement::default(), 2));
        assert!(one == two, "{array:?}");
    }
}

#[test]
fn resuming_equals_an_uninterrupted_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    for array in everything() {
        let whole = finish(trainer(&noisy(), &array, &Placement::default(), 1));
        for updates in [0, 3] {
            let mut first = trainer(&noisy(), &array, &Placement::default(), 1);
            for _ in 0..updates {
                first.step(&Digits::new(0, 80)).unwrap();
            }
            first.save(&path).unwrap();
            let again = Box::new(substrate(&noisy(), &array, &Placement::default()));
            let second = Trainer::resume_on_substrate(start(), settings(), resources(2), again, &path).unwrap();
            let second = finish(second);
            assert!(whole.0 == second.0 && whole.2 == second.2, "{updates} {array:?}");
            assert_eq!(whole.1, second.1);
        }
    }
}

#[test]
fn a_checkpoint_of_other_devices_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let plain = array(UpdateRule::Accumulated {});
    trainer(&noisy(), &plain, &Placement::default(), 1).save(&path).unwrap();
    for (device, array) in [(ideal(), plain.clone()), (noisy(), ArraySettings { gain: 0.5, ..plain })] {
        let other = Box::new(substrate(&device, &array, &Placement::default()));
        let refused = Trainer::resume_on_substrate(start(), settings(), resources(1), other, &path).unwrap_err();
        assert!(matches!(&refused, SpikegradError::Checkpoint { field, .. } if field == "substrate"), "{refused}");
    }
}

#[test]
fn projections_that_are_not_on_the_chip_learn_digitally() {
    let last = start().projections().last().unwrap().name.clone();
    let placement = Placement { projections: vec![last.clone()], verification: None };
    let chip = substrate(&noisy(), &array(UpdateRule::Rounded {}), &placement);
    assert_eq!(chip.arrays().map(|(index, _)| index).collect::<Vec<_>>(), [start().projections().len() - 1]);
    let mut on_chip = Trainer::on_substrate(start(), settings(), resources(1), Box::new(chip)).unwrap();
    let mut plain = Trainer::from_network(start(), settings(), resources(1)).unwrap();
    let samples = Digits::new(0, 16);
    on_chip.step(&samples).unwrap();
    plain.step(&samples).unwrap();
    let figures = on_chip.substrate().unwrap().figures();
    assert!(figures.iter().all(|(name, _)| name.starts_with(&last)), "{figures:?}");
    assert_ne!(bytes(on_chip.network()), bytes(plain.network()));
    let moved = |trainer: &Trainer, index: usize| {
        trainer.network().projections()[index].weights != super::start().projections()[index].weights
    };
    let start = start();
    let trained = start.projections().iter().enumerate().filter(|(_, one)| one.weights.is_some());
    for index in trained.map(|(index, _)| index) {
        assert!(moved(&on_chip, index) && moved(&plain, index), "{index}");
    }
}

#[test]
fn names_that_records_would_confuse_are_refused() {
    let names = |first: &str, second: &str| {
        let text = format!(
            "[[population]]\nname = \"in\"\nshape = [4]\nneuron = \"input\"\n\
             [[population]]\nname = \"hidden\"\nshape = [3]\nneuron = \"relu\"\n\
             [[population]]\nname = \"out\"\nshape = [2]\nneuron = \"readout\"\n\
             [[projection]]\nname = \"{first}\"\nfrom = \"in\"\nto = \"hidden\"\nkind = \"dense\"\n\
             [[projection]]\nname = \"{second}\"\nfrom = \"hidden\"\nto = \"out\"\nkind = \"dense\"\n"
        );
        let network = snn::Network::build(&snn::NetworkDescription::from_toml(&text).unwrap()).unwrap();
        let (array, placement) = (array(UpdateRule::Accumulated {}), Placement::default());
        LearningSubstrate::new(&network, &noisy(), &array, &placement, 1, resources(1).isa)
    };
    for (first, second) in [("a", "a.fast"), ("a.fast", "a"), ("a", "a.devices0")] {
        let message = names(first, second).unwrap_err().to_string();
        assert!(message.contains(first) && message.contains(second) && message.contains("another name"), "{message}");
    }
    // Names of which no record of one is a record of the other.
    let chip = names("a.b", "a.bc").unwrap();
    let state: Vec<String> = chip.state().into_iter().map(|(name, _)| name).collect();
    let distinct: std::collections::BTreeSet<&String> = state.iter().collect();
    assert_eq!(distinct.len(), state.len());
}

#[test]
fn every_rule_learns() {
    let device = super::device("model = { family = \"constant-step\" }\nstep = { size = 0.002 }");
    for rule in RULES {
        let mut trainer = trainer(&device, &array(rule), &Placement::default(), 2);
        let samples = Digits::new(0, 320);
        let mut losses = Vec::new();
        for _ in 0..20 {
            losses.push(trainer.step(&samples).unwrap().loss);
        }
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        // Trains go without momentum.
        let share = if matches!(rule, UpdateRule::Trains { .. }) { 0.85 } else { 0.7 };
        assert!(mean(&losses[15..]) < share * mean(&losses[..3]), "{rule:?}: {losses:?}");
    }
}
