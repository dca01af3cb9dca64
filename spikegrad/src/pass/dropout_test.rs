//! Dropout in the training pass equals an inference network with scaled thresholds whose dropped
//! neurons are silent.

use std::collections::BTreeMap;

use kernels::{Engine, Isa, Parallelism};
use snn::random::{Purpose, Stream};
use snn::{Bias, Network, NetworkDescription, Threshold, Weights};

use super::{Activity, DropoutPosition, PassContext};
use crate::inference::Inference;
use crate::plan::Plan;
use crate::prepared::{Forms, Prepared};
use crate::settings::TrainingSettings;

const EXAMPLES: usize = 24;
const NETWORK: &str = r#"
    [[population]]
    name = "input"
    shape = [12]
    neuron = "input"
    [[population]]
    name = "first"
    shape = [64]
    neuron = "relu"
    threshold = 40
    [[population]]
    name = "second"
    shape = [48]
    neuron = "relu"
    threshold = 200
    bias = true
    [[population]]
    name = "readout"
    shape = [5]
    neuron = "readout"
    fraction_bits = 4
    bias = true
    [[projection]]
    name = "a"
    from = "input"
    to = "first"
    kind = "dense"
    [[projection]]
    name = "b"
    from = "first"
    to = "second"
    kind = "dense"
    [[projection]]
    name = "c"
    from = "second"
    to = "readout"
    kind = "dense"
"#;

/// The network with random weights; `halved` divides thresholds and biases after each dropped
/// population by two, which is the share that dropout keeps below.
fn network(halved: bool) -> Network {
    let mut description = NetworkDescription::from_toml(NETWORK).unwrap();
    let divisor = if halved { 2 } else { 1 };
    description.populations[2].threshold = Some(Threshold::Uniform(200 / divisor));
    description.populations[3].threshold = Some(Threshold::Uniform(16 / divisor));
    let mut network = Network::build(&description).unwrap();
    let mut stream = Stream::new(5, Purpose::Test, 0);
    for index in 0..3 {
        let count = network.projections()[index].connection.weight_count();
        let weights = (0..count).map(|_| stream.below(101) as i8 - 50).collect();
        network.set_weights(index, Weights::I8(weights)).unwrap();
    }
    for (index, count) in [(2, 48), (3, 5)] {
        let biases = (0..count).map(|_| (2 * stream.below(200) as i32 - 200) / divisor as i32);
        let biases = Bias::Integer(biases.collect());
        network.set_bias(index, biases).unwrap();
    }
    network
}

/// Runs the training pass and hands over its activity.
fn train_pass(input: &[u8], dropout: Option<DropoutPosition<'_>>, examples: usize) -> Activity {
    let network = network(false);
    let shares = BTreeMap::from([("first".to_owned(), 0.5), ("second".to_owned(), 0.5)]);
    let settings = TrainingSettings { dropout: shares, ..TrainingSettings::default() };
    let plan = Plan::new(&network, &settings).unwrap();
    let engine = Engine::new(Isa::detect(), Parallelism::Serial).unwrap();
    let prepared = Prepared::new(&network, &plan, Forms { backward: true, float: false }, engine).unwrap();
    let context = PassContext { network: &network, plan: &plan, prepared: &prepared, engine, substrate: None };
    let mut activity = Activity::new(&context, examples, true, false);
    context.forward(&mut activity, input, examples, dropout).unwrap();
    activity
}

fn input() -> Vec<u8> {
    let mut stream = Stream::new(6, Purpose::Test, 0);
    (0..12 * EXAMPLES).map(|_| stream.below(12) as u8).collect()
}

fn samples() -> Vec<u32> {
    (100..100 + EXAMPLES as u32).collect()
}

/// The counts of an inference network whose input is population `from` of `halved`.
fn next_counts(halved: &Network, from: usize, counts: &[u8]) -> (Vec<u8>, Vec<f64>) {
    let mut description = halved.description().clone();
    description.populations.drain(..from);
    description.projections.drain(..from);
    let source = &mut description.populations[0];
    (source.neuron, source.threshold, source.bias) = (snn::NeuronKind::Input, None, false);
    let mut rest = Network::build(&description).unwrap();
    for index in from..3 {
        let weights = halved.projections()[index].weights.clone().unwrap();
        rest.set_weights(index - from, weights).unwrap();
    }
    for index in from + 1..4 {
        if let Some(bias) = &halved.populations()[index].bias {
            rest.set_bias(index - from, bias.clone()).unwrap();
        }
    }
    let mut inference = Inference::new(&rest, Isa::Scalar, EXAMPLES).unwrap();
    inference.run(counts, EXAMPLES).unwrap();
    (inference.counts(1).bytes().to_vec(), inference.logits().to_vec())
}

#[test]
fn training_equals_inference_with_scaled_thresholds_and_silent_neurons() {
    let (input, samples) = (input(), samples());
    let position = DropoutPosition { seed: 9, epoch: 2, samples: &samples };
    let activity = train_pass(&input, Some(position), EXAMPLES);
    let halved = network(true);
    let mut before = input.clone();
    for population in 1..3 {
        let (expected, _) = next_counts(&halved, population - 1, &before);
        let (counts, gates) = (&activity.counts[population], &activity.gates[population]);
        let mut dropped = 0;
        for ((&count, &gate), &expected) in counts.iter().zip(gates).zip(&expected) {
            assert!((count, gate) == (0, 0) || count == expected, "{count} {expected}");
            dropped += usize::from(gate == 0 && expected > 0);
        }
        let driven = expected.iter().filter(|&&count| count > 0).count();
        let share = dropped as f64 / driven as f64;
        assert!(driven > 200 && (share - 0.5).abs() < 2.5 / (driven as f64).sqrt(), "{dropped} of {driven}");
        before.clone_from(counts);
    }
    let (_, logits) = next_counts(&halved, 2, &before);
    assert_eq!(activity.logits, logits);
}

#[test]
fn the_mask_depends_on_seed_epoch_and_sample_only() {
    let (input, samples) = (input(), samples());
    let gates = |seed, epoch, samples: &[u32]| {
        let examples = samples.len();
        let position = DropoutPosition { seed, epoch, samples };
        let first = (samples[0] - 100) as usize;
        train_pass(&input[first * 12..(first + examples) * 12], Some(position), examples).gates[1].clone()
    };
    let whole = gates(9, 2, &samples);
    assert_eq!(gates(9, 2, &samples[10..13]), whole[10 * 64..13 * 64]);
    assert_ne!(gates(9, 3, &samples), whole);
    assert_ne!(gates(8, 2, &samples), whole);
}

#[test]
fn without_dropout_the_network_itself_runs() {
    let input = input();
    let activity = train_pass(&input, None, EXAMPLES);
    let network = network(false);
    let mut inference = Inference::new(&network, Isa::Scalar, EXAMPLES).unwrap();
    inference.run(&input, EXAMPLES).unwrap();
    assert_eq!(activity.counts[1], inference.counts(1).bytes());
    assert_eq!(activity.counts[2], inference.counts(2).bytes());
    assert_eq!(activity.logits, inference.logits());
}
