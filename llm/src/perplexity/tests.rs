//! Likelihoods of single tokens and whole texts, and how texts are cut.

use kernels::{Engine, Parallelism};
use ndarray::arr1;

use super::{Likelihood, documents, likelihood, likelihood_with_states, negative_log_likelihood, windows};
use crate::LlmError;
use crate::forward::{Execution, FloatExecution, KeyValueCache, Session, forward};
use crate::model::Model;
use crate::tokenizer::Tokenizer;

#[test]
fn the_likelihood_of_a_token_is_that_of_the_softmax() {
    let logits = arr1(&[1.5f32, -0.5, 3.0, f32::NEG_INFINITY]);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
    for token in 0..3u32 {
        let expected = -(f64::from(logits[token as usize]).exp() / sum).ln();
        assert!((negative_log_likelihood(logits.view(), token).unwrap() - expected).abs() < 1e-12);
    }
    assert_eq!(negative_log_likelihood(logits.view(), 3).unwrap(), f64::INFINITY);
    assert!((negative_log_likelihood(arr1(&[800.0; 10]).view(), 4).unwrap() - 10f64.ln()).abs() < 1e-12);
    assert!(matches!(negative_log_likelihood(logits.view(), 4), Err(LlmError::Token { token: 4, vocabulary: 4 })));
    for damaged in [f32::NAN, f32::INFINITY] {
        assert!(negative_log_likelihood(arr1(&[0.0, damaged]).view(), 0).is_err());
    }
}

fn fixture() -> (FloatExecution, Tokenizer) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama");
    let execution = FloatExecution::new(Model::open(&path).unwrap(), Engine::detect(Parallelism::Rayon));
    (execution, Tokenizer::beside(&path).unwrap())
}

#[test]
fn the_likelihood_of_sequences_is_the_sum_over_their_tokens() {
    let (execution, _) = fixture();
    let sequences: Vec<Vec<u32>> = (1..40u32).map(|length| (0..length).map(|i| i * length % 320).collect()).collect();
    let mut expected = Likelihood::default();
    for tokens in &sequences {
        for end in 1..tokens.len() {
            // Every prediction from a sequence of its own.
            let mut session = Session::new(&execution, 48).unwrap();
            let hidden = forward(&execution, &mut session, &tokens[..end]).unwrap();
            let logits = execution.logits(hidden.view()).unwrap();
            expected.negative_log_likelihood += negative_log_likelihood(logits.row(end - 1), tokens[end]).unwrap();
            expected.predictions += 1;
        }
    }
    let mut lengths = Vec::new();
    let mut steps = Vec::new();
    let found = likelihood_with_states(
        &execution,
        &sequences,
        |done, so_far| steps.push((done, so_far.predictions)),
        |index, state| lengths.push((index, state.len())),
    );
    let found = found.unwrap();
    assert_eq!(found.predictions, expected.predictions);
    assert!((found.mean() - expected.mean()).abs() < 1e-5, "{} {}", found.mean(), expected.mean());
    assert!((found.perplexity() - expected.mean().exp()).abs() < 1e-2);
    assert_eq!(lengths, (0..39).map(|index| (index, index + 1)).collect::<Vec<_>>());
    assert_eq!(steps[38], (39, expected.predictions));
    // Neither threads nor grouping change a bit.
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let again = pool.install(|| likelihood(&execution, &sequences, |_, _| ())).unwrap();
        assert_eq!(again, found);
    }
    let serial = FloatExecution::new(execution.model().clone(), Engine::detect(Parallelism::Serial));
    assert_eq!(likelihood(&serial, &sequences, |_, _| ()).unwrap(), found);
    assert!(likelihood(&execution, &[vec![1; 49]], |_, _| ()).is_err());
}

#[test]
fn texts_are_cut_as_the_papers_do() {
    let (execution, tokenizer) = fixture();
    let config = execution.model().config();
    let texts = ["The tern flew.".to_owned(), String::new(), "Over the sea, over the waves".to_owned()];
    let all = tokenizer.encode("The tern flew.\n\n\n\nOver the sea, over the waves").unwrap();
    let cut = windows(&tokenizer, config, &texts, 7).unwrap();
    assert_eq!(cut.len(), all.len() / 7);
    assert!(cut.len() > 1 && cut.iter().flatten().eq(all.iter().take(cut.len() * 7)));
    for window in [0, 1, 49] {
        assert!(windows(&tokenizer, config, &texts, window).is_err());
    }
    assert!(matches!(windows(&tokenizer, config, &texts[..1], 48), Err(LlmError::Text { .. })));

    let long = "tern ".repeat(100);
    let single = documents(&tokenizer, config, &[texts[0].clone(), texts[1].clone(), long]).unwrap();
    assert_eq!(single[0], tokenizer.encode(&texts[0]).unwrap());
    // The empty text has nothing to predict; the long one ends with the context.
    assert_eq!((single.len(), single[1].len()), (2, 48));
    assert!(matches!(documents(&tokenizer, config, &texts[1..2]), Err(LlmError::Text { .. })));
}
