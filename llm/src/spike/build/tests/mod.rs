//! Constructions and executions on small random models.

mod resume;
mod saliency;

use std::sync::Arc;

use kernels::{Engine, Parallelism};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::{Stop, equalised, quantise, record, spike, statistics::BlockStatistics};
use crate::forward::{Execution, Session, forward};
use crate::model::{
    AttentionBiases, BlockWeights, Linear, LinearWeights, ModelConfig, Pairing, Rotary, RotaryScaling, Site, Weights,
};
use crate::spike::configuration::{
    ActivationSection, CacheSection, CalibrationSection, ClassSection, EqualisationSection, KeptFormat, KeptSection,
    SpikeConfiguration, TernarySection, WeightMethod, WeightSection,
};
use crate::spike::{QuantisedExecution, SpikingExecution, TopCodes};
use crate::{LlmError, Model};

fn engine() -> Engine {
    Engine::detect(Parallelism::Serial)
}

/// A model of two blocks, weights such that activations keep their size; odd widths, shared heads, biases.
fn random_model(seed: u64) -> Model {
    let config = ModelConfig {
        hidden: 34,
        feed_forward: 51,
        blocks: 2,
        heads: 4,
        key_value_heads: 2,
        head: 10,
        vocabulary: 29,
        context: 64,
        norm_epsilon: 1e-5,
        rotary: Rotary { theta: 100.0, pairing: Pairing::HalfSplit, scaling: RotaryScaling::None },
        biases: AttentionBiases::QueryKeyValue,
        sliding_window: None,
        tied_embeddings: true,
        beginning: None,
        ends: vec![],
    };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut array = |rows, columns: usize, size: f32| {
        let number = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        Array2::from_shape_simple_fn((rows, columns), number) * size
    };
    let embedding = array(config.vocabulary, config.hidden, 1.0).into();
    let blocks = (0..config.blocks).map(|_| BlockWeights {
        attention_norm: array(1, config.hidden, 0.5).iter().map(|gain| 1.0 + gain).collect(),
        feed_forward_norm: array(1, config.hidden, 0.5).iter().map(|gain| 1.0 + gain).collect(),
        linears: Linear::ALL.map(|linear| {
            let [outputs, inputs] = linear.shape(&config);
            let bias = config.biases.has(linear).then(|| array(1, outputs, 0.3).into_iter().collect());
            LinearWeights { weight: array(outputs, inputs, 1.7 / (inputs as f32).sqrt()).into(), bias }
        }),
    });
    let blocks = blocks.collect();
    let final_norm = vec![1.0; config.hidden];
    Model::new(config, Weights { embedding, blocks, final_norm, output: None }).unwrap()
}

fn sequences(model: &Model, seed: u64) -> Vec<Vec<u32>> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let vocabulary = model.config().vocabulary as u32;
    (0..6).map(|_| (0..24).map(|_| generator.next_u32() % vocabulary).collect()).collect()
}

fn hidden<E: Execution>(execution: &E, tokens: &[u32]) -> Array2<f32> {
    let mut session = Session::new(execution, tokens.len()).unwrap();
    forward(execution, &mut session, tokens).unwrap()
}

fn statistics(model: &Model) -> BlockStatistics {
    let inputs: Vec<Array2<f32>> =
        sequences(model, 3).iter().map(|tokens| model.frame().embed(tokens).unwrap()).collect();
    record(&model.of_block(0), engine(), &inputs, Stop::NEVER).unwrap()
}

#[test]
fn saliency_sums_to_the_output_energy() {
    let model = random_model(5);
    let statistics = statistics(&model);
    for site in Site::ALL {
        let found: f64 = statistics.sites[site.index()].channels.signed.iter().sum();
        let mut energy = 0.0;
        for &linear in site.linears() {
            let weights = model.linear(0, linear).weight.to_array().mapv(f64::from);
            let products = weights.dot(&statistics.sites[site.index()].products).dot(&weights.t());
            energy += products.diag().sum();
        }
        assert!((found - energy).abs() < 1e-3 * energy, "{site}: {found} {energy}");
    }
}

#[test]
fn gptq_leaves_less_output_error_than_rounding() {
    let model = random_model(7);
    let statistics = statistics(&model);
    for site in Site::ALL {
        let statistics = &statistics.sites[site.index()];
        let weights = model.linear(0, site.linears()[0]).weight.to_array();
        let error = |section: &WeightSection| {
            let few = quantise(&weights, &statistics.products, statistics.tokens, section).unwrap();
            few.check("weights").unwrap();
            let wrong = (few.dequantised() - &weights).mapv(f64::from);
            wrong.dot(&statistics.products).dot(&wrong.t()).diag().sum()
        };
        for bits in [3, 4] {
            let rounding = WeightSection { bits, method: WeightMethod::RoundToNearest, ..WeightSection::default() };
            let gptq = WeightSection { method: WeightMethod::Gptq, ..rounding.clone() };
            assert!(error(&gptq) < error(&rounding), "{site} {bits}");
            let unclipped = WeightSection { clip: false, ..rounding.clone() };
            let grouped = WeightSection { group: Some(8), ..unclipped.clone() };
            assert!(error(&grouped) < error(&unclipped), "{site} {bits}");
        }
        let ternary =
            |steps| WeightSection { ternary: Some(TernarySection { share: 1.0, steps }), ..WeightSection::default() };
        assert!(error(&ternary(8)) < error(&ternary(1)), "{site}");
    }
}

#[test]
fn gptq_without_correlations_is_rounding() {
    let weights = Array2::from_shape_fn((9, 16), |(r, c)| ((r * 31 + c * 17) % 23) as f32 / 7.0 - 1.5);
    let products = Array2::from_diag_elem(16, 4.0);
    let section = |method| WeightSection { method, ..WeightSection::default() };
    let gptq = quantise(&weights, &products, 4, &section(WeightMethod::Gptq)).unwrap();
    assert_eq!(gptq, quantise(&weights, &products, 4, &section(WeightMethod::RoundToNearest)).unwrap());
}

#[test]
fn symmetric_codes_are_signed_integers() {
    let weights = Array2::from_shape_fn((9, 23), |(r, c)| ((r * 31 + c * 17) % 23) as f32 / 7.0 - 0.9);
    for (bits, group) in [(2u32, None), (3, Some(5)), (4, None), (8, Some(7))] {
        let section = WeightSection {
            bits,
            group,
            symmetric: true,
            clip: false,
            method: WeightMethod::RoundToNearest,
            ..WeightSection::default()
        };
        let found = quantise(&weights, &Array2::from_diag_elem(23, 1.0), 1, &section).unwrap();
        found.check("weights").unwrap();
        let (least, most) = (-(1i32 << (bits - 1)), (1i32 << (bits - 1)) - 1);
        let stood_for = found.dequantised();
        for ((row, column), &weight) in weights.indexed_iter() {
            let group = group.unwrap_or(23);
            let part = (column / group * group..23.min((column / group + 1) * group)).map(|c| weights[[row, c]].abs());
            let scale = 2.0 * part.fold(0.0, f32::max) / ((1 << bits) - 1) as f32;
            let integer = ((weight / scale).round() as i32).clamp(least, most);
            assert!((stood_for[[row, column]] - scale * integer as f32).abs() < 1e-5, "{bits} bits, {row} {column}");
        }
        let asymmetric =
            quantise(&weights, &Array2::from_diag_elem(23, 1.0), 1, &WeightSection { symmetric: false, ..section });
        assert_eq!(asymmetric.unwrap().bytes() - found.bytes(), found.scales.len());
        let mut wrong = found;
        wrong.zeros[3] += 1;
        assert!(wrong.check("weights").is_err());
    }
    let one = SpikeConfiguration {
        weights: WeightSection { bits: 1, symmetric: true, ..WeightSection::default() },
        ..SpikeConfiguration::default()
    };
    assert!(one.check().is_err());
}

#[test]
fn equalisation_changes_nothing_in_floats() -> Result<(), LlmError> {
    let model = random_model(11);
    let configuration = SpikeConfiguration {
        equalisation: EqualisationSection { alphas: vec![0.25, 0.5, 0.75] },
        ..SpikeConfiguration::default()
    };
    let block = model.of_block(0);
    let changed = equalised(&block, &statistics(&model), &configuration)?;
    assert_ne!(
        changed.frame().norm(0, crate::model::Norm::Attention),
        block.frame().norm(0, crate::model::Norm::Attention)
    );
    let tokens = &sequences(&model, 4)[0];
    let [before, after] =
        [block, changed].map(|model| hidden(&crate::forward::FloatExecution::new(model, engine()), tokens));
    let most = before.iter().zip(&after).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(most < 1e-4, "{most}");
    Ok(())
}

/// Settings from bits of a number.
fn configuration(choice: u32) -> SpikeConfiguration {
    let bit = |place: u32| choice >> place & 1 == 1;
    let classes = vec![ClassSection { share: 0.1, steps: 4 }, ClassSection { share: 0.15, steps: 2 }];
    SpikeConfiguration {
        weights: WeightSection {
            bits: if bit(0) { 8 } else { 3 },
            head: if bit(3) { 8 } else { 16 },
            group: bit(1).then_some(5),
            symmetric: bit(5),
            ternary: bit(2).then_some(TernarySection { share: 0.2, steps: 3 }),
            ..WeightSection::default()
        },
        activations: ActivationSection {
            bits: if bit(3) { 8 } else { 4 },
            classes: if bit(4) { classes } else { ActivationSection::default().classes },
            top: if bit(5) { TopCodes::Full } else { TopCodes::Reachable },
            global: bit(6),
            ..ActivationSection::default()
        },
        cache: CacheSection { bits: if bit(7) { 16 } else { 4 }, ..CacheSection::default() },
        kept: KeptSection {
            count: usize::from(bit(6)) * 3,
            random: bit(1),
            format: if bit(2) { KeptFormat::F8E4m3 } else { KeptFormat::F16 },
        },
        equalisation: EqualisationSection { alphas: if bit(0) { vec![0.5] } else { vec![] } },
        calibration: CalibrationSection { sequences: 4, tokens: 20, quantised: bit(3), seed: 9 },
    }
}

#[test]
fn spikes_equal_the_fake_quantised_twin() {
    for choice in [0u32, 0b1010_1010, 0b0101_0101, 0b0111_0110, 0b1000_1001, 0b0010_1100, 0b1101_0011] {
        let model = random_model(choice.into());
        let spiked = spike(&model, &configuration(choice), &sequences(&model, 1), engine(), |_| ()).unwrap();
        let spiked = Arc::new(spiked);
        let spikes = SpikingExecution::new(spiked.clone(), engine()).unwrap();
        let floats = QuantisedExecution::new(spiked.clone(), engine()).unwrap();
        let mut differences: Vec<f32> = Vec::new();
        for tokens in sequences(&model, 2) {
            let (found, expected) = (hidden(&spikes, &tokens), hidden(&floats, &tokens));
            let [a, b] = [spikes.logits(expected.view()).unwrap(), floats.logits(expected.view()).unwrap()];
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3 * (1.0 + b.abs())), "{choice:b}");
            differences.extend(found.iter().zip(&expected).map(|(a, b)| (a - b).abs()));
        }
        // Where a float sum rounds an activation to the next code, or the next number of FP8, the difference is one of
        // these, also of the tokens that follow; it is rare.
        let mean = differences.iter().sum::<f32>() / differences.len() as f32;
        assert!(mean < 0.02, "{choice:b}: {mean}");
        let close = differences.iter().filter(|&&difference| difference < 1e-3).count();
        assert!(close * 2 > differences.len(), "{choice:b}: {close} of {}", differences.len());
    }
}

#[test]
fn many_bits_come_close_to_floats_and_few_bits_do_not() {
    let model = random_model(21);
    let float = crate::forward::FloatExecution::new(model.clone(), engine());
    let error = |bits: u32, classes: Vec<ClassSection>| {
        let configuration = SpikeConfiguration {
            weights: WeightSection { bits, ..WeightSection::default() },
            activations: ActivationSection { bits, classes, ..ActivationSection::default() },
            ..configuration(0)
        };
        let spiked = spike(&model, &configuration, &sequences(&model, 1), engine(), |_| ()).unwrap();
        let spikes = SpikingExecution::new(Arc::new(spiked), engine()).unwrap();
        let all = sequences(&model, 2);
        let of = |tokens: &Vec<u32>| {
            let (found, exact) = (hidden(&spikes, tokens), hidden(&float, tokens));
            f64::from((found - &exact).mapv(|x| x * x).sum()) / f64::from(exact.mapv(|x| x * x).sum())
        };
        all.iter().map(of).sum::<f64>() / all.len() as f64
    };
    let all_twice = vec![ClassSection { share: 1.0, steps: 4 }];
    let (eight, four, four_twice, two) = (error(8, vec![]), error(4, vec![]), error(4, all_twice), error(2, vec![]));
    assert!(eight < 0.3 * four && four_twice < four && four < two, "{eight} {four} {four_twice} {two}");
}

#[test]
fn a_saved_model_is_the_same_and_damage_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let vocabulary = folder.path().join("letters.vocab");
    let pieces: String = (0..29u8).map(|index| format!("{}\t0\n", char::from(b'a' + index))).collect();
    std::fs::write(&vocabulary, pieces).unwrap();
    let tokenizer = crate::Tokenizer::open(&vocabulary).unwrap();
    for choice in [0u32, 0b0111_0110, 0b1100_1011, 0b0010_1011] {
        let model = random_model(choice.into());
        let spiked = spike(&model, &configuration(choice), &sequences(&model, 1), engine(), |_| ()).unwrap();
        let out = folder.path().join(format!("spiked-{choice}"));
        spiked.save(&out, &tokenizer).unwrap();
        assert!(crate::spike::file::is_spiked(&out));
        let read = crate::spike::SpikedModel::open(&out).unwrap();
        assert_eq!(crate::Tokenizer::beside(&out).unwrap().vocabulary(), 29);
        let tokens = &sequences(&model, 5)[0];
        let [before, after] =
            [spiked, read].map(|model| hidden(&SpikingExecution::new(Arc::new(model), engine()).unwrap(), tokens));
        assert_eq!(before, after);

        let path = out.join(crate::spike::file::FILE);
        let bytes = std::fs::read(&path).unwrap();
        for cut in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert!(crate::spike::SpikedModel::open(&out).is_err(), "{cut} bytes");
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let bits = text.find("\\\"bits\\\":").unwrap() + 9;
        let mut wrong = bytes.clone();
        wrong[bits] = b'9';
        std::fs::write(&path, &wrong).unwrap();
        assert!(crate::spike::SpikedModel::open(&out).is_err());
    }
}

#[test]
fn spikes_are_those_of_the_neurons() {
    use crate::spike::{Codes, SiteCoding, SpikeCounts};
    let steps: Vec<u32> = (0..40).map(|channel| [1, 2, 4][channel % 3]).collect();
    for (top, same) in
        [(TopCodes::Reachable, snn::gif::TopCodes::Reachable), (TopCodes::Full, snn::gif::TopCodes::Remainder)]
    {
        for bits in [1, 3, 4, 8] {
            let coding = SiteCoding::new(bits, &steps, top, 1.0).unwrap();
            let activations = Array2::from_shape_fn((5, 40), |(t, c)| ((t * 41 + c * 17) % 37) as f32 - 11.0);
            let codes = Codes::new(engine(), &coding, activations.view());
            let mut counts = SpikeCounts::default();
            codes.count(engine(), &coding, &mut counts);
            let mut expected = SpikeCounts { tokens: 5, ..SpikeCounts::default() };
            for token in 0..5 {
                let of_token = codes.token(token);
                for (number, class) in coding.classes.iter().enumerate() {
                    let of_class = of_token[class.places.clone()].iter();
                    expected.bits[number] +=
                        of_class.map(|code| format!("{code:b}").matches('1').count() as u64).sum::<u64>();
                    let neuron = snn::gif::GifNeuron::new(bits, class.steps, same).unwrap();
                    let of_class: Vec<i32> = of_token[class.places.clone()].iter().map(|&c| c.into()).collect();
                    let mut spikes = vec![0; of_class.len() * class.steps as usize];
                    neuron.run(&of_class, &mut spikes, &mut vec![0; of_class.len()]).unwrap();
                    let trains = codes.spikes(&coding, token);
                    let of_steps = trains[..class.steps as usize].iter().flat_map(|train| &train[class.places.clone()]);
                    assert!(of_steps.map(|&spike| i32::from(spike)).eq(spikes.iter().copied()));
                    expected.spikes += spikes.iter().filter(|&&spike| spike != 0).count() as u64;
                    expected.levels += spikes.iter().sum::<i32>() as u64;
                }
            }
            assert_eq!(counts, expected, "{bits} bits");
        }
    }
}

#[test]
fn attention_of_many_tokens_is_that_of_each() {
    use crate::forward::{Attention, KeyValueCache};
    use crate::spike::{CacheCoding, SiteCoding, SpikeCache};
    for (window, bits, steps) in [(None, 4u32, 2u32), (Some(5), 3, 1), (Some(40), 6, 2)] {
        let mut model = random_model(31).config().clone();
        model.sliding_window = window;
        let coding = |head: usize| {
            let steps: Vec<u32> =
                (0..model.head).map(|channel| if (channel + head).is_multiple_of(4) { steps } else { 1 }).collect();
            SiteCoding::new(bits, &steps, TopCodes::Full, 1.0).unwrap()
        };
        let codings: Vec<SiteCoding> = (0..model.key_value_heads).map(coding).collect();
        let cache = CacheCoding { keys: codings.clone(), values: codings, query_bits: 8 };
        cache.check(model.key_value_heads, model.head).unwrap();
        let mut together = SpikeCache::new(Attention::new(&model, engine()), Arc::new(vec![cache]));
        let mut apart = together.clone();
        let number = |t: usize, c: usize| ((t * 131 + c * 71) % 97) as f32 / 31.0 - 1.3;
        let keys = Array2::from_shape_fn((70, model.key_value_width()), |(t, c)| number(t, c));
        let values = Array2::from_shape_fn((70, model.key_value_width()), |(t, c)| number(c, t));
        let queries = Array2::from_shape_fn((70, model.query_width()), |(t, c)| number(t + 3, 2 * c));
        let mut found = Array2::zeros(queries.raw_dim());
        together.append(0, keys.view(), values.view()).unwrap();
        together.attend(0, queries.view(), 0, &mut found).unwrap();
        for token in 0..70 {
            let row = |matrix: &Array2<f32>| matrix.slice_axis(ndarray::Axis(0), (token..token + 1).into()).to_owned();
            apart.append(0, row(&keys).view(), row(&values).view()).unwrap();
            let mut one = Array2::zeros((1, model.query_width()));
            apart.attend(0, row(&queries).view(), token, &mut one).unwrap();
            assert_eq!(one.row(0), found.row(token), "token {token}");
        }
    }
}
