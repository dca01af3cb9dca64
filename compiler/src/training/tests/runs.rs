//! Whole runs: reproducible, resumable, equal to ordinary training where the chip changes nothing.

use snn::{Network, Threshold};
use spikegrad::Trainer;

use super::{Digits, chip, description, network, resources, settings};
use crate::hardware::HardwareSpecification;
use crate::training::{ColumnGradient, Retraining, Stage, StagePlan, StageReport, Task, TrainingOptions};

const NOISE: &str = "[non_idealities]\nprogramming = { kind = 'relative', sigma = 0.05 }\n\
                     read = { kind = 'absolute', sigma = 0.3 }\n";

fn start() -> Network {
    let network = network("8x8-4C3-P2-12-10");
    Trainer::new(network, settings(1), resources(1)).unwrap().network().clone()
}

fn task<'a>(
    network: &'a Network,
    hardware: &'a HardwareSpecification,
    gradient: ColumnGradient,
    threads: usize,
) -> Task<'a> {
    let options = TrainingOptions { gradient, ..TrainingOptions::default() };
    Task { network, hardware, settings: settings(4), options, resources: resources(threads) }
}

fn finish(run: &mut Retraining, train: &Digits) -> Vec<StageReport> {
    let mut reports = Vec::new();
    while !run.trainer().is_finished() {
        while !run.trainer().epoch_is_complete(train) {
            run.step(train).unwrap();
        }
        reports.push(run.finish_epoch(&Digits::new(200, 40)).unwrap());
    }
    reports
}

/// Weights and parameters.
fn state(run: &Retraining) -> (Vec<u8>, Vec<(String, Vec<f32>)>) {
    let model = snn::model::to_bytes(run.trainer().network(), std::path::Path::new("model")).unwrap();
    (model, run.trainer().substrate().unwrap().state())
}

#[test]
fn wide_converters_train_bit_for_bit_like_the_ordinary_trainer() {
    let train = Digits::new(0, 96);
    let network = start();
    // 7-bit magnitudes hold every mantissa; converters of 16 bits change no partial sum.
    let chip = chip(11, 7, 1, "{ kind = 'uniform', bits = 16, range = 'unit' }", "");
    let mut run = Retraining::new(&task(&network, &chip, ColumnGradient::Straight, 1), &train).unwrap();
    let reports = finish(&mut run, &train);
    assert!(reports.iter().any(|report| report.stage == Stage::Sums));
    let mut plain = Trainer::from_network(network, settings(4), resources(1)).unwrap();
    for report in reports {
        while !plain.epoch_is_complete(&train) {
            plain.step(&train).unwrap();
        }
        let expected = plain.finish_epoch(&Digits::new(200, 40)).unwrap();
        assert_eq!(report.report.train, expected.train);
        assert_eq!(report.report.validation, expected.validation);
        assert_eq!(report.report.populations, expected.populations);
    }
    assert_eq!(state(&run).0, snn::model::to_bytes(plain.network(), std::path::Path::new("model")).unwrap());
}

#[test]
fn threads_do_not_change_a_run() {
    let train = Digits::new(0, 96);
    let network = start();
    for gradient in [ColumnGradient::Straight, ColumnGradient::Masked] {
        let chip = chip(16, 4, 1, "{ kind = 'ternary' }", NOISE);
        let one = {
            let mut run = Retraining::new(&task(&network, &chip, gradient, 1), &train).unwrap();
            let reports = finish(&mut run, &train);
            assert_eq!(
                reports.iter().map(|report| report.stage).collect::<Vec<_>>(),
                [Stage::Weights, Stage::Sums, Stage::ScaleFactors, Stage::Noise]
            );
            assert!(reports.iter().all(|report| report.is_candidate == (report.stage == Stage::Noise)));
            state(&run)
        };
        let mut run = Retraining::new(&task(&network, &chip, gradient, 2), &train).unwrap();
        finish(&mut run, &train);
        assert!(state(&run) == one, "{gradient:?}");
    }
}

#[test]
fn resuming_anywhere_equals_an_uninterrupted_run() {
    let train = Digits::new(0, 96);
    let network = start();
    let chip = chip(16, 4, 1, "{ kind = 'ternary' }", NOISE);
    let task = task(&network, &chip, ColumnGradient::Straight, 1);
    let mut whole = Retraining::new(&task, &train).unwrap();
    finish(&mut whole, &train);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let mut run = Retraining::new(&task, &train).unwrap();
    // After every update and every epoch the run is left and taken up again.
    while !run.trainer().is_finished() {
        if run.trainer().epoch_is_complete(&train) {
            run.finish_epoch(&Digits::new(200, 40)).unwrap();
        } else {
            run.step(&train).unwrap();
        }
        run.trainer().save(&path).unwrap();
        run = Retraining::resume(&task, &train, &path).unwrap();
    }
    assert!(state(&run) == state(&whole));
    assert_eq!(run.trainer().position(), whole.trainer().position());
    let other = TrainingOptions { seed: 2, ..task.options };
    let refused = Retraining::resume(&Task { options: other, ..task }, &train, &path).unwrap_err();
    assert!(refused.to_string().contains("substrate"), "{refused}");
}

#[test]
fn masked_gradients_of_one_threshold_per_channel_are_refused() {
    let mut described = description("8x8-4C3-P2-12-10");
    let convolution = described.populations.iter_mut().find(|population| population.name == "convolution1").unwrap();
    convolution.threshold = Some(Threshold::PerChannel(vec![100, 120, 140, 160]));
    let network = Network::build(&described).unwrap();
    let network = Trainer::new(network, settings(1), resources(1)).unwrap().network().clone();
    let (chip, train) = (chip(11, 4, 1, "{ kind = 'ternary' }", ""), Digits::new(0, 64));
    let start = |gradient| Retraining::new(&task(&network, &chip, gradient, 1), &train);
    let message = start(ColumnGradient::Masked).unwrap_err().to_string();
    assert!(message.contains("one threshold per channel") && message.contains("straight"), "{message}");
    assert!(start(ColumnGradient::Straight).is_ok());
}

#[test]
fn epochs_are_divided_among_the_stages_that_change_anything() {
    let divided = |quantiser: &str, rest: &str, epochs: u32, weight_epochs: u32| {
        let plan = StagePlan::new(&chip(16, 4, 1, quantiser, rest), epochs, weight_epochs);
        let stages = plan.stages();
        assert_eq!(stages.last().unwrap().1.end, epochs);
        assert!(stages.windows(2).all(|pair| pair[0].1.end == pair[1].1.start && pair[0].0 < pair[1].0));
        for (stage, epochs) in &stages {
            assert!(epochs.clone().all(|epoch| plan.stage(epoch) == *stage));
        }
        stages.into_iter().map(|(stage, epochs)| (stage, epochs.len())).collect::<Vec<_>>()
    };
    let stages = |quantiser: &str, rest: &str, epochs: u32| divided(quantiser, rest, epochs, 1);
    use Stage::{Noise, ScaleFactors, Sums, Weights};
    assert_eq!(stages("{ kind = 'ideal' }", "", 5), [(Weights, 5)]);
    assert_eq!(stages("{ kind = 'sign' }", "", 24), [(Weights, 1), (Sums, 14), (ScaleFactors, 9)]);
    assert_eq!(stages("{ kind = 'ternary' }", NOISE, 8), [(Weights, 1), (Sums, 3), (ScaleFactors, 2), (Noise, 2)]);
    assert_eq!(stages("{ kind = 'ternary' }", NOISE, 2), [(ScaleFactors, 1), (Noise, 1)]);
    assert_eq!(stages("{ kind = 'uniform', bits = 4, range = 'unit' }", "", 8), [(Weights, 1), (Sums, 7)]);
    assert_eq!(divided("{ kind = 'ideal' }", "", 5, 3), [(Weights, 5)]);
    assert_eq!(divided("{ kind = 'sign' }", "", 24, 12), [(Weights, 12), (Sums, 7), (ScaleFactors, 5)]);
    assert_eq!(divided("{ kind = 'sign' }", "", 4, 9), [(Weights, 2), (Sums, 1), (ScaleFactors, 1)]);
    assert_eq!(divided("{ kind = 'sign' }", "", 2, 2), [(Sums, 1), (ScaleFactors, 1)]);
}
