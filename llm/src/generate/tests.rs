//! The choice of tokens.

use ndarray::{ArrayView1, arr1};

use super::{Sampler, Sampling};

/// How often each of the tokens is drawn.
fn draws(sampling: Sampling, logits: &[f32], count: usize) -> Vec<usize> {
    let mut sampler = Sampler::new(sampling).unwrap();
    let mut counts = vec![0; logits.len()];
    for _ in 0..count {
        counts[sampler.choose(ArrayView1::from(logits)).unwrap() as usize] += 1;
    }
    counts
}

const PLAIN: Sampling = Sampling { temperature: 1.0, top_k: None, top_p: 1.0, seed: 5 };

#[test]
fn tokens_are_drawn_as_often_as_they_are_probable() {
    let logits = [0.3f32, -1.0, 2.0, 0.3, f32::NEG_INFINITY];
    for temperature in [0.5f32, 1.0, 2.0] {
        let weights: Vec<f64> = logits.iter().map(|&logit| f64::from(logit / temperature).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let counts = draws(Sampling { temperature, ..PLAIN }, &logits, 20_000);
        for (count, weight) in counts.iter().zip(&weights) {
            let probability = weight / sum;
            let deviation = (probability * (1.0 - probability) / 20_000.0).sqrt();
            assert!((*count as f64 / 20_000.0 - probability).abs() <= 4.0 * deviation, "{counts:?}");
        }
        assert_eq!(counts[4], 0);
    }
}

#[test]
fn top_k_and_top_p_leave_out_the_improbable() {
    // Probabilities 0.5, 0.3, 0.15, 0.05.
    let logits: Vec<f32> = [0.15f32, 0.5, 0.05, 0.3].iter().map(|probability| probability.ln()).collect();
    let drawn = |sampling| draws(sampling, &logits, 4000).iter().map(|&count| count > 0).collect::<Vec<_>>();
    assert_eq!(drawn(PLAIN), [true, true, true, true]);
    assert_eq!(drawn(Sampling { top_k: Some(2), ..PLAIN }), [false, true, false, true]);
    assert_eq!(drawn(Sampling { top_k: Some(9), ..PLAIN }), [true, true, true, true]);
    assert_eq!(drawn(Sampling { top_p: 0.49, ..PLAIN }), [false, true, false, false]);
    assert_eq!(drawn(Sampling { top_p: 0.51, ..PLAIN }), [false, true, false, true]);
    assert_eq!(drawn(Sampling { top_p: 0.9, ..PLAIN }), [true, true, false, true]);
    let counts = draws(Sampling { top_k: Some(2), ..PLAIN }, &logits, 20_000);
    assert!((counts[1] as f64 / 20_000.0 - 0.625).abs() < 0.015, "{counts:?}");
}

#[test]
fn greedy_takes_the_first_of_the_largest() {
    assert_eq!(draws(Sampling::GREEDY, &[1.0, 3.0, 3.0, f32::NEG_INFINITY], 3), [0, 3, 0, 0]);
}

#[test]
fn a_seed_sets_every_draw() {
    let sequence = |seed| {
        let mut sampler = Sampler::new(Sampling { seed, ..PLAIN }).unwrap();
        (0..50).map(|_| sampler.choose(arr1(&[0.0; 9]).view()).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(sequence(1), sequence(1));
    assert_ne!(sequence(1), sequence(2));
}

#[test]
fn samplings_out_of_range_and_damaged_logits_are_refused() {
    for sampling in [
        Sampling { temperature: -1.0, ..PLAIN },
        Sampling { temperature: f32::NAN, ..PLAIN },
        Sampling { top_k: Some(0), ..PLAIN },
        Sampling { top_p: 0.0, ..PLAIN },
        Sampling { top_p: 1.5, ..PLAIN },
    ] {
        assert!(Sampler::new(sampling).is_err(), "{sampling:?}");
    }
    for sampling in [PLAIN, Sampling::GREEDY] {
        let mut sampler = Sampler::new(sampling).unwrap();
        assert!(sampler.choose(arr1(&[1.0, f32::NAN]).view()).is_err());
        assert!(sampler.choose(arr1(&[]).view()).is_err());
    }
}
