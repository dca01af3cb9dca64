//! Retraining restores accuracy on real images.

use spikegrad::{Trainer, TrainingSettings, evaluate};

use super::{Digits, chip, network, resources, settings};
use crate::training::{Retraining, Task, TrainingOptions, fine_tuning};

#[test]
fn retraining_lifts_the_accuracy_of_comparators() {
    let (train, validation) = (Digits::new(0, 1200), Digits::new(1200, 400));
    let base = TrainingSettings { learning_rate: 0.03, ..settings(6) };
    let mut trainer = Trainer::new(network("8x8-8C3-P2-32-10"), base.clone(), resources(1)).unwrap();
    while !trainer.is_finished() {
        while !trainer.epoch_is_complete(&train) {
            trainer.step(&train).unwrap();
        }
        trainer.finish_epoch(&validation).unwrap();
    }
    let trained = trainer.network().clone();
    let exact = evaluate(&trained, &validation, resources(1)).unwrap().score.accuracy;
    for (quantiser, lift) in [("{ kind = 'sign' }", 0.08), ("{ kind = 'ternary' }", 0.05)] {
        let chip = chip(32, 4, 1, quantiser, "");
        let task = |epochs: u32| Task {
            network: &trained,
            hardware: &chip,
            settings: fine_tuning(&base, chip.quantiser, epochs, None),
            options: TrainingOptions::default(),
            resources: resources(1),
        };
        // One epoch consists of the last stage alone: before it, columns are merely calibrated.
        let before = Retraining::new(&task(1), &train).unwrap().evaluate(&validation).unwrap().score.accuracy;
        let mut run = Retraining::new(&task(12), &train).unwrap();
        while !run.trainer().is_finished() {
            while !run.trainer().epoch_is_complete(&train) {
                run.step(&train).unwrap();
            }
            run.finish_epoch(&validation).unwrap();
        }
        let after = run.trainer().position().best.unwrap().0;
        // A standard deviation of 400 images is 2.5 points at most.
        assert!(after > before + lift, "{quantiser}: {before} before, {after} after, {exact} exact");
    }
}
