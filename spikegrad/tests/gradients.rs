//! What the error spikes stand for: the gradient of the loss.

mod common;

use common::networks::{Generator, connect, population, weights_of};
use common::reference::reciprocals;
use common::smooth::{self, Parameters};
use common::task::{self, Quadrants};
use kernels::Isa;
use snn::description::FORMAT;
use snn::{
    Network, NetworkDescription, NeuronKind, ProjectionKindDescription as Kind, Shorthand, ShorthandPadding, Threshold,
    WeightFormat,
};
use spikegrad::loss::cross_entropy;
use spikegrad::{ErrorPass, Resources, Samples, Trainer, TrainingSettings, readout_errors};

/// Weights between -`limit` and `limit` everywhere, biases of up to a threshold.
fn fill(network: &mut Network, generator: &mut Generator, limit: i64) {
    for index in 0..network.projections().len() {
        let projection = &network.projections()[index];
        if projection.weights.is_some() {
            let count = projection.connection.weight_count();
            let values: Vec<i64> = (0..count).map(|_| generator.between(-limit, limit)).collect();
            let weights = weights_of(network.weight_format(), &values);
            network.set_weights(index, weights).unwrap();
        }
    }
    for index in 0..network.populations().len() {
        let population = &network.populations()[index];
        if let Some(bias) = &population.bias {
            let values = (0..bias.len()).map(|channel| {
                let threshold = population.threshold(channel);
                generator.between(-threshold, threshold) as i32
            });
            let values = values.collect();
            network.set_bias(index, snn::Bias::Integer(values)).unwrap();
        }
    }
    network.check_bounds().unwrap();
}

/// Convolution, pooling, a residual connection and thresholds per channel that are no powers of two.
fn residual_network() -> Network {
    let mut description =
        NetworkDescription { format: FORMAT, weights: WeightFormat::I8, populations: vec![], projections: vec![] };
    let mut add = |name: &str, shape: Vec<usize>, neuron, bits, threshold, bias| {
        let mut new = population(name.to_owned(), shape, neuron);
        (new.fraction_bits, new.threshold, new.bias) = (bits, threshold, bias);
        description.populations.push(new);
    };
    use NeuronKind::{Input, Linear, Readout, Relu};
    add("input", vec![2, 5, 5], Input, 0, None, false);
    add("first", vec![3, 5, 5], Relu, 6, Some(Threshold::PerChannel(vec![211, 300, 457])), true);
    add("second", vec![3, 5, 5], Relu, 6, Some(Threshold::Uniform(333)), true);
    add("pooling", vec![3, 2, 2], Linear, 0, Some(Threshold::Uniform(4)), false);
    add("hidden", vec![7], Linear, 6, Some(Threshold::PerChannel(vec![90, 77, 101, 64, 150, 97, 83])), true);
    add("readout", vec![4], Readout, 9, None, true);
    connect(&mut description, 0, 1, Kind::Convolution { kernel: [3, 3], stride: [1, 1], padding: [1, 1] });
    connect(&mut description, 1, 2, Kind::Convolution { kernel: [3, 3], stride: [1, 1], padding: [1, 1] });
    connect(&mut description, 1, 2, Kind::Identity { weight: 150 });
    connect(&mut description, 2, 3, Kind::SumPooling { window: [2, 2], stride: [2, 2], weight: 1 });
    connect(&mut description, 3, 4, Kind::Dense);
    connect(&mut description, 4, 5, Kind::Dense);
    connect(&mut description, 3, 5, Kind::Dense);
    Network::build(&description).unwrap()
}

fn random_input(generator: &mut Generator, count: usize, largest: i64) -> Vec<u8> {
    (0..count).map(|_| generator.between(0, largest) as u8).collect()
}

/// |a - b| relative to the larger norm.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let size = norm(&mut a.iter().copied()).max(norm(&mut b.iter().copied()));
    if size == 0.0 { 0.0 } else { norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / size }
}

#[test]
fn the_gradient_formula_equals_finite_differences_of_the_unrounded_network() {
    let mut compared = 0;
    for seed in 0..6 {
        let mut generator = Generator::new(seed);
        let mut network = residual_network();
        fill(&mut network, &mut generator, 30);
        let input: Vec<f64> = random_input(&mut generator, 50, 20).into_iter().map(f64::from).collect();
        let label = generator.size(0, 3);
        let readout = network.single_readout().unwrap();
        let loss = |parameters: &Parameters| {
            let smooth = smooth::forward(&network, parameters, &input);
            let (loss, _) = cross_entropy(&smooth.activations[readout], label, &mut [0.0; 4]);
            (loss, smooth.gates)
        };
        let parameters = Parameters::of(&network);
        let smooth = smooth::forward(&network, &parameters, &input);
        let mut derivative = vec![0.0; 4];
        cross_entropy(&smooth.activations[readout], label, &mut derivative);
        let exact =
            |population: usize, channel: usize| 1.0 / network.populations()[population].threshold(channel) as f64;
        let (errors, products) = smooth::backward(&network, &smooth.activations, &smooth.gates, &derivative, exact);
        let step = 1e-4;
        for (index, projection) in network.projections().iter().enumerate() {
            if projection.weights.is_none() {
                continue;
            }
            let rows = network.populations()[projection.to].shape.channels;
            let row = products[index].len() / rows;
            for place in (0..products[index].len()).step_by(7) {
                let moved = |by: f64| {
                    let mut moved = parameters.clone();
                    moved.weights[index][place] += by;
                    loss(&moved)
                };
                let ((above, gates_above), (below, gates_below)) = (moved(step), moved(-step));
                if gates_above != gates_below {
                    continue; // a kink lies between the two
                }
                let expected = products[index][place] * exact(projection.to, place / row);
                let found = (above - below) / (2.0 * step);
                assert!((found - expected).abs() < 1e-6 + 1e-4 * expected.abs(), "{found} {expected}");
                compared += 1;
            }
        }
        for (index, population) in network.populations().iter().enumerate() {
            for channel in 0..parameters.bias[index].len() {
                let moved = |by: f64| {
                    let mut moved = parameters.clone();
                    moved.bias[index][channel] += by;
                    loss(&moved)
                };
                let ((above, gates_above), (below, gates_below)) = (moved(step), moved(-step));
                if gates_above == gates_below {
                    let channels = population.shape.channels;
                    let sum: f64 = errors[index].iter().skip(channel).step_by(channels).sum();
                    let (found, expected) = ((above - below) / (2.0 * step), sum * exact(index, channel));
                    assert!((found - expected).abs() < 1e-6 + 1e-4 * expected.abs(), "{found} {expected}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn the_float_twin_is_that_formula_at_the_rounded_counts() {
    for seed in 0..60 {
        let mut generator = Generator::new(seed);
        let format = [WeightFormat::I8, WeightFormat::I16][seed as usize % 2];
        let network = if seed < 40 {
            generator.network(format)
        } else {
            let mut network = residual_network();
            fill(&mut network, &mut generator, 100);
            network
        };
        let input = generator.input(&network);
        let errors: Vec<f32> = generator.errors(&network, 1000).iter().map(|&error| error as f32 / 1024.0).collect();
        let mut pass = ErrorPass::new(&network, Isa::detect()).unwrap();
        let forward = pass.forward(&input).unwrap();
        let found = pass.float_backward(&input, &errors).unwrap();
        let counts: Vec<Vec<f64>> =
            forward.counts.iter().map(|c| c.iter().map(|&count| count.into()).collect()).collect();
        let errors: Vec<f64> = errors.iter().map(|&error| error.into()).collect();
        let reciprocal = |population: usize, channel: usize| {
            let all = reciprocals(&network.populations()[population].thresholds);
            let (factor, denominator) = all[channel % all.len()];
            factor as f64 / denominator as f64
        };
        let (errors, products) = smooth::backward(&network, &counts, &forward.gates, &errors, reciprocal);
        let double = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>();
        for (index, population) in network.populations().iter().enumerate() {
            let distance = distance(&errors[index], &double(&found.errors[index]));
            assert!(distance < 1e-4, "seed {seed}: errors of {}: {distance}", population.name);
            for (channel, &sum) in found.bias_gradients[index].iter().enumerate() {
                let each = errors[index].iter().skip(channel).step_by(population.shape.channels);
                let (expected, size) = each.fold((0.0, 0.0), |(sum, size), e| (sum + e, size + e.abs()));
                assert!((f64::from(sum) - expected).abs() <= 1e-4 * size, "seed {seed}: bias of {}", population.name);
            }
        }
        for (index, projection) in network.projections().iter().enumerate() {
            let distance = distance(&products[index], &double(&found.weight_gradients[index]));
            assert!(distance < 1e-4, "seed {seed}: gradient of {}: {distance}", projection.name);
        }
    }
}

#[test]
fn a_large_alpha_brings_error_spikes_to_the_float_gradient() {
    // Small weights over the readout's threshold keep the errors below 127 up to alpha = 10^4.
    let mut network = residual_network();
    let mut generator = Generator::new(11);
    fill(&mut network, &mut generator, 12);
    let input = random_input(&mut generator, 50, 60);
    let mut pass = ErrorPass::new(&network, Isa::detect()).unwrap();
    let forward = pass.forward(&input).unwrap();
    let mut derivative = vec![0.0; 4];
    cross_entropy(&forward.logits, 2, &mut derivative);
    assert!(derivative.iter().all(|value| value.abs() > 0.01), "a loss with something to learn: {derivative:?}");
    let exact: Vec<f32> = derivative.iter().map(|&value| value as f32).collect();
    let float = pass.float_backward(&input, &exact).unwrap();
    let at = |pass: &mut ErrorPass<'_>, alpha: f64| {
        let errors = readout_errors(&forward.logits, 2, alpha).unwrap();
        let spikes = pass.backward(&input, &errors).unwrap();
        let readout = network.single_readout().unwrap();
        let below = spikes.errors.iter().enumerate().filter(|(index, _)| *index != readout);
        assert!(below.flat_map(|(_, errors)| errors).all(|error| error.abs() < 127), "clipped at {alpha}");
        // The projections into the readout, then those below it whose errors were rounded.
        let relative = |index: usize| {
            let gradient: Vec<f64> = spikes.weight_gradients[index].iter().map(|&g| g as f64 / alpha).collect();
            let expected: Vec<f64> = float.weight_gradients[index].iter().map(|&g| g.into()).collect();
            distance(&gradient, &expected)
        };
        let into = |index: usize| network.projections()[index].to;
        let trained: Vec<usize> =
            (0..network.projections().len()).filter(|&index| network.projections()[index].weights.is_some()).collect();
        let top = trained.iter().filter(|&&index| into(index) == readout).map(|&index| relative(index));
        let hidden = network.population_index("hidden").unwrap();
        let middle = trained.iter().filter(|&&index| into(index) == hidden).map(|&index| relative(index));
        (top.fold(0.0, f64::max), middle.fold(0.0, f64::max))
    };
    let results: Vec<(f64, f64)> = [30.0, 300.0, 3000.0].map(|alpha| at(&mut pass, alpha)).to_vec();
    assert!(results.windows(2).all(|pair| pair[1].0 < 0.4 * pair[0].0 && pair[1].1 < 0.4 * pair[0].1), "{results:?}");
    assert!(results[2].0 < 1e-3 && results[2].1 < 0.05, "{results:?}");
}

#[test]
fn readout_errors_round_per_example_and_are_never_clipped() {
    // alpha = 1: only |softmax - onehot| of at least one half becomes a spike.
    let logits = [2.0, 0.1, -1.0, 0.3];
    let mut derivative = [0.0; 4];
    cross_entropy(&logits, 0, &mut derivative);
    assert!(derivative.iter().all(|value| value.abs() < 0.5));
    assert_eq!(readout_errors(&logits, 0, 1.0).unwrap(), [0; 4]);
    // Two equal logits: a gradient of exactly one half, away from zero.
    assert_eq!(readout_errors(&[3.0, 3.0], 1, 1.0).unwrap(), [1, -1]);
    assert_eq!(readout_errors(&[3.0, 3.0], 1, 5.0).unwrap(), [3, -3]);
    assert_eq!(readout_errors(&[3.0, 3.0], 1, 100_000.0).unwrap(), [50_000, -50_000]);
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(readout_errors(&[0.0, 0.0], 0, wrong).unwrap_err().to_string().contains("alpha"));
    }
    assert!(readout_errors(&[0.0, 0.0], 2, 1.0).is_err());
    assert!(readout_errors(&[f64::NAN, 0.0], 0, 1.0).is_err());
}

#[test]
fn halves_round_away_from_zero_in_both_directions() {
    for (neuron, expected) in [(NeuronKind::Linear, [1, -1, 3, -3, 0]), (NeuronKind::Relu, [1, 0, 3, 0, 0])] {
        let mut description =
            NetworkDescription { format: FORMAT, weights: WeightFormat::I8, populations: vec![], projections: vec![] };
        let mut input = population("input".to_owned(), vec![5], NeuronKind::Input);
        (input.minimum_count, input.maximum_count) = (Some(-128), Some(127));
        let mut half = population("half".to_owned(), vec![5], neuron);
        half.threshold = Some(Threshold::Uniform(2));
        let mut readout = population("readout".to_owned(), vec![5], NeuronKind::Readout);
        readout.fraction_bits = 1;
        description.populations = vec![input, half, readout];
        connect(&mut description, 0, 1, Kind::Identity { weight: 1 });
        connect(&mut description, 1, 2, Kind::Dense);
        let mut network = Network::build(&description).unwrap();
        let identity: Vec<i64> = (0..25).map(|index| i64::from(index % 6 == 0)).collect();
        network.set_weights(1, weights_of(WeightFormat::I8, &identity)).unwrap();
        let mut pass = ErrorPass::new(&network, Isa::detect()).unwrap();
        let input = [1i8, -1, 5, -5, 0].map(|count| count as u8);
        let forward = pass.forward(&input).unwrap();
        assert_eq!(forward.counts[1], expected);
        let open = neuron == NeuronKind::Linear;
        assert_eq!(forward.gates[1], [true, open, true, open, open]);
        let result = pass.backward(&input, &[1, -1, 5, -5, 1]).unwrap();
        let gated = |error: i32| if open { error } else { 0 };
        assert_eq!(result.errors[1], [1, gated(-1), 3, gated(-3), gated(1)]);
    }
}

/// `w -= learning_rate / (alpha * batch) * sum over the batch of E (outer) S * 2^f / threshold`.
fn check_step(description: &NetworkDescription, learning_rate: f64) {
    let samples = Quadrants::new(20, 3);
    let settings = TrainingSettings { momentum: 0.0, learning_rate, ..task::settings() };
    let network = Network::build(description).unwrap();
    let mut trainer = Trainer::new(network, settings.clone(), Resources { threads: 2, isa: Isa::detect() }).unwrap();
    let before = trainer.network().clone();
    let mut pass = ErrorPass::new(&before, Isa::Scalar).unwrap();
    let mut sums: Vec<Vec<f64>> = before.projections().iter().map(|p| vec![0.0; p.connection.weight_count()]).collect();
    for index in 0..samples.len() {
        let mut input = vec![0; samples.input_length()];
        samples.fill(Some(0), index, &mut input);
        let forward = pass.forward(&input).unwrap();
        let errors = readout_errors(&forward.logits, samples.label(index), settings.alpha).unwrap();
        let result = pass.backward(&input, &errors).unwrap();
        for (sum, gradient) in sums.iter_mut().flatten().zip(result.weight_gradients.iter().flatten()) {
            *sum += *gradient as f64;
        }
    }
    trainer.step(&samples).unwrap();
    for (index, projection) in before.projections().iter().enumerate() {
        let (Some(old), Some(new)) = (&projection.weights, &trainer.network().projections()[index].weights) else {
            continue;
        };
        let (mut moved, mut differing) = (0, 0);
        let target = &before.populations()[projection.to];
        let unit = f64::from(1u32 << target.fraction_bits);
        for (place, sum) in sums[index].iter().enumerate() {
            let channel = place / (old.len() / target.shape.channels);
            let gradient = sum * unit / target.threshold(channel) as f64;
            let rate = settings.learning_rate / (settings.alpha * samples.len() as f64);
            // The master weight is float: a mantissa next to a tie may fall either way.
            let expected = old.get(place) - rate * gradient * unit;
            let found = new.get(place);
            assert!((found - expected).abs() < 0.502, "{} {place}: {found} {expected}", projection.name);
            differing += usize::from(found != expected.round());
            moved += usize::from(found != old.get(place));
        }
        let (name, all) = (&projection.name, old.len());
        assert!(5 * moved > all, "{name}: many weights move: {moved} of {all}");
        assert!(100 * differing <= all, "{name}: {differing} of {all}");
    }
}

#[test]
fn a_step_descends_the_sum_of_the_gradients_of_its_examples() {
    let mut description = task::description(WeightFormat::I16);
    for population in description.populations.iter_mut().filter(|population| population.fraction_bits > 0) {
        population.fraction_bits = 10;
    }
    description.populations[1].threshold = Some(Threshold::PerChannel(vec![20 << 10, 15 << 10, 12 << 10, 30 << 10]));
    check_step(&description, 2.0);
}

/// Projections so large that their gradients are computed in blocks, inside the update.
#[test]
fn a_step_of_a_wide_network_descends_the_same_sum() {
    let shorthand = Shorthand {
        topology: "6x6-30C3-258C3-260-4",
        channels: 1,
        padding: Some(ShorthandPadding::Valid),
        weights: WeightFormat::I16,
        input_maximum: 255,
        input_minimum: 0,
        input_gain: 30.0,
        output_gain: 1.0,
        maximum_count: None,
        fraction_bits: Some(12),
    };
    check_step(&shorthand.describe().unwrap(), 0.5);
}
