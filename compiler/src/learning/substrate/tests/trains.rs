//! Pulse trains follow the gradient on average.

use spikegrad::{Trainer, TrainingSettings};

use super::{array, device, settings, start};
use crate::learning::array::UpdateRule;
use crate::learning::substrate::{LearningSubstrate, Placement};
use crate::training::tests::{Digits, resources};

/// Real weights of all projections after one update, `[outputs][inputs]` or those of the array.
fn held(trainer: &Trainer, before: &[f32]) -> Vec<f64> {
    let state = trainer.substrate().unwrap().state();
    let all = state.iter().filter(|(name, _)| name.ends_with(".before")).flat_map(|(_, values)| values);
    all.zip(before).map(|(after, before)| f64::from(after - before)).collect()
}

#[test]
fn the_mean_change_is_that_of_the_gradient() {
    // Steps far below the wanted changes, and no bounds near.
    let device = device(
        "model = { family = \"constant-step\" }\nstep = { size = 0.0002 }\nbounds = { lower = -100.0, upper = 100.0 }",
    );
    let settings = TrainingSettings { momentum: 0.0, weight_decay: 0.0, learning_rate: 0.005, ..settings() };
    let samples = Digits::new(0, 16);
    let change = |rule: UpdateRule, seed: u64| {
        let chip =
            LearningSubstrate::new(&start(), &device, &array(rule), &Placement::default(), seed, resources(1).isa);
        let mut trainer =
            Trainer::on_substrate(start(), settings.clone(), resources(1), Box::new(chip.unwrap())).unwrap();
        let state = trainer.substrate().unwrap().state();
        let all = state.iter().filter(|(name, _)| name.ends_with(".before"));
        let before: Vec<f32> = all.flat_map(|(_, values)| values).copied().collect();
        trainer.step(&samples).unwrap();
        held(&trainer, &before)
    };
    let exact = change(UpdateRule::Amplitude {}, 0);
    let seeds = 40;
    let mut mean = vec![0.0; exact.len()];
    for seed in 0..seeds {
        let found = change(UpdateRule::Trains { length: 63 }, seed);
        mean.iter_mut().zip(found).for_each(|(mean, found)| *mean += found / seeds as f64);
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let size = dot(&exact, &exact);
    assert!(size > 0.0);
    let (slope, cosine) = (dot(&mean, &exact) / size, dot(&mean, &exact) / (size * dot(&mean, &mean)).sqrt());
    assert!((slope - 1.0).abs() < 0.03 && cosine > 0.98, "slope {slope}, cosine {cosine}");
}
