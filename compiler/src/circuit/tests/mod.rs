//! Distributions, identities and circuits against slow references.

mod distributions;
mod identity;
mod kirchhoff;
mod nodal;
mod order;
mod packing;
mod reads;
mod wires;

use crate::circuit::{CellPlace, ChipSeed, Conductances, realise};
use crate::hardware::HardwareSpecification;

pub(super) const CHIP: ChipSeed = ChipSeed { seed: 7, chip: 3 };

/// A chip of differential pairs without deviations; cells of 10 kΩ and 1 MΩ.
pub(super) fn hardware(cell_bits: u32) -> HardwareSpecification {
    let text = format!(
        r#"
        name = "test"
        description = "cells for tests"
        sources = []
        array = {{ rows = 16, columns = 16, cell_bits = {cell_bits} }}
        weights = {{ bits = {cell_bits}, signed = "differential-pair" }}
        input = {{ coding = "bit-serial", bits = 4 }}
        quantiser = {{ kind = "sign" }}
        cost = {{}}
        [device]
        cell = "rram"
        technology_nm = 65.0
        on_resistance_ohm = 10000.0
        off_resistance_ohm = 1000000.0
        read_voltage_v = 0.5
        read_pulse_ns = 10.0
        wire_resistance_ohm = 0.0
        "#
    );
    toml::from_str(&text).unwrap()
}

/// Conductances of equal cells.
pub(super) fn cells(
    hardware: &HardwareSpecification,
    level: u8,
    rows: usize,
    columns: usize,
    chip: ChipSeed,
    place: CellPlace,
) -> Conductances {
    realise(&vec![level; rows * columns], rows, columns, hardware, chip, place).unwrap()
}

/// Mean and standard deviation.
pub(super) fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt())
}

/// Correlation coefficient.
pub(super) fn correlation(left: &[f64], right: &[f64]) -> f64 {
    let ((left_mean, left_spread), (right_mean, right_spread)) = (moments(left), moments(right));
    let products = left.iter().zip(right).map(|(a, b)| (a - left_mean) * (b - right_mean));
    products.sum::<f64>() / (left.len() as f64 * left_spread * right_spread)
}

/// Asserts that numbers look standard normal and mutually independent: mean, spread, shares within
/// one, two and three standard deviations, and correlation with neighbours `lags` away. Every
/// bound is five standard errors.
pub(super) fn assert_standard_normal(values: &[f64], lags: &[usize]) {
    let number = values.len() as f64;
    let (mean, spread) = moments(values);
    assert!(mean.abs() < 5.0 / number.sqrt(), "mean {mean}");
    assert!((spread - 1.0).abs() < 5.0 / (2.0 * number).sqrt(), "spread {spread}");
    for (limit, share) in [(1.0, 0.682_689_492), (2.0, 0.954_499_736), (3.0, 0.997_300_204)] {
        let found = values.iter().filter(|value| value.abs() < limit).count() as f64 / number;
        let error = (share * (1.0 - share) / number).sqrt();
        assert!((found - share).abs() < 5.0 * error, "{found} within {limit} standard deviations");
    }
    for &lag in lags {
        let together = correlation(&values[lag..], &values[..values.len() - lag]);
        assert!(together.abs() < 5.0 / number.sqrt(), "correlation {together} at distance {lag}");
    }
}
