//! What a read makes of the weights: noise, offsets, wires.

use super::{Numbers, array, ideal, noisy, settings};
use crate::circuit::Conductances;
use crate::circuit::wires::{ArrayCircuit, WireResistances};
use crate::hardware::Spread;
use crate::learning::array::{LearningArray, Pairing, ReadSettings, Reader, UpdateRule, Wires};

const ACCUMULATED: UpdateRule = UpdateRule::Accumulated {};

fn reading(settings: &ReadSettings, place: u64) -> Reader {
    let array = array(&ideal(0.01), &super::settings(ACCUMULATED, Pairing::Reference), [3, 200], 1);
    Reader::new(&array, settings, 7, place).unwrap()
}

fn currents(reader: &Reader, number: u64) -> Vec<f32> {
    let mut currents = vec![0.0; 200];
    reader.read(&[0.5; 600], &[1.0, 0.0, -2.0], number, &mut currents);
    currents
}

#[test]
fn reads_are_exact_by_default() {
    let reader = reading(&ReadSettings::default(), 0);
    assert!(reader.is_exact() && reader.wires().is_empty());
    assert_eq!(currents(&reader, 4), vec![-0.5; 200]);
}

#[test]
fn equal_reads_get_equal_noise_of_the_spread_asked_for() {
    let settings = ReadSettings { noise: Some(Spread::Absolute { sigma: 0.1 }), ..ReadSettings::default() };
    let reader = reading(&settings, 0);
    assert_eq!(currents(&reader, 4), currents(&reader, 4));
    for other in [currents(&reader, 5), currents(&reading(&settings, 1), 4)] {
        let equal = currents(&reader, 4).iter().zip(&other).filter(|(one, other)| one == other).count();
        assert!(equal < 5, "{equal} of 200 currents have the same noise");
    }
    assert_ne!(currents(&reader, u64::MAX), currents(&reader, 0));
    let noise: Vec<f64> = (0..500).flat_map(|read| currents(&reader, read)).map(|c| f64::from(c) + 0.5).collect();
    let mean = noise.iter().sum::<f64>() / noise.len() as f64;
    let deviation = (noise.iter().map(|value| value * value).sum::<f64>() / noise.len() as f64).sqrt();
    // sigma times the gain of 2; 100 000 numbers.
    assert!(mean.abs() < 5.0 * 0.2 / 316.0 && (deviation / 0.2 - 1.0).abs() < 0.012, "{mean} {deviation}");
}

#[test]
fn offsets_stay() {
    let settings = ReadSettings { sense_offset: Some(0.1), ..ReadSettings::default() };
    let reader = reading(&settings, 0);
    assert_eq!(currents(&reader, 4), currents(&reader, 5));
    assert_ne!(currents(&reader, 4), currents(&reading(&settings, 1), 4));
    let deviation = (currents(&reader, 0).iter().map(|c| f64::from(c + 0.5).powi(2)).sum::<f64>() / 200.0).sqrt();
    assert!((deviation / 0.2 - 1.0).abs() < 0.25, "{deviation}");
}

const SHAPE: [usize; 2] = [24, 10];
const WIRES: Wires = Wires { wire_resistance_ohm: 8.0, driver_resistance_ohm: 50.0, sense_resistance_ohm: 20.0 };

/// Currents of all columns by the exact circuit, in real weights times inputs.
fn exact(array: &LearningArray, inputs: &[f32]) -> Vec<f64> {
    let siemens: Vec<Vec<f64>> = array.array().devices().map(|devices| devices.conductances_s().unwrap()).collect();
    let specification = array.array().devices().next().unwrap().specification();
    let (zero, one) = (specification.conductance_s(0.0).unwrap(), specification.conductance_s(1.0).unwrap());
    let lines = |siemens: Vec<f64>| Conductances::new(SHAPE[0], SHAPE[1], siemens).unwrap();
    let negative = siemens.get(1).cloned().unwrap_or(vec![zero; SHAPE[0] * SHAPE[1]]);
    let pairs = Conductances::pairs(&lines(siemens[0].clone()), &lines(negative)).unwrap();
    let wires = WireResistances {
        wire: WIRES.wire_resistance_ohm,
        driver: WIRES.driver_resistance_ohm,
        sense: WIRES.sense_resistance_ohm,
    };
    let volts: Vec<f64> = inputs.iter().map(|&input| input.into()).collect();
    let solution = ArrayCircuit::with_wires(&pairs, wires).solve(&volts).unwrap();
    let real = |pair: &[f64]| f64::from(array.array().gain()) * (pair[0] - pair[1]) / (one - zero);
    solution.column_currents.chunks_exact(2).map(real).collect()
}

/// Root mean square.
fn size(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value * value, count + 1.0));
    (sum / f64::max(count, 1.0)).sqrt()
}

#[test]
fn wires_follow_the_exact_circuit() {
    let settings_of_read = ReadSettings { wires: Some(WIRES), ..ReadSettings::default() };
    let mut device = noisy();
    (device.step.write_noise, device.retention) = (0.0, None);
    for pairing in [Pairing::Reference, Pairing::Pair] {
        let mut array = array(&device, &settings(ACCUMULATED, pairing), SHAPE, 1);
        let mut numbers = Numbers::new(2);
        let weights: Vec<f32> = numbers.vector(240).iter().map(|value| 1.5 * value).collect();
        array.write(&weights, None).unwrap();
        let reader = Reader::new(&array, &settings_of_read, 1, 0).unwrap();
        let seen = reader.seen(array.weights());
        let read = |inputs: &[f32], weights: &[f32]| {
            let mut currents = vec![0.0; SHAPE[1]];
            reader.read(weights, inputs, 0, &mut currents);
            currents
        };
        let all = [1.0; 24];
        for (found, expected) in read(&all, &seen).iter().zip(exact(&array, &all)) {
            assert!((f64::from(*found) - expected).abs() < 1e-3, "all rows: {found}, exact {expected}");
        }
        let (mut errors, mut losses) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            let inputs: Vec<f32> = numbers.vector(24).iter().map(|&value| f32::from(u8::from(value > 0.0))).collect();
            let (without, with) = (read(&inputs, &array.weights()), read(&inputs, &seen));
            for ((without, with), exact) in without.iter().zip(&with).zip(exact(&array, &inputs)) {
                errors.push(f64::from(*with) - exact);
                losses.push(f64::from(*without) - exact);
            }
        }
        let (error, loss) = (size(errors.into_iter()), size(losses.into_iter()));
        let scale = size(read(&all, &seen).iter().map(|&current| current.into()));
        assert!(error < 0.05 * scale && error < 0.5 * loss, "{pairing:?}: error {error}, loss {loss} of {scale}");
    }
}

#[test]
fn weights_of_zero_have_a_share() {
    let array = array(&noisy(), &settings(ACCUMULATED, Pairing::Reference), SHAPE, 1);
    let reader = Reader::new(&array, &ReadSettings { wires: Some(WIRES), ..ReadSettings::default() }, 1, 0).unwrap();
    let wires = reader.wires();
    let (shares, shifts) = wires.split_at(240);
    assert!(shares.iter().all(|share| (0.3..1.0).contains(share)), "{shares:?}");
    // The last row is next to what reads it; the first column is next to the drivers.
    assert!(shares[230] > shares[239] && shares[230] > shares[0], "{} {} {}", shares[230], shares[239], shares[0]);
    assert!(shifts.iter().all(|shift| shift.abs() < 0.2));
}

#[test]
fn wires_need_conductances() {
    let array = array(&ideal(0.01), &settings(ACCUMULATED, Pairing::Reference), SHAPE, 1);
    let read = ReadSettings { wires: Some(WIRES), ..ReadSettings::default() };
    let message = Reader::new(&array, &read, 1, 0).unwrap_err().to_string();
    assert!(message.contains("lowest_conductance_s"), "{message}");
}
