//! Numbers depend on seed and place, not on what is drawn before or beside them.

use proptest::prelude::*;

use super::{CHIP, cells, hardware};
use crate::circuit::random::{Draws, Purpose};
use crate::circuit::{CellPlace, ReadNoise, realise};
use crate::hardware::{Drift, Spread, StuckCells};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_pair_of_normals_can_be_drawn_alone(index in 0usize..2000, read in any::<u64>()) {
        let mut all = Draws::new(CHIP, Purpose::Read, CellPlace::positive(1), read);
        let numbers: Vec<f64> = (0..index + 2).map(|_| all.normal()).collect();
        let even = index & !1;
        let mut alone = Draws::new(CHIP, Purpose::Read, CellPlace::positive(1), read).skip_to(even);
        prop_assert_eq!([alone.normal(), alone.normal()], [numbers[even], numbers[even + 1]]);
    }

    #[test]
    fn rows_do_not_depend_on_rows_below(levels in prop::collection::vec(0u8..4, 10 * 7), rows in 1usize..10) {
        let mut hardware = hardware(2);
        hardware.non_idealities.programming = Some(Spread::LogNormal { sigma: 0.2 });
        hardware.non_idealities.stuck = Some(StuckCells { on_share: 0.1, off_share: 0.1 });
        hardware.non_idealities.drift =
            Some(Drift { time_s: 100.0, reference_time_s: 1.0, exponent: 0.05, exponent_sigma: 0.02 });
        let place = CellPlace::negative(9);
        let all = realise(&levels, 10, 7, &hardware, CHIP, place).unwrap();
        let part = realise(&levels[..rows * 7], rows, 7, &hardware, CHIP, place).unwrap();
        prop_assert_eq!(&all.siemens[..rows * 7], &part.siemens[..]);
    }

    #[test]
    fn reads_do_not_depend_on_other_reads(reads in prop::collection::vec(0u64..50, 2..20)) {
        let mut hardware = hardware(2);
        hardware.non_idealities.read = Some(Spread::Absolute { sigma: 0.3 });
        let noise = ReadNoise::of(&hardware, CHIP, 2).unwrap().unwrap();
        let once = |read: u64| {
            let mut sums = [0f32; 9];
            noise.apply(read, &mut sums);
            sums
        };
        let forward: Vec<_> = reads.iter().map(|&read| once(read)).collect();
        let mut backward: Vec<_> = reads.iter().rev().map(|&read| once(read)).collect();
        backward.reverse();
        prop_assert_eq!(forward, backward);
        prop_assert_ne!(once(1), once(2));
    }
}

#[test]
fn each_deviation_has_its_own_numbers() {
    let mut with = hardware(2);
    with.non_idealities.programming = Some(Spread::Relative { sigma: 0.1 });
    let plain = cells(&with, 2, 50, 50, CHIP, CellPlace::positive(0)).siemens;
    let drift = Drift { time_s: 100.0, reference_time_s: 1.0, exponent: 0.1, exponent_sigma: 0.0 };
    with.non_idealities.drift = Some(drift);
    let drifted = cells(&with, 2, 50, 50, CHIP, CellPlace::positive(0)).siemens;
    for (plain, drifted) in plain.iter().zip(&drifted) {
        assert!((drifted / plain - 100f64.powf(-0.1)).abs() < 1e-12);
    }
}
