//! Mean, spread and independence of what varies between cells.

use super::{CHIP, assert_standard_normal, cells, correlation, hardware};
use crate::circuit::{CellPlace, ChipSeed, LevelScale};
use crate::hardware::{Drift, HardwareSpecification, Spread, StuckCells};

const ROWS: usize = 300;
const COLUMNS: usize = 400;
const CELLS: usize = ROWS * COLUMNS;

fn programmed(spread: Spread) -> HardwareSpecification {
    let mut hardware = hardware(2);
    hardware.non_idealities.programming = Some(spread);
    hardware
}

/// The standard normal numbers behind the conductances of equal cells of level 2.
fn deviations(spread: Spread, chip: ChipSeed, place: CellPlace) -> Vec<f64> {
    let hardware = programmed(spread);
    let scale = LevelScale::of(&hardware).unwrap();
    let nominal = hardware.device.conductance(2, 2);
    let found = cells(&hardware, 2, ROWS, COLUMNS, chip, place);
    found
        .siemens
        .iter()
        .map(|&value| match spread {
            Spread::Absolute { sigma } => (value - nominal) / (sigma * (scale.on - scale.off)),
            Spread::Relative { sigma } => (value / nominal - 1.0) / sigma,
            Spread::LogNormal { sigma } => (value / nominal).ln() / sigma,
        })
        .collect()
}

#[test]
fn programming_varies_as_specified() {
    for spread in [Spread::Absolute { sigma: 0.05 }, Spread::Relative { sigma: 0.1 }, Spread::LogNormal { sigma: 0.4 }]
    {
        assert_standard_normal(&deviations(spread, CHIP, CellPlace::positive(5)), &[1, 2, 3, 4, 8, COLUMNS]);
    }
}

#[test]
fn places_and_chips_vary_independently() {
    let spread = Spread::Absolute { sigma: 0.05 };
    let reference = deviations(spread, CHIP, CellPlace::positive(5));
    let others = [
        (CHIP, CellPlace::negative(5)),
        (CHIP, CellPlace::positive(6)),
        (ChipSeed { chip: 4, ..CHIP }, CellPlace::positive(5)),
        (ChipSeed { seed: 8, ..CHIP }, CellPlace::positive(5)),
    ];
    for (chip, place) in others {
        let together = correlation(&reference, &deviations(spread, chip, place));
        assert!(together.abs() < 5.0 / (CELLS as f64).sqrt(), "{chip:?} {place:?}: {together}");
    }
    assert_eq!(reference, deviations(spread, CHIP, CellPlace::positive(5)));
}

#[test]
fn conductances_never_fall_below_zero() {
    let hardware = programmed(Spread::Absolute { sigma: 1.0 });
    let scale = LevelScale::of(&hardware).unwrap();
    let found = cells(&hardware, 0, ROWS, COLUMNS, CHIP, CellPlace::positive(0)).siemens;
    assert!(found.iter().all(|&value| value >= 0.0));
    // P(n < -off / (on - off)) with off / (on - off) = 1 / 99.
    assert!((scale.off / (scale.on - scale.off) - 1.0 / 99.0).abs() < 1e-12);
    let share = found.iter().filter(|&&value| value == 0.0).count() as f64 / CELLS as f64;
    assert!((share - 0.495_970).abs() < 5.0 * 0.5 / (CELLS as f64).sqrt(), "{share}");
}

#[test]
fn stuck_cells_have_their_shares_and_ignore_everything_else() {
    let mut hardware = programmed(Spread::Relative { sigma: 0.1 });
    hardware.non_idealities.drift =
        Some(Drift { time_s: 1e4, reference_time_s: 1.0, exponent: 0.05, exponent_sigma: 0.01 });
    let loose = cells(&hardware, 1, ROWS, COLUMNS, CHIP, CellPlace::positive(0)).siemens;
    hardware.non_idealities.stuck = Some(StuckCells { on_share: 0.02, off_share: 0.05 });
    let found = cells(&hardware, 1, ROWS, COLUMNS, CHIP, CellPlace::positive(0)).siemens;
    let scale = LevelScale::of(&hardware).unwrap();
    let mut stuck = vec![0.0; CELLS];
    for (cell, (&value, &loose)) in found.iter().zip(&loose).enumerate() {
        if value == scale.on || value == scale.off {
            stuck[cell] = 1.0;
        } else {
            assert_eq!(value, loose);
        }
    }
    for (level, share) in [(scale.on, 0.02f64), (scale.off, 0.05)] {
        let part = found.iter().filter(|&&value| value == level).count() as f64 / CELLS as f64;
        assert!((part - share).abs() < 5.0 * (share * (1.0 - share) / CELLS as f64).sqrt(), "{part} for {share}");
    }
    for together in
        [correlation(&stuck[1..], &stuck[..CELLS - 1]), correlation(&stuck[COLUMNS..], &stuck[..CELLS - COLUMNS])]
    {
        assert!(together.abs() < 5.0 / (CELLS as f64).sqrt(), "{together}");
    }
    assert!(correlation(&stuck, &loose).abs() < 5.0 / (CELLS as f64).sqrt());
}

#[test]
fn drift_follows_its_law() {
    let mut hardware = hardware(2);
    let drift = Drift { time_s: 1e6, reference_time_s: 20.0, exponent: 0.08, exponent_sigma: 0.01 };
    hardware.non_idealities.drift = Some(drift);
    let nominal = hardware.device.conductance(3, 2);
    let found = cells(&hardware, 3, ROWS, COLUMNS, CHIP, CellPlace::positive(0)).siemens;
    let elapsed = (drift.time_s / drift.reference_time_s).ln();
    let exponents: Vec<f64> = found.iter().map(|value| -(value / nominal).ln() / elapsed).collect();
    let normals: Vec<f64> = exponents.iter().map(|value| (value - 0.08) / 0.01).collect();
    assert_standard_normal(&normals, &[1, 2, 3, COLUMNS]);

    hardware.non_idealities.drift = Some(Drift { exponent: 0.0, exponent_sigma: 0.05, ..drift });
    let found = cells(&hardware, 3, ROWS, COLUMNS, CHIP, CellPlace::positive(0)).siemens;
    assert!(found.iter().all(|&value| value <= nominal));
    let still = found.iter().filter(|&&value| value == nominal).count() as f64 / CELLS as f64;
    assert!((still - 0.5).abs() < 5.0 * 0.5 / (CELLS as f64).sqrt(), "{still}");

    hardware.non_idealities.drift = Some(Drift { time_s: 20.0, ..drift });
    let found = cells(&hardware, 3, ROWS, COLUMNS, CHIP, CellPlace::positive(0)).siemens;
    assert!(found.iter().all(|&value| value == nominal));
}
