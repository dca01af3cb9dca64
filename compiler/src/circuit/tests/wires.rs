//! Large arrays, threads, and the approximation against the exact solution.

use super::{CHIP, hardware};
use crate::circuit::wires::{ArrayCircuit, TOLERANCE, WireResistances, approximate_transfer};
use crate::circuit::{ArrayLevels, CellPlace, Conductances, EffectiveArray, realise, realise_array};
use crate::hardware::WireResistance;
use snn::random::{Purpose, Stream};

/// Cells of 6 kΩ with probability `share` percent, else of 900 kΩ.
fn binary(rows: usize, lines: usize, share: u32, seed: u64) -> Conductances {
    let mut stream = Stream::new(seed, Purpose::Test, 0);
    let siemens = (0..rows * lines).map(|_| if stream.below(100) < share { 1.0 / 6e3 } else { 1.0 / 900e3 }).collect();
    Conductances::new(rows, lines, siemens).unwrap()
}

#[test]
fn a_large_array_reaches_the_tolerance() {
    for (resistance, share) in [(0.1, 50), (2.82, 50), (2.82, 100), (30.0, 50)] {
        let conductances = binary(128, 128, share, 1);
        let wires = WireResistances { wire: resistance, driver: 100.0, sense: 50.0 };
        let solution = ArrayCircuit::with_wires(&conductances, wires).solve(&[0.5; 128]).unwrap();
        assert!(solution.residual <= TOLERANCE, "{}", solution.residual);
        for (current, bound) in solution.column_currents.iter().zip(&solution.column_errors) {
            assert!(*bound < 1e-7 * current, "{bound} of {current}");
        }
        assert!(solution.iterations < 250, "{}", solution.iterations);
    }
}

#[test]
fn no_solution_is_an_error_and_no_voltage_no_current() {
    let conductances = binary(4, 4, 50, 1);
    let wires = WireResistances { wire: f64::INFINITY, driver: 0.0, sense: 0.0 };
    assert!(ArrayCircuit::with_wires(&conductances, wires).solve(&[0.5; 4]).is_err());
    let circuit = ArrayCircuit::with_wires(&conductances, WireResistances { wire: 1.0, driver: 1.0, sense: 1.0 });
    assert!(circuit.solve(&[0.5; 3]).is_err());
    assert!(circuit.solve(&[0.5, 0.5, f64::NAN, 0.0]).is_err());
    let solution = circuit.solve(&[0.0; 4]).unwrap();
    assert_eq!((solution.power_w, solution.residual, solution.column_currents), (0.0, 0.0, vec![0.0; 4]));
    let empty = Conductances::new(0, 0, vec![]).unwrap();
    let circuit = ArrayCircuit::with_wires(&empty, WireResistances { wire: 1.0, driver: 1.0, sense: 1.0 });
    assert!(circuit.transfer().unwrap().is_empty());
}

#[test]
fn threads_change_nothing() {
    let conductances = binary(17, 23, 50, 3);
    let circuit = ArrayCircuit::with_wires(&conductances, WireResistances { wire: 5.0, driver: 80.0, sense: 10.0 });
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| circuit.transfer()).unwrap()
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn the_approximation_is_exact_for_all_rows_active() {
    let conductances = binary(30, 20, 50, 5);
    let circuit = ArrayCircuit::with_wires(&conductances, WireResistances { wire: 20.0, driver: 500.0, sense: 100.0 });
    let (exact, near) = (circuit.transfer().unwrap(), approximate_transfer(&circuit).unwrap());
    for line in 0..20 {
        let sum = |transfer: &[f64]| (0..30).map(|row| transfer[row * 20 + line]).sum::<f64>();
        assert!((sum(&exact) - sum(&near)).abs() < 1e-8 * sum(&exact));
    }
    assert!(exact.iter().zip(&near).any(|(exact, near)| (exact - near).abs() > 1e-3 * near));
}

/// Root mean square over columns and random reads of the errors of column currents, relative to the
/// mean current: (no wires, approximation).
fn errors(size: usize, resistance: f64, share: u32, active: u32) -> (f64, f64) {
    let conductances = binary(size, size, share, 11);
    let wires = WireResistances { wire: resistance, driver: 0.0, sense: 0.0 };
    let circuit = ArrayCircuit::with_wires(&conductances, wires);
    let near = approximate_transfer(&circuit).unwrap();
    let mut stream = Stream::new(12, Purpose::Test, 0);
    let (mut without, mut with, mut total) = (0.0, 0.0, 0.0);
    for _ in 0..10 {
        let voltages: Vec<f64> = (0..size).map(|_| if stream.below(100) < active { 1.0 } else { 0.0 }).collect();
        let exact = circuit.solve(&voltages).unwrap();
        for line in 0..size {
            let sum = |transfer: &[f64]| (0..size).map(|row| voltages[row] * transfer[row * size + line]).sum::<f64>();
            without += (sum(&conductances.siemens) - exact.column_currents[line]).powi(2);
            with += (sum(&near) - exact.column_currents[line]).powi(2);
            total += exact.column_currents[line];
        }
    }
    let number = (10 * size) as f64;
    let mean = total / number;
    ((without / number).sqrt() / mean, (with / number).sqrt() / mean)
}

#[test]
fn the_approximation_takes_most_of_the_error_away() {
    for (size, tolerance) in [(32, 0.005), (64, 0.03), (128, 0.15)] {
        for resistance in [0.5, 2.82] {
            for active in [10, 50, 90] {
                let (without, with) = errors(size, resistance, 50, active);
                println!("{size} {resistance} {active}: {without:.5} {with:.5}");
                assert!(with < 0.05 * without, "{size} {resistance} {active}: {with} of {without}");
                assert!(with < tolerance, "{size} {resistance} {active}: {with}");
            }
        }
    }
}

#[test]
fn contributions_include_the_wires() {
    let mut hardware = hardware(1);
    let positive: Vec<u8> = (0..8 * 6).map(|cell| u8::from(cell % 3 == 0)).collect();
    let negative: Vec<u8> = (0..8 * 6).map(|cell| u8::from(cell % 5 == 0)).collect();
    let levels = ArrayLevels { rows: 8, columns: 6, positive: positive.clone(), negative: Some(negative) };
    let conductances = realise_array(&levels, &hardware, CHIP, 0).unwrap();
    assert_eq!(conductances.bit_lines, 12);
    let plain = EffectiveArray::new(&conductances, &hardware).unwrap();
    hardware.device.wire_resistance_ohm = 10.0;
    assert_eq!(EffectiveArray::new(&conductances, &hardware).unwrap(), plain);
    for kind in [WireResistance::Exact, WireResistance::Approximate] {
        hardware.non_idealities.wires = Some(kind);
        let with = EffectiveArray::new(&conductances, &hardware).unwrap();
        assert_ne!(with, plain);
        let solution = ArrayCircuit::new(&conductances, &hardware).unwrap().solve(&[0.5; 8]).unwrap();
        let level = (hardware.device.on_conductance() - hardware.device.off_conductance()) * 0.5;
        for column in 0..6 {
            let sum: f64 = with.contributions[column * 8..][..8].iter().map(|&value| f64::from(value)).sum();
            let pair = &solution.column_currents[2 * column..][..2];
            assert!((sum - (pair[0] - pair[1]) / level).abs() < 1e-5, "{sum}");
        }
    }
    let lone = realise(&positive, 8, 6, &hardware, CHIP, CellPlace::positive(0)).unwrap();
    hardware.weights.signed = crate::hardware::SignedWeights::ReferenceColumn;
    hardware.non_idealities.wires = None;
    let plain = EffectiveArray::new(&lone, &hardware).unwrap();
    for (cell, &level) in positive.iter().enumerate() {
        assert_eq!(plain.contributions[cell % 6 * 8 + cell / 6], f32::from(level));
    }
}
