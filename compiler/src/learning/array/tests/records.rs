//! Arrays that were saved and go on.

use super::{Numbers, RULES, array, noisy, settings};
use crate::error::CompilerError;
use crate::learning::array::{ArraySettings, LearningArray, Pairing, TikiTakaSettings, UpdateRule};
use crate::learning::record::Record;

const SHAPE: [usize; 2] = [5, 3];

fn learn(array: &mut LearningArray, numbers: &mut Numbers, updates: usize) {
    for _ in 0..updates {
        array.learn(&numbers.vector(5), &numbers.vector(3), 0.1).unwrap();
        array.relax(1.0).unwrap();
    }
}

fn all_settings() -> Vec<ArraySettings> {
    let tiki_taka = |buffered| TikiTakaSettings {
        transfer_every: 2,
        fast_share: 0.5,
        calibration_pulses: 20,
        buffered,
        ..TikiTakaSettings::default()
    };
    let mut all = Vec::new();
    for rule in RULES {
        for pairing in [Pairing::Reference, Pairing::Pair] {
            for tiki_taka in [None, Some(tiki_taka(true)), Some(tiki_taka(false))] {
                all.push(ArraySettings { tiki_taka, ..settings(rule, pairing) });
            }
        }
    }
    all
}

#[test]
fn a_restored_array_goes_on_as_if_nothing_had_happened() {
    for settings in all_settings() {
        let (mut whole, mut numbers) = (array(&noisy(), &settings, SHAPE, 1), Numbers::new(1));
        learn(&mut whole, &mut numbers, 31);
        let mut record = whole.record("layer");
        let mut second = array(&noisy(), &settings, SHAPE, 1);
        assert_ne!(second.record("layer"), record);
        second.restore("layer", &mut record).unwrap();
        assert!(record.is_empty(), "{:?}", record.keys());
        let mut same = Numbers::new(1);
        for _ in 0..31 * 8 {
            same.next();
        }
        learn(&mut whole, &mut numbers, 30);
        learn(&mut second, &mut same, 30);
        assert_eq!(whole.weights(), second.weights(), "{settings:?}");
        assert_eq!(whole.record("layer"), second.record("layer"), "{settings:?}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let tiki_taka = Some(TikiTakaSettings { calibration_pulses: 0, ..TikiTakaSettings::default() });
    let settings = ArraySettings { tiki_taka, ..settings(UpdateRule::Accumulated {}, Pairing::Reference) };
    let fresh = || array(&noisy(), &settings, SHAPE, 1);
    let record = fresh().record("layer");
    assert!(record.len() > 7, "{:?}", record.keys());
    let refused = |mut record: Record| match fresh().restore("layer", &mut record) {
        Err(CompilerError::Record { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    for name in record.keys().filter(|name| !record[*name].is_empty()) {
        let mut missing = record.clone();
        missing.remove(name);
        assert_eq!(&refused(missing), name);
        let mut short = record.clone();
        short.entry(name.clone()).and_modify(|values| values.truncate(values.len() - 1));
        assert_eq!(&refused(short), name);
        let mut infinite = record.clone();
        infinite.entry(name.clone()).and_modify(|values| values[0] = f32::INFINITY);
        assert_eq!(&refused(infinite), name);
    }
    let mut outside = record.clone();
    outside.entry("layer.devices0.state".to_owned()).and_modify(|values| values[4] = 3.0);
    assert_eq!(refused(outside), "layer.devices0.state");
}
