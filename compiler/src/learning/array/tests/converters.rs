//! Converters at both ends of a read.

use super::{array, ideal, settings};
use crate::hardware::Spread;
use crate::learning::array::{
    Codes, ErrorReadSettings, InputConverter, OutputConverter, Pairing, ReadSettings, Reader, UpdateRule,
};

fn reading(settings_of_read: &ReadSettings) -> Reader {
    let array = array(&ideal(0.01), &settings(UpdateRule::Accumulated {}, Pairing::Reference), [3, 200], 1);
    Reader::new(&array, settings_of_read, 7, 0).unwrap()
}

/// Weights of 200 columns and the largest distance of their currents from the exact ones.
fn distance(settings_of_read: &ReadSettings, inputs: &[f32]) -> f32 {
    let weights: Vec<f32> = (0..600).map(|place| ((place * 37 % 101) as f32 - 50.0) / 100.0).collect();
    let read = |settings: &ReadSettings| {
        let mut currents = vec![0.0; 200];
        reading(settings).read(&weights, inputs, 3, &mut currents);
        currents
    };
    let (found, exact) = (read(settings_of_read), read(&ReadSettings::default()));
    found.iter().zip(exact).map(|(found, exact)| (found - exact).abs()).fold(0.0, f32::max)
}

fn output(bits: u32, range: f64) -> ReadSettings {
    ReadSettings { output_converter: Some(OutputConverter { bits, range }), ..ReadSettings::default() }
}

fn input(bits: u32, range: Option<f64>) -> ReadSettings {
    ReadSettings { input_converter: Some(InputConverter { bits, range }), ..ReadSettings::default() }
}

const INPUTS: [f32; 3] = [1.0, -0.37, 0.6];

#[test]
fn codes_are_those_of_the_equation() {
    let signed = Codes::new(3, 6.0, true);
    for (value, expected) in [(0.9, 0.0), (1.0, 2.0), (-1.0, -2.0), (3.1, 4.0), (9.0, 6.0), (-9.0, -6.0)] {
        assert_eq!(signed.value(value), expected, "{value}");
    }
    let unsigned = Codes::new(2, 6.0, false);
    for (value, expected) in [(-3.0, 0.0), (0.9, 0.0), (1.0, 2.0), (9.0, 6.0)] {
        assert_eq!(unsigned.value(value), expected, "{value}");
    }
    let comparator = Codes::new(1, 6.0, true);
    assert_eq!([-0.1, 0.0, 5.0].map(|value| comparator.value(value)), [-3.0, 0.0, 3.0]);
    // A code for every count, then less.
    for (bits, is_exact) in [(8, true), (9, true), (7, false)] {
        let codes = Codes::of_counts(bits, 255.0, false);
        assert_eq!((0..=255).all(|count| codes.value(count.into()) == f64::from(count)), is_exact, "{bits}");
    }
}

#[test]
fn many_bits_are_within_half_a_step() {
    for bits in [4, 8, 12, 16] {
        let half = 2.0 / f64::from((1u32 << (bits - 1)) - 1) / 2.0;
        let found = f64::from(distance(&output(bits, 2.0), &INPUTS));
        assert!(found <= half + 1e-6 && found > 0.8 * half, "{bits} bits: {found}, half a step {half}");
        // Inputs up to 1, weights up to 0.5 on 3 rows.
        let half = 1.0 / f64::from((1u32 << (bits - 1)) - 1) / 2.0;
        for range in [None, Some(1.0)] {
            let found = f64::from(distance(&input(bits, range), &INPUTS));
            assert!(found <= 1.5 * half + 1e-6, "{bits} bits: {found}");
        }
    }
    for bits in 1..=3 {
        assert!(distance(&output(bits, 2.0), &INPUTS) > 0.25 && distance(&input(bits, None), &INPUTS) > 0.04, "{bits}");
    }
}

#[test]
fn what_is_beyond_the_range_is_clipped() {
    assert!(distance(&output(16, 0.2), &INPUTS) > 0.3);
    assert!(distance(&input(16, Some(0.2)), &INPUTS) > 0.2);
    // Inputs are scaled by the largest one.
    let small = INPUTS.map(|input| input / 64.0);
    assert_eq!(distance(&input(5, None), &small), distance(&input(5, None), &INPUTS) / 64.0);
    assert!(distance(&input(2, Some(1.0)), &small) > 1e-3);
}

#[test]
fn both_directions_have_noise_of_their_own() {
    let noise = Some(Spread::Absolute { sigma: 0.1 });
    let both = ReadSettings {
        noise,
        error: Some(ErrorReadSettings { noise, ..ErrorReadSettings::default() }),
        ..ReadSettings::default()
    };
    let reader = reading(&both);
    let sensed = |is_forward: bool, read: u64| {
        let mut currents = vec![0.0; 3];
        if is_forward { reader.columns() } else { reader.rows() }.sense(read, &mut currents);
        currents
    };
    assert_ne!(sensed(true, 5), sensed(false, 5));
    assert_eq!(sensed(false, 5), sensed(false, 5));
    let squares: f64 = (0..20_000).flat_map(|read| sensed(false, read)).map(|current| f64::from(current).powi(2)).sum();
    // sigma times the gain of 2; 60 000 numbers.
    let deviation = (squares / 60_000.0).sqrt();
    assert!((deviation / 0.2 - 1.0).abs() < 0.015, "{deviation}");
}

#[test]
fn numbers_out_of_range_are_named() {
    let message = |read: ReadSettings| {
        let settings = crate::learning::array::ArraySettings { read, ..Default::default() };
        settings.check("test").unwrap_err().to_string()
    };
    assert!(message(output(0, 1.0)).contains("read.output_converter.bits"));
    assert!(message(output(25, 1.0)).contains("1 to 24"));
    assert!(message(output(8, 0.0)).contains("read.output_converter.range"));
    assert!(message(input(8, Some(f64::NAN))).contains("read.input_converter.range"));
    let error =
        ErrorReadSettings { input_converter: Some(InputConverter { bits: 0, range: None }), ..Default::default() };
    let read = ReadSettings { error: Some(error), ..Default::default() };
    assert!(message(read).contains("read.error.input_converter.bits"));
}
