//! The transformer against a slow one in double precision that recomputes everything for every token, over random
//! models.

use kernels::{Engine, Parallelism};
use ndarray::{Array2, ArrayView2};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Execution, FloatCache, FloatExecution, KeyValueCache, Session, forward, next_logits};
use crate::LlmError;
use crate::model::{
    AttentionBiases, BlockWeights, Frame, Linear, LinearWeights, Model, ModelConfig, Norm, Pairing, Rotary,
    RotaryScaling, Site, Weights,
};

fn number(random: &mut ChaCha8Rng) -> f32 {
    (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

fn model(config: &ModelConfig, seed: u64) -> Model {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut array = |rows, columns| Array2::from_shape_simple_fn((rows, columns), || number(&mut random));
    let embedding = array(config.vocabulary, config.hidden).into();
    let mut gains = || array(1, config.hidden).iter().map(|gain| 1.0 + 0.5 * gain).collect::<Vec<f32>>();
    let final_norm = gains();
    let norms: Vec<_> = (0..config.blocks).map(|_| [gains(), gains()]).collect();
    let blocks = norms.into_iter().map(|[attention_norm, feed_forward_norm]| BlockWeights {
        attention_norm,
        feed_forward_norm,
        linears: Linear::ALL.map(|linear| {
            let [outputs, inputs] = linear.shape(config);
            let bias = config.biases.has(linear).then(|| array(1, outputs).into_iter().collect());
            LinearWeights { weight: array(outputs, inputs).into(), bias }
        }),
    });
    let blocks = blocks.collect();
    let output = (!config.tied_embeddings).then(|| array(config.vocabulary, config.hidden).into());
    Model::new(config.clone(), Weights { embedding, blocks, final_norm, output }).unwrap()
}

fn config() -> impl Strategy<Value = ModelConfig> {
    let sizes = (1usize..9, 1usize..20, 1usize..4, 1usize..4, 1usize..4, 1usize..5);
    let biases =
        prop_oneof![Just(AttentionBiases::None), Just(AttentionBiases::QueryKeyValue), Just(AttentionBiases::All)];
    let pairing = prop_oneof![Just(Pairing::Interleaved), Just(Pairing::HalfSplit)];
    let scaling = prop_oneof![
        Just(RotaryScaling::None),
        (1.0..8.0).prop_map(|factor| RotaryScaling::Linear { factor }),
        (1.0..8.0, 0.5..2.0, 2.5..8.0, 4usize..64).prop_map(|(factor, low, high, original_context)| {
            RotaryScaling::Llama3 { factor, low_frequency_factor: low, high_frequency_factor: high, original_context }
        }),
    ];
    let window = prop::option::of(1usize..90);
    (sizes, biases, pairing, scaling, window, any::<bool>(), 2.0..1000.0).prop_map(
        |(
            (hidden, feed_forward, blocks, group, key_value_heads, pairs),
            biases,
            pairing,
            scaling,
            window,
            tied,
            theta,
        )| {
            ModelConfig {
                hidden,
                feed_forward,
                blocks,
                heads: group * key_value_heads,
                key_value_heads,
                head: 2 * pairs,
                vocabulary: 11,
                context: 200,
                norm_epsilon: 1e-4,
                rotary: Rotary { theta, pairing, scaling },
                biases,
                sliding_window: window,
                tied_embeddings: tied,
                beginning: None,
                ends: vec![],
            }
        },
    )
}

/// `W x + b`.
fn project(model: &Model, block: usize, linear: Linear, input: &[f64]) -> Vec<f64> {
    let weights = model.linear(block, linear);
    let rows = weights.weight.to_array();
    let products = rows.rows().into_iter().enumerate().map(|(row, values)| {
        let bias = weights.bias.as_ref().map_or(0.0, |bias| f64::from(bias[row]));
        bias + values.iter().zip(input).map(|(&weight, &value)| f64::from(weight) * value).sum::<f64>()
    });
    products.collect()
}

fn normalised(config: &ModelConfig, gains: &[f32], input: &[f64]) -> Vec<f64> {
    let mean = input.iter().map(|value| value * value).sum::<f64>() / input.len() as f64;
    let root = (mean + f64::from(config.norm_epsilon)).sqrt();
    input.iter().zip(gains).map(|(value, &gain)| f64::from(gain) * value / root).collect()
}

/// The wavelength of each pair decides, as the description of LLaMA 3.1 says it.
fn angle(config: &ModelConfig, pair: usize, position: usize) -> f64 {
    let frequency = 1.0 / config.rotary.theta.powf(2.0 * pair as f64 / config.head as f64);
    let wavelength = std::f64::consts::TAU / frequency;
    let scaled = match config.rotary.scaling {
        RotaryScaling::None => frequency,
        RotaryScaling::Linear { factor } => frequency / factor,
        RotaryScaling::Llama3 { factor, low_frequency_factor: low, high_frequency_factor: high, original_context } => {
            let original = original_context as f64;
            if wavelength > original / low {
                frequency / factor
            } else if wavelength < original / high {
                frequency
            } else {
                let smooth = (original / wavelength - low) / (high - low);
                (1.0 - smooth) * frequency / factor + smooth * frequency
            }
        }
    };
    position as f64 * scaled
}

fn rotated(config: &ModelConfig, head: &[f64], position: usize) -> Vec<f64> {
    let half = config.head / 2;
    let mut out = vec![0.0; config.head];
    for pair in 0..half {
        let (x, y) = match config.rotary.pairing {
            Pairing::Interleaved => (2 * pair, 2 * pair + 1),
            Pairing::HalfSplit => (pair, pair + half),
        };
        let (sine, cosine) = angle(config, pair, position).sin_cos();
        out[x] = head[x] * cosine - head[y] * sine;
        out[y] = head[x] * sine + head[y] * cosine;
    }
    out
}

/// Logits of every token, one sum at a time.
fn reference(model: &Model, tokens: &[u32]) -> Vec<Vec<f64>> {
    let (config, frame) = (model.config(), model.frame());
    let embedding = frame.embedding().to_array();
    let mut hidden: Vec<Vec<f64>> =
        tokens.iter().map(|&token| embedding.row(token as usize).iter().map(|&v| f64::from(v)).collect()).collect();
    for block in 0..config.blocks {
        let inputs: Vec<_> =
            hidden.iter().map(|hidden| normalised(config, frame.norm(block, Norm::Attention), hidden)).collect();
        let all = |linear| inputs.iter().map(|input| project(model, block, linear, input)).collect::<Vec<_>>();
        let (queries, keys, values) = (all(Linear::Query), all(Linear::Key), all(Linear::Value));
        for token in 0..tokens.len() {
            let mut attended = Vec::new();
            for head in 0..config.heads {
                let shared = head / config.group();
                let part = |numbers: &[f64], head: usize| numbers[head * config.head..][..config.head].to_vec();
                let query = rotated(config, &part(&queries[token], head), token);
                let seen: Vec<usize> = (0..=token)
                    .filter(|position| config.sliding_window.is_none_or(|window| token - position < window))
                    .collect();
                let weights: Vec<f64> = seen
                    .iter()
                    .map(|&position| {
                        let key = rotated(config, &part(&keys[position], shared), position);
                        let score: f64 = query.iter().zip(&key).map(|(query, key)| query * key).sum();
                        (score / (config.head as f64).sqrt()).exp()
                    })
                    .collect();
                let sum: f64 = weights.iter().sum();
                for channel in 0..config.head {
                    let mixed = seen
                        .iter()
                        .zip(&weights)
                        .map(|(&position, weight)| weight / sum * values[position][shared * config.head + channel]);
                    attended.push(mixed.sum());
                }
            }
            let update = project(model, block, Linear::Output, &attended);
            hidden[token].iter_mut().zip(update).for_each(|(hidden, update)| *hidden += update);
        }
        for hidden in &mut hidden {
            let input = normalised(config, frame.norm(block, Norm::FeedForward), hidden);
            let gates = project(model, block, Linear::Gate, &input);
            let ups = project(model, block, Linear::Up, &input);
            let inner: Vec<f64> = gates.iter().zip(&ups).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect();
            let update = project(model, block, Linear::Down, &inner);
            hidden.iter_mut().zip(update).for_each(|(hidden, update)| *hidden += update);
        }
    }
    let head = frame.output().to_array();
    let logits = hidden.iter().map(|hidden| {
        let input = normalised(config, frame.final_norm(), hidden);
        head.rows().into_iter().map(|row| row.iter().zip(&input).map(|(&w, v)| f64::from(w) * v).sum()).collect()
    });
    logits.collect()
}

fn close(left: f32, right: f64) -> bool {
    (f64::from(left) - right).abs() <= 2e-4 * (1.0 + right.abs())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn logits_equal_those_of_the_slow_transformer(
        config in config(), seed in any::<u64>(), length in 1usize..150, split in 0usize..150, parallel in any::<bool>(),
    ) {
        let model = model(&config, seed);
        let mut random = ChaCha8Rng::seed_from_u64(!seed);
        let tokens: Vec<u32> = (0..length).map(|_| random.next_u32() % 11).collect();
        let expected = reference(&model, &tokens);
        let parallelism = if parallel { Parallelism::Rayon } else { Parallelism::Serial };
        let execution = FloatExecution::new(model, Engine::detect(parallelism));
        let mut session = Session::new(&execution, usize::MAX).unwrap();
        let split = split.min(length);
        let mut rows = Vec::new();
        // Some tokens at once, the others one by one.
        for tokens in [&tokens[..split]].into_iter().filter(|tokens| !tokens.is_empty()).chain(tokens[split..].chunks(1)) {
            let hidden = forward(&execution, &mut session, tokens).unwrap();
            let logits = execution.logits(hidden.view()).unwrap();
            rows.extend(logits.rows().into_iter().map(|row| row.to_vec()));
        }
        prop_assert_eq!(session.state.len(), length);
        for (token, (row, expected)) in rows.iter().zip(&expected).enumerate() {
            for (&logit, &expected) in row.iter().zip(expected) {
                prop_assert!(close(logit, expected), "token {}: {} instead of {}", token, logit, expected);
            }
        }
    }
}

fn large() -> ModelConfig {
    ModelConfig {
        hidden: 96,
        feed_forward: 400,
        blocks: 2,
        heads: 8,
        key_value_heads: 2,
        head: 16,
        vocabulary: 11,
        context: 400,
        norm_epsilon: 1e-5,
        rotary: Rotary { theta: 1e4, pairing: Pairing::HalfSplit, scaling: RotaryScaling::None },
        biases: AttentionBiases::None,
        sliding_window: None,
        tied_embeddings: true,
        beginning: None,
        ends: vec![],
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let model = model(&large(), 1);
    let tokens: Vec<u32> = (0..300).map(|index| index * 7 % 11).collect();
    let run = |parallelism, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let execution = FloatExecution::new(model.clone(), Engine::detect(parallelism));
        pool.install(|| {
            let mut session = Session::new(&execution, usize::MAX).unwrap();
            let hidden = forward(&execution, &mut session, &tokens).unwrap();
            (hidden, next_logits(&execution, &mut session, &[3]).unwrap())
        })
    };
    let expected = run(Parallelism::Serial, 1);
    for threads in [1, 2, 3, 7] {
        assert_eq!(run(Parallelism::Rayon, threads), expected);
    }
}

/// Sees the inputs of every site and the rotated queries and keys, as a calibration does.
struct Watched(FloatExecution);

struct Watch {
    cache: FloatCache,
    seen: Vec<(usize, Site, usize)>,
    queries: Vec<usize>,
}

impl KeyValueCache for Watch {
    fn append(&mut self, block: usize, keys: ArrayView2<'_, f32>, values: ArrayView2<'_, f32>) -> Result<(), LlmError> {
        self.cache.append(block, keys, values)
    }

    fn attend(
        &mut self,
        block: usize,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        self.queries.push(queries.nrows());
        self.cache.attend(block, queries, first_position, outputs)
    }

    fn len(&self) -> usize {
        self.cache.len()
    }
}

impl Execution for Watched {
    type State = Watch;

    fn frame(&self) -> &Frame {
        self.0.frame()
    }

    fn engine(&self) -> Engine {
        self.0.engine()
    }

    fn new_state(&self, capacity: usize) -> Result<Watch, LlmError> {
        Ok(Watch { cache: self.0.new_state(capacity)?, seen: vec![], queries: vec![] })
    }

    fn project(
        &self,
        state: &mut Watch,
        block: usize,
        site: Site,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut [Array2<f32>],
    ) -> Result<(), LlmError> {
        assert_eq!(inputs.ncols(), site.width(self.frame().config()));
        state.seen.push((block, site, inputs.nrows()));
        self.0.project(&mut state.cache, block, site, inputs, outputs)
    }
}

#[test]
fn an_execution_that_wraps_another_sees_every_site_once() {
    let execution = FloatExecution::new(model(&large(), 2), Engine::detect(Parallelism::Serial));
    let plain = next_logits(&execution, &mut Session::new(&execution, 9).unwrap(), &[1, 2, 3]).unwrap();
    let watched = Watched(execution);
    let mut session = Session::new(&watched, 9).unwrap();
    assert_eq!(next_logits(&watched, &mut session, &[1, 2, 3]).unwrap(), plain);
    let expected: Vec<_> = (0..2).flat_map(|block| Site::ALL.map(|site| (block, site, 3))).collect();
    assert_eq!(session.state.seen, expected);
    assert_eq!(session.state.queries, [3, 3]);
}
