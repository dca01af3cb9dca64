//! Real small models against values computed independently in double precision.

mod common;

use std::path::Path;

use common::{data, float};
use llm::Tokenizer;
use llm::generate::{Generation, Sampling};
use llm::perplexity::{Likelihood, documents, likelihood};
use llm::text::{TextOptions, read_documents};

fn first_stories(data: &Path, model: &str, collapse_white_space: bool) -> Likelihood {
    let execution = float(&data.join(model));
    let tokenizer = Tokenizer::beside(&data.join(model)).unwrap();
    tokenizer.check(execution.model().config()).unwrap();
    let options = TextOptions { only_ascii: true, collapse_white_space, limit: Some(50), ..TextOptions::default() };
    let stories = read_documents(&data.join("jlens-corpora/tinystories_1000.json"), options).unwrap();
    let sequences = documents(&tokenizer, execution.model().config(), &stories).unwrap();
    let mut calls = 0;
    let result = likelihood(&execution, &sequences, |done, _| {
        calls += 1;
        assert_eq!(done, calls);
    });
    assert_eq!(calls, 50);
    result.unwrap()
}

#[test]
fn stories260k_predicts_as_the_reference_does() {
    let Some(data) = data() else { return };
    let result = first_stories(&data, "stories260K/stories260K.bin", false);
    assert_eq!(result.predictions, 16_993);
    assert!((result.mean() - 1.31801).abs() < 1e-4, "{}", result.mean());
}

#[test]
fn babyllama_predicts_as_the_reference_does() {
    let Some(data) = data() else { return };
    let result = first_stories(&data, "babyllama-tok105/model5000.bin", true);
    assert_eq!(result.predictions, 12_750);
    assert!((result.mean() - 0.59941).abs() < 1e-4, "{}", result.mean());
}

#[test]
fn stories260k_generates_as_the_reference_does() {
    let Some(data) = data() else { return };
    let model = data.join("stories260K/stories260K.bin");
    let (execution, tokenizer) = (float(&model), Tokenizer::beside(&model).unwrap());
    let generation = Generation::new(&execution, &[1], Sampling::GREEDY).unwrap();
    let tokens: Vec<u32> = generation.take(60).collect::<Result<_, _>>().unwrap();
    let expected = [403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267];
    assert_eq!(tokens[..expected.len()], expected);
    let text = "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. \
                One day, she saw a big, red ball. ";
    let decoded = tokenizer.decode(&tokens).unwrap();
    assert!(decoded.starts_with(text), "{decoded}");
}

#[test]
fn texts_are_encoded_as_the_reference_does() {
    let Some(data) = data() else { return };
    let stories = data.join("jlens-corpora/tinystories_1000.json");
    let stories = read_documents(&stories, TextOptions { only_ascii: true, ..TextOptions::default() }).unwrap();
    assert_eq!(stories.len(), 917);
    let tokenizer = Tokenizer::open(&data.join("stories260K/tok512.bin")).unwrap();
    let tokens = tokenizer.encode(&stories[0]).unwrap();
    assert_eq!(tokens[..12], [1, 385, 328, 432, 261, 376, 298, 315, 421, 395, 317, 272]);
    for story in &stories {
        let tokens = tokenizer.encode(story).unwrap();
        assert_eq!(tokenizer.decode(&tokens).unwrap(), *story);
    }
}
