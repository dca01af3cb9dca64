//! Noise of reads and offsets of comparators.

use super::{CHIP, assert_standard_normal, correlation, hardware};
use crate::circuit::{AnalogArray, ArrayLevels, ChipSeed, LevelScale, ReadNoise, sense_offsets};
use crate::hardware::Spread;

const READS: usize = 2000;
const COLUMNS: usize = 50;

/// Disturbed partial sums of `value`: `[read][column]`.
fn disturbed(spread: Spread, value: f32) -> Vec<f64> {
    let mut hardware = hardware(2);
    hardware.non_idealities.read = Some(spread);
    let noise = ReadNoise::of(&hardware, CHIP, 4).unwrap().unwrap();
    (0..READS as u64)
        .flat_map(|read| {
            let mut sums = vec![value; COLUMNS];
            noise.apply(read, &mut sums);
            sums.into_iter().map(f64::from)
        })
        .collect()
}

#[test]
fn noise_is_as_specified() {
    let lags = [1, 2, 3, COLUMNS, 2 * COLUMNS];
    let unit = LevelScale::of(&hardware(2)).unwrap().on_levels();
    let found = disturbed(Spread::Absolute { sigma: 0.5 }, 10.0);
    assert_standard_normal(&found.iter().map(|sum| (sum - 10.0) / (0.5 * unit)).collect::<Vec<_>>(), &lags);
    let found = disturbed(Spread::Relative { sigma: 0.1 }, -20.0);
    assert_standard_normal(&found.iter().map(|sum| (sum / -20.0 - 1.0) / 0.1).collect::<Vec<_>>(), &lags);
    let found = disturbed(Spread::LogNormal { sigma: 0.3 }, 20.0);
    assert_standard_normal(&found.iter().map(|sum| (sum / 20.0).ln() / 0.3).collect::<Vec<_>>(), &lags);
}

#[test]
fn offsets_are_fixed_for_a_chip() {
    let mut hardware = hardware(2);
    hardware.non_idealities.sense_offset = Some(0.25);
    let columns = 50_000;
    let offsets = |chip| -> Vec<f64> {
        let found = sense_offsets(&hardware, chip, 1, columns).unwrap().unwrap();
        found.iter().map(|&offset| f64::from(offset) / (0.25 * 3.0)).collect()
    };
    let first = offsets(CHIP);
    assert_standard_normal(&first, &[1, 2, 3]);
    assert_eq!(first, offsets(CHIP));
    let other = offsets(ChipSeed { chip: 9, ..CHIP });
    assert!(correlation(&first, &other).abs() < 5.0 / (columns as f64).sqrt());
}

#[test]
fn an_array_adds_noise_and_offsets() {
    let mut hardware = hardware(2);
    hardware.non_idealities.read = Some(Spread::Absolute { sigma: 0.5 });
    hardware.non_idealities.sense_offset = Some(0.25);
    let levels = ArrayLevels { rows: 2, columns: 3, positive: vec![3, 0, 1, 2, 2, 2], negative: Some(vec![0; 6]) };
    let array = AnalogArray::realise(&levels, &hardware, CHIP, 8).unwrap();
    let mut sums = [0f32; 3];
    array.partial_sums(&[true, true], &mut sums);
    assert_eq!(sums, [5.0, 2.0, 3.0]);
    array.partial_sums(&[false, true], &mut sums);
    assert_eq!(sums, [2.0, 2.0, 2.0]);
    let mut noisy = sums;
    array.read_noise.unwrap().apply(11, &mut noisy);
    array.disturb(11, &mut sums);
    for ((sum, noisy), offset) in sums.iter().zip(&noisy).zip(array.sense_offsets.as_ref().unwrap()) {
        assert_eq!(*sum, noisy + offset);
        assert_ne!(*offset, 0.0);
    }
}
