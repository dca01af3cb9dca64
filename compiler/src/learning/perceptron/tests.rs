//! The delta rule against a naive loop, slices of an epoch and interrupted runs.

use super::train::order;
use super::{Activation, Examples, Perceptron, PerceptronSettings, Synapses};
use crate::error::CompilerError;
use crate::hardware::Spread;
use crate::learning::array::{
    ArraySettings, InputConverter, OutputConverter, Pairing, ReadSettings, TikiTakaSettings, UpdateRule, Wires,
};
use crate::learning::device::DeviceSpecification;

fn device(text: &str) -> DeviceSpecification {
    DeviceSpecification::parse(&format!("name = \"test\"\ndescription = \"test\"\nsources = []\n{text}"), "test")
        .unwrap()
}

fn noisy() -> DeviceSpecification {
    device(
        "model = { family = \"soft-bounds\" }\nstep = { size = 0.01, device_spread = 0.2, cycle_spread = 0.3 }\n\
         retention = { lifetime_updates = 5000.0 }\n\
         energy = { lowest_conductance_s = 1e-6, highest_conductance_s = 1e-4 }",
    )
}

/// Points in a plane, in three classes by their angle.
fn examples(count: usize) -> Examples {
    let mut examples = Examples::new(2, 3);
    for index in 0..count {
        let angle = index as f32 * 2.399_963;
        let radius = 0.3 + 0.7 * (index as f32 * 0.618_034).fract();
        let class = ((angle / std::f32::consts::TAU).fract() * 3.0) as usize;
        examples.push([radius * angle.cos(), radius * angle.sin()].into_iter(), class).unwrap();
    }
    examples
}

const SHAPE: [usize; 2] = [3, 3];

fn settings() -> PerceptronSettings {
    PerceptronSettings { epochs: 3, rate_decay: 0.7, ..PerceptronSettings::default() }
}

fn on_devices(device: &DeviceSpecification, array: &ArraySettings) -> Perceptron {
    Perceptron::new(settings(), Synapses::devices(device, array, SHAPE, 5).unwrap(), 3).unwrap()
}

/// Learns to the end, so many examples at a time.
fn finish(perceptron: &mut Perceptron, examples: &Examples, most: usize) -> Vec<super::EpochOutcome> {
    let mut outcomes = Vec::new();
    while !perceptron.is_finished() {
        outcomes.extend(perceptron.learn(examples, most).unwrap());
    }
    outcomes
}

#[test]
fn the_float_twin_is_the_delta_rule() {
    let examples = examples(40);
    for activation in [Activation::Tanh, Activation::Sigmoid] {
        let settings = PerceptronSettings { activation, ..settings() };
        let mut perceptron = Perceptron::new(settings, Synapses::float(SHAPE), 3).unwrap();
        let outcomes = finish(&mut perceptron, &examples, usize::MAX);
        let mut weights = [[0.0f64; 3]; 3];
        for epoch in 0..3 {
            let (mut loss, mut right) = (0.0, 0);
            for index in order(settings.seed, epoch, 40) {
                let (inputs, label) = (examples.inputs(index), examples.label(index));
                assert_eq!(inputs[2], 1.0);
                let total = |o: usize| (0..3).map(|i| f64::from(inputs[i]) * weights[i][o]).sum::<f64>();
                let totals = [total(0), total(1), total(2)];
                let best = (1..3).fold(0, |best, o| if totals[o] > totals[best] { o } else { best });
                right += usize::from(best == label);
                for o in 0..3 {
                    let (value, slope, low) = match activation {
                        Activation::Tanh => (totals[o].tanh(), 1.0 - totals[o].tanh().powi(2), -1.0),
                        Activation::Sigmoid => {
                            let value = 1.0 / (1.0 + (-totals[o]).exp());
                            (value, value * (1.0 - value), 0.0)
                        }
                    };
                    let error = if o == label { 1.0 - value } else { low - value };
                    loss += error * error / 2.0;
                    let rate = 0.05 * 0.7f64.powi(epoch as i32);
                    (0..3).for_each(|i| weights[i][o] += rate * f64::from(inputs[i]) * error * slope);
                }
            }
            let outcome = &outcomes[epoch as usize];
            assert_eq!((outcome.epoch, outcome.accuracy), (epoch + 1, right as f64 / 40.0));
            assert!((outcome.loss - loss / 40.0).abs() < 1e-5, "{} {}", outcome.loss, loss / 40.0);
        }
        for (found, expected) in perceptron.synapses().weights().iter().zip(weights.as_flattened()) {
            assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
        }
        assert!(perceptron.accuracy(&examples).unwrap() > 0.7);
    }
}

#[test]
fn every_example_is_learned_once_an_epoch() {
    let mut orders: Vec<Vec<usize>> = (0..3).map(|epoch| order(1, epoch, 50)).collect();
    assert_ne!(orders[0], orders[1]);
    orders.iter_mut().for_each(|order| order.sort_unstable());
    assert!(orders.iter().all(|order| order.iter().copied().eq(0..50)));
}

#[test]
fn fine_ideal_devices_approach_the_float_twin() {
    let examples = examples(60);
    let mut float = Perceptron::new(settings(), Synapses::float(SHAPE), 3).unwrap();
    finish(&mut float, &examples, usize::MAX);
    for pairing in [Pairing::Reference, Pairing::Pair] {
        let distance = |step: f64, rule: UpdateRule| {
            let device = device(&format!("model = {{ family = \"constant-step\" }}\nstep = {{ size = {step} }}"));
            let array = ArraySettings { gain: 10.0, rule, pairing, ..ArraySettings::default() };
            let mut perceptron = on_devices(&device, &array);
            finish(&mut perceptron, &examples, usize::MAX);
            let (held, wanted) = (perceptron.synapses().weights(), float.synapses().weights());
            held.iter().zip(wanted).map(|(held, wanted)| (held - wanted).abs()).fold(0.0, f32::max)
        };
        assert!(distance(1e-5, UpdateRule::Accumulated {}) < 2e-4);
        assert!(distance(1e-2, UpdateRule::Accumulated {}) > 1e-3);
        assert!(distance(1e-2, UpdateRule::Amplitude {}) < 1e-4);
        assert!(distance(1e-5, UpdateRule::Rounded {}) < 5e-3);
    }
}

fn all_settings() -> Vec<ArraySettings> {
    let read = ReadSettings {
        noise: Some(Spread::Absolute { sigma: 0.02 }),
        sense_offset: Some(0.01),
        wires: Some(Wires { wire_resistance_ohm: 20.0, driver_resistance_ohm: 0.0, sense_resistance_ohm: 5.0 }),
        input_converter: Some(InputConverter { bits: 6, range: None }),
        output_converter: Some(OutputConverter { bits: 7, range: 4.0 }),
        error: None,
    };
    let tiki_taka = Some(TikiTakaSettings { calibration_pulses: 30, ..TikiTakaSettings::default() });
    let rules = super::super::array::tests::RULES;
    let all = rules.into_iter().flat_map(|rule| [(rule, None), (rule, tiki_taka)]);
    all.map(|(rule, tiki_taka)| ArraySettings { gain: 3.0, rule, tiki_taka, read: read.clone(), ..Default::default() })
        .collect()
}

#[test]
fn slices_of_an_epoch_change_nothing() {
    let examples = examples(50);
    for array in all_settings() {
        let (mut whole, mut sliced) = (on_devices(&noisy(), &array), on_devices(&noisy(), &array));
        let outcomes = finish(&mut whole, &examples, usize::MAX);
        assert_eq!(outcomes, finish(&mut sliced, &examples, 7), "{array:?}");
        assert_eq!(whole.record(), sliced.record(), "{array:?}");
        assert!(whole.learn(&examples, 1).unwrap().is_none() && whole.is_finished());
    }
}

#[test]
fn a_restored_network_goes_on_as_if_nothing_had_happened() {
    let examples = examples(50);
    for array in all_settings() {
        let mut whole = on_devices(&noisy(), &array);
        assert!(whole.learn(&examples, 50).unwrap().is_some());
        whole.accuracy(&examples).unwrap();
        assert!(whole.learn(&examples, 13).unwrap().is_none());
        let mut second = on_devices(&noisy(), &array);
        second.restore(whole.record()).unwrap();
        assert_eq!(finish(&mut whole, &examples, 9), finish(&mut second, &examples, 20), "{array:?}");
        assert_eq!(whole.record(), second.record(), "{array:?}");
        assert_eq!(whole.accuracy(&examples).unwrap(), second.accuracy(&examples).unwrap());
    }
}

#[test]
fn noise_differs_from_read_to_read() {
    let read = ReadSettings { noise: Some(Spread::Absolute { sigma: 0.5 }), ..ReadSettings::default() };
    let array = ArraySettings { read, ..ArraySettings::default() };
    let mut synapses = Synapses::devices(&noisy(), &array, SHAPE, 5).unwrap();
    let weights = synapses.weights();
    let mut read = || {
        let mut totals = [0.0; 3];
        synapses.read(&weights, &[0.5, 0.5, 1.0], &mut totals);
        totals
    };
    assert_ne!(read(), read());
}

#[test]
fn records_that_do_not_fit_are_refused() {
    let examples = examples(20);
    let mut perceptron = on_devices(&noisy(), &ArraySettings::default());
    perceptron.learn(&examples, 11).unwrap();
    let record = perceptron.record();
    let refused = |change: &dyn Fn(&mut crate::learning::record::Record)| {
        let mut record = record.clone();
        change(&mut record);
        on_devices(&noisy(), &ArraySettings::default()).restore(record).unwrap_err().to_string()
    };
    for name in ["position", "reads", "array.stamp", "array.devices0.state"] {
        let message = refused(&|record| drop(record.remove(name)));
        assert!(message.contains(&format!("'{name}'")), "{message}");
    }
    assert!(refused(&|record| drop(record.insert("weights".to_owned(), vec![0.0; 9]))).contains("'weights'"));
    // Epochs beyond the last one; more right ones than examples.
    for place in [0, 8] {
        let message = refused(&|record| record.get_mut("position").unwrap()[place] = 99.0);
        assert!(message.contains("'position'"), "{message}");
    }
    let float = Perceptron::new(settings(), Synapses::float(SHAPE), 3).unwrap();
    assert!(on_devices(&noisy(), &ArraySettings::default()).restore(float.record()).is_err());
}

#[test]
fn other_examples_are_refused() {
    let mut perceptron = on_devices(&noisy(), &ArraySettings::default());
    perceptron.learn(&examples(20), 11).unwrap();
    for other in [examples(10), Examples::new(2, 4), Examples::new(3, 3)] {
        assert!(matches!(perceptron.learn(&other, 1), Err(CompilerError::Samples { .. })));
    }
    let mut examples = Examples::new(2, 3);
    assert!(examples.push([0.0].into_iter(), 0).is_err());
    assert!(examples.push([0.0, f32::NAN].into_iter(), 0).is_err());
    let message = examples.push([0.0, 0.0].into_iter(), 3).unwrap_err().to_string();
    assert!(message.contains("below 3"), "{message}");
    assert!(examples.is_empty());
    examples.push([0.5, -0.5].into_iter(), 2).unwrap();
    assert_eq!((examples.inputs(0), examples.label(0)), (&[0.5, -0.5, 1.0][..], 2));
    assert!(Perceptron::new(PerceptronSettings { rate_decay: 0.0, ..settings() }, Synapses::float(SHAPE), 3).is_err());
}

#[test]
fn few_bits_of_converters_hurt() {
    let examples = examples(120);
    let ideal = device("model = { family = \"constant-step\" }\nstep = { size = 1e-4 }");
    let accuracy = |read: ReadSettings| {
        let array = ArraySettings { gain: 10.0, read, ..ArraySettings::default() };
        let mut perceptron = on_devices(&ideal, &array);
        finish(&mut perceptron, &examples, usize::MAX);
        perceptron.accuracy(&examples).unwrap()
    };
    let with = |input: u32, output: u32| ReadSettings {
        input_converter: Some(InputConverter { bits: input, range: None }),
        output_converter: Some(OutputConverter { bits: output, range: 8.0 }),
        ..ReadSettings::default()
    };
    let exact = accuracy(ReadSettings::default());
    assert!((accuracy(with(16, 16)) - exact).abs() < 0.02, "{exact}");
    assert!(accuracy(with(1, 16)) < exact - 0.1 && accuracy(with(16, 2)) < exact - 0.1);
}
