//! Tiny random models and tokenizers against what `transformers` and `tokenizers` compute with the same files
//! (`llm/tests/python/llama_fixtures.py`).

mod common;

use std::collections::BTreeMap;

use common::{fixture, float};
use llm::forward::{Execution, Session, forward, next_logits};
use llm::generate::{Generation, Sampling};
use llm::model::{AttentionBiases, Linear, RotaryScaling};
use llm::{FloatFormat, Model, Tokenizer};
use ndarray::{Array2, Axis};
use safetensors::SafeTensors;
use serde::Deserialize;

const MODELS: [&str; 5] = ["llama", "llama-linear", "llama-scaled-sharded", "mistral", "qwen2"];

struct Expected {
    tokens: Vec<u32>,
    logits: Array2<f32>,
    greedy: Vec<u32>,
}

fn expected(name: &str) -> Expected {
    let bytes = std::fs::read(fixture(name).join("expected.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let words = |name: &str| -> Vec<[u8; 4]> { file.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec() };
    let tokens = |name: &str| words(name).into_iter().map(u32::from_le_bytes).collect();
    let shape: [usize; 2] = file.tensor("logits").unwrap().shape().try_into().unwrap();
    let logits = words("logits").into_iter().map(f32::from_le_bytes).collect();
    Expected {
        tokens: tokens("tokens"),
        logits: Array2::from_shape_vec(shape, logits).unwrap(),
        greedy: tokens("greedy"),
    }
}

fn difference(left: &Array2<f32>, right: &Array2<f32>) -> f32 {
    assert_eq!(left.dim(), right.dim());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

#[test]
fn the_fixtures_are_what_they_should_be() {
    let configs: BTreeMap<&str, _> =
        MODELS.into_iter().map(|name| (name, Model::open(&fixture(name)).unwrap())).collect();
    assert_eq!(configs["llama"].config().ends, [1]);
    assert!(matches!(configs["llama-linear"].config().rotary.scaling, RotaryScaling::Linear { factor: 2.5 }));
    let scaled = &configs["llama-scaled-sharded"];
    assert!(matches!(scaled.config().rotary.scaling, RotaryScaling::Llama3 { .. }));
    assert_eq!(scaled.config().biases, AttentionBiases::All);
    assert_eq!(scaled.linear(0, Linear::Down).weight.format(), FloatFormat::Bf16);
    let mistral = &configs["mistral"];
    assert_eq!((mistral.config().sliding_window, mistral.config().head), (Some(7), 6));
    assert_eq!(mistral.linear(1, Linear::Up).weight.format(), FloatFormat::F16);
    let qwen2 = &configs["qwen2"];
    assert!(qwen2.config().tied_embeddings && qwen2.config().biases == AttentionBiases::QueryKeyValue);
    assert!(configs.values().all(|model| model.config().group() == 2));
    let parameters: usize = 320 * 16 + 16 + 2 * (2 * 16 + 2 * 16 * 16 + 2 * 8 * 16 + 16 + 2 * 8 + 3 * 24 * 16);
    assert_eq!(qwen2.parameters(), parameters);
}

#[test]
fn logits_are_those_of_transformers() {
    for name in MODELS {
        let expected = expected(name);
        let execution = float(&fixture(name));
        let mut session = Session::new(&execution, usize::MAX).unwrap();
        let hidden = forward(&execution, &mut session, &expected.tokens).unwrap();
        let logits = execution.logits(hidden.view()).unwrap();
        let difference = difference(&logits, &expected.logits);
        println!("{name}: largest difference {difference:e}");
        assert!(difference <= 2e-4, "{name}: {difference}");
    }
}

#[test]
fn greedy_tokens_are_those_of_transformers() {
    for name in MODELS {
        let expected = expected(name);
        let execution = float(&fixture(name));
        // Greedy decoding of the reference does not stop at end tokens.
        let (mut config, weights) = execution.model().clone().into_parts();
        config.ends.clear();
        let execution = llm::forward::FloatExecution::new(Model::new(config, weights).unwrap(), execution.engine());
        let generation = Generation::new(&execution, &expected.tokens[..4], Sampling::GREEDY).unwrap();
        let tokens: Vec<u32> = generation.take(expected.greedy.len()).collect::<Result<_, _>>().unwrap();
        assert_eq!(tokens, expected.greedy, "{name}");
    }
}

#[test]
fn one_token_after_the_other_gives_what_all_at_once_gives() {
    for name in MODELS {
        let expected = expected(name);
        let execution = float(&fixture(name));
        for steps in [1, 3, 16] {
            let mut session = Session::new(&execution, expected.tokens.len()).unwrap();
            let mut rows = Vec::new();
            for tokens in expected.tokens.chunks(steps) {
                let hidden = forward(&execution, &mut session, tokens).unwrap();
                rows.push(execution.logits(hidden.view()).unwrap());
            }
            let views: Vec<_> = rows.iter().map(|rows| rows.view()).collect();
            let logits = ndarray::concatenate(Axis(0), &views).unwrap();
            // The order of sums differs: 16 terms of size 1 in single precision, through two blocks.
            assert!(difference(&logits, &expected.logits) <= 2e-4, "{name}, {steps} at a time");
            let mut whole = Session::new(&execution, usize::MAX).unwrap();
            let hidden = forward(&execution, &mut whole, &expected.tokens).unwrap();
            let at_once = execution.logits(hidden.view()).unwrap();
            let difference = difference(&logits, &at_once);
            assert!(difference <= 2e-5, "{name}, {steps} at a time: {difference}");
            assert_eq!(session.position(), expected.tokens.len());
        }
    }
}

#[test]
fn the_context_is_a_limit() {
    let execution = float(&fixture("llama"));
    let mut session = Session::new(&execution, usize::MAX).unwrap();
    assert_eq!(session.capacity(), 48);
    next_logits(&execution, &mut session, &[5; 48]).unwrap();
    let message = next_logits(&execution, &mut session, &[5]).unwrap_err().to_string();
    assert!(message.contains("48 tokens and room for 48"), "{message}");
    let mut session = Session::new(&execution, 10).unwrap();
    assert!(next_logits(&execution, &mut session, &[5; 11]).is_err());
    assert!(next_logits(&execution, &mut session, &[]).is_err());
    let message = next_logits(&execution, &mut session, &[3, 320]).unwrap_err().to_string();
    assert!(message.contains("token 320"), "{message}");
    let all = Generation::new(&execution, &[5; 40], Sampling { temperature: 1.0, ..Sampling::GREEDY }).unwrap();
    assert!(all.count() <= 9);
}

#[derive(Deserialize)]
struct Case {
    text: String,
    tokens: Vec<u32>,
    decoded: String,
}

#[test]
fn tokens_are_those_of_the_tokenizers_library() {
    for name in ["llama", "mistral", "qwen2"] {
        let tokenizer = Tokenizer::beside(&fixture(name)).unwrap();
        let file = std::fs::read_to_string(fixture(name).join("expected_tokens.json")).unwrap();
        let cases: Vec<Case> = serde_json::from_str(&file).unwrap();
        assert!(cases.len() >= 8);
        for case in cases {
            assert_eq!(tokenizer.encode(&case.text).unwrap(), case.tokens, "{name}: {:?}", case.text);
            assert_eq!(tokenizer.decode(&case.tokens).unwrap(), case.decoded, "{name}: {:?}", case.text);
            let mut stream = tokenizer.stream();
            let mut text: String = case.tokens.iter().map(|&token| stream.push(token).unwrap()).collect();
            text += &stream.finish();
            assert_eq!(text, case.decoded, "{name}: {:?}", case.text);
        }
        // The tokenizer of `llama` was saved with a limit of 512 tokens.
        let long = "tern ".repeat(2000);
        assert!(tokenizer.encode(&long).unwrap().len() >= 2000);
    }
}
