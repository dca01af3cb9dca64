//! Without deviations an array holds exactly the levels that were programmed.

use proptest::prelude::*;

use super::{CHIP, hardware};
use crate::circuit::{AnalogArray, ArrayLevels, CellPlace, EffectiveArray, LevelScale, realise, realise_array};
use crate::hardware::{HardwareSpecification, SignedWeights};

/// On-off ratios from almost 1 to infinite.
fn ratios() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![Just(None), (0.0..12.0f64).prop_map(|power| Some(1.0 + 10f64.powf(power - 5.0)))]
}

fn chip(bits: u32, ratio: Option<f64>, paired: bool) -> HardwareSpecification {
    let mut hardware = hardware(bits);
    hardware.device.off_resistance_ohm = ratio.map(|ratio| hardware.device.on_resistance_ohm * ratio);
    if !paired {
        hardware.weights.signed = SignedWeights::ReferenceColumn;
    }
    hardware
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn contributions_are_the_levels(
        bits in 1u32..=8, ratio in ratios(), paired in any::<bool>(), rows in 1usize..40, columns in 1usize..12,
        words in prop::collection::vec(any::<u8>(), 2 * 40 * 12), on in 1.0..1e7f64,
    ) {
        let mut hardware = chip(bits, ratio, paired);
        hardware.device.on_resistance_ohm = on;
        hardware.device.off_resistance_ohm = ratio.map(|ratio| on * ratio);
        prop_assume!(LevelScale::of(&hardware).is_ok_and(|scale| scale.on_levels() <= 2f64.powi(24)));
        let mask = ((1u32 << bits) - 1) as u8;
        let level = |cell: usize| words[cell] & mask;
        let positive: Vec<u8> = (0..rows * columns).map(level).collect();
        let negative: Vec<u8> = (0..rows * columns).map(|cell| level(480 + cell)).collect();
        let levels = ArrayLevels { rows, columns, positive: positive.clone(), negative: paired.then(|| negative.clone()) };
        let array = AnalogArray::realise(&levels, &hardware, CHIP, 0).unwrap();
        prop_assert!(array.read_noise.is_none() && array.sense_offsets.is_none());
        let mut expected = vec![0i32; columns];
        for row in 0..rows {
            for (column, sum) in expected.iter_mut().enumerate() {
                let cell = row * columns + column;
                let digit = i32::from(positive[cell]) - if paired { i32::from(negative[cell]) } else { 0 };
                prop_assert_eq!(array.effective.contributions[column * rows + row], digit as f32);
                *sum += digit;
            }
        }
        let mut sums = vec![0f32; columns];
        array.partial_sums(&vec![true; rows], &mut sums);
        prop_assert_eq!(sums, expected.iter().map(|&sum| sum as f32).collect::<Vec<_>>());
    }

    #[test]
    fn settable_levels_are_the_nearest(bits in 1u32..=8, number in 2u32..300, ratio in ratios()) {
        let mut hardware = chip(bits, ratio, true);
        prop_assume!(LevelScale::of(&hardware).is_ok());
        hardware.non_idealities.conductance_levels = Some(number);
        let scale = LevelScale::of(&hardware).unwrap();
        let levels: Vec<u8> = (0..=scale.top as u8).collect();
        let found = realise(&levels, 1, levels.len(), &hardware, CHIP, CellPlace::positive(0)).unwrap();
        let settable: Vec<f64> = (0..number)
            .map(|step| scale.off + (scale.on - scale.off) * f64::from(step) / f64::from(number - 1))
            .collect();
        for (&level, &value) in levels.iter().zip(&found.siemens) {
            prop_assert!(settable.contains(&value));
            let wanted = hardware.device.conductance(level.into(), bits);
            let nearest = settable.iter().map(|step| (step - wanted).abs()).fold(f64::INFINITY, f64::min);
            prop_assert!((value - wanted).abs() <= nearest + 1e-12 * scale.on);
        }
        prop_assert_eq!(found.siemens[0], scale.off);
        prop_assert!((found.siemens[levels.len() - 1] / scale.on - 1.0).abs() < 1e-15);
    }
}

#[test]
fn enough_settable_levels_change_nothing() {
    let mut hardware = hardware(2);
    let levels = [0, 1, 2, 3];
    let plain = realise(&levels, 2, 2, &hardware, CHIP, CellPlace::positive(0)).unwrap();
    hardware.non_idealities.conductance_levels = Some(4);
    assert_eq!(realise(&levels, 2, 2, &hardware, CHIP, CellPlace::positive(0)).unwrap(), plain);
    hardware.non_idealities.conductance_levels = Some(2);
    let coarse = realise(&levels, 2, 2, &hardware, CHIP, CellPlace::positive(0)).unwrap().siemens;
    assert_eq!(coarse, [plain.siemens[0], plain.siemens[0], plain.siemens[3], plain.siemens[3]]);
}

#[test]
fn what_is_no_array_is_refused() {
    use crate::hardware::{Drift, Spread, StuckCells, WireResistance};
    let good = hardware(2);
    assert!(realise(&[0; 5], 2, 3, &good, CHIP, CellPlace::positive(0)).is_err());
    assert!(realise(&[0, 4], 1, 2, &good, CHIP, CellPlace::positive(0)).is_err());
    let levels = ArrayLevels { rows: 1, columns: 2, positive: vec![0, 1], negative: Some(vec![0; 3]) };
    assert!(realise_array(&levels, &good, CHIP, 0).is_err());
    let levels = ArrayLevels { rows: 1, columns: 2, positive: vec![0, 1], negative: Some(vec![0; 2]) };
    let conductances = realise_array(&levels, &good, CHIP, 0).unwrap();
    let refused = |change: &dyn Fn(&mut HardwareSpecification), field: &str| {
        let mut hardware = hardware(2);
        change(&mut hardware);
        let whole = AnalogArray::realise(&levels, &hardware, CHIP, 0).map(|_| ());
        let error = whole.and(EffectiveArray::new(&conductances, &hardware).map(|_| ())).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    };
    refused(&|hardware| hardware.array.cell_bits = 9, "array.cell_bits");
    refused(&|hardware| hardware.array.cell_bits = 0, "array.cell_bits");
    refused(&|hardware| hardware.device.on_resistance_ohm = 0.0, "device.on_resistance_ohm");
    refused(&|hardware| hardware.device.on_resistance_ohm = 1e6, "device.on_resistance_ohm");
    refused(&|hardware| hardware.device.off_resistance_ohm = Some(f64::NAN), "device.on_resistance_ohm");
    refused(&|hardware| hardware.non_idealities.conductance_levels = Some(1), "conductance_levels");
    let wrong = Some(Spread::Absolute { sigma: f64::NAN });
    refused(&|hardware| hardware.non_idealities.programming = wrong, "programming.sigma");
    refused(&|hardware| hardware.non_idealities.read = wrong, "read.sigma");
    refused(&|hardware| hardware.non_idealities.sense_offset = Some(-1.0), "sense_offset");
    refused(
        &|hardware| hardware.non_idealities.stuck = Some(StuckCells { on_share: 0.6, off_share: 0.5 }),
        "non_idealities.stuck",
    );
    let drift = Drift { time_s: 0.5, reference_time_s: 1.0, exponent: 0.1, exponent_sigma: 0.0 };
    refused(&|hardware| hardware.non_idealities.drift = Some(drift), "drift.time_s");
    let drift = Drift { time_s: 2.0, reference_time_s: 0.0, ..drift };
    refused(&|hardware| hardware.non_idealities.drift = Some(drift), "reference_time_s");
    refused(
        &|hardware| {
            hardware.non_idealities.wires = Some(WireResistance::Exact);
            hardware.device.wire_resistance_ohm = f64::INFINITY;
        },
        "device.wire_resistance_ohm",
    );
}
