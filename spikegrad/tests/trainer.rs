//! The trainer: reproducible bit for bit, resumable, and plain about what goes wrong.

mod common;

use common::task::{self, Quadrants};
use kernels::Isa;
use snn::{Bias, Network, WeightFormat, Weights};
use spikegrad::{EpochReport, Gradient, Normalisation, Resources, SpikegradError, Trainer, TrainingSettings};

fn resources(threads: usize) -> Resources {
    Resources { threads, isa: Isa::detect() }
}

/// Bits of all weights and biases.
fn bits(network: &Network) -> Vec<Vec<u32>> {
    let weights = network.projections().iter().filter_map(|projection| projection.weights.as_ref());
    let weights = weights.map(|weights| match weights {
        Weights::I8(values) => values.iter().map(|&value| i32::from(value) as u32).collect(),
        Weights::I16(values) => values.iter().map(|&value| i32::from(value) as u32).collect(),
        Weights::F32(values) => values.iter().map(|value| value.to_bits()).collect(),
    });
    let biases = network.populations().iter().filter_map(|population| population.bias.as_ref());
    let biases = biases.map(|bias| match bias {
        Bias::Integer(values) => values.iter().map(|&value| value as u32).collect(),
        Bias::Float(values) => values.iter().map(|value| value.to_bits()).collect(),
    });
    weights.chain(biases).collect()
}

fn with_dropout() -> TrainingSettings {
    let mut settings = task::settings();
    settings.dropout.insert("hidden".to_owned(), 0.5);
    settings.dropout.insert("convolution".to_owned(), 0.2);
    settings
}

/// Trains whole epochs and returns the reports.
fn train(trainer: &mut Trainer, samples: &Quadrants, epochs: u32) -> Vec<EpochReport> {
    let validation = Quadrants::new(40, 1000);
    let mut reports = Vec::new();
    for _ in 0..epochs {
        while !trainer.epoch_is_complete(samples) {
            trainer.step(samples).unwrap();
        }
        reports.push(trainer.finish_epoch(&validation).unwrap());
    }
    reports
}

fn variants() -> Vec<(WeightFormat, TrainingSettings)> {
    let mut all = Vec::new();
    for format in [WeightFormat::I8, WeightFormat::I16, WeightFormat::F32] {
        for gradient in [Gradient::Spike, Gradient::Float] {
            all.push((format, TrainingSettings { gradient, ..with_dropout() }));
        }
    }
    all.push((WeightFormat::I8, task::settings()));
    for format in [WeightFormat::I8, WeightFormat::I16, WeightFormat::F32] {
        let normalisation = Normalisation::Homeostatic;
        all.push((format, TrainingSettings { normalisation, ..task::settings() }));
        all.push((format, TrainingSettings { normalisation, turning_rate: 0.01, ..task::settings() }));
    }
    all
}

#[test]
fn threads_do_not_change_the_result() {
    let samples = Quadrants::new(90, 1);
    for (format, settings) in variants() {
        let run = |threads| {
            let mut trainer = Trainer::new(task::network(format), settings.clone(), resources(threads)).unwrap();
            let initial = bits(trainer.network());
            let reports = train(&mut trainer, &samples, 2);
            assert_ne!(bits(trainer.network()), initial, "training changes weights");
            (bits(trainer.network()), reports)
        };
        let one = run(1);
        for threads in [2, 3] {
            assert!(run(threads) == one, "{format} {:?}, {threads} threads", settings.gradient);
        }
    }
}

#[test]
fn instruction_sets_do_not_change_the_result() {
    let samples = Quadrants::new(60, 2);
    for format in [WeightFormat::I8, WeightFormat::I16] {
        let mut results = Vec::new();
        for isa in Isa::available() {
            let resources = Resources { threads: 2, isa };
            let mut trainer = Trainer::new(task::network(format), with_dropout(), resources).unwrap();
            let reports = train(&mut trainer, &samples, 1);
            results.push((bits(trainer.network()), reports));
        }
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{format}");
    }
}

#[test]
fn resuming_within_an_epoch_equals_an_uninterrupted_run() {
    let samples = Quadrants::new(90, 4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    for (format, settings) in variants() {
        let mut whole = Trainer::new(task::network(format), settings.clone(), resources(2)).unwrap();
        let whole_reports = train(&mut whole, &samples, 3);
        let mut first = Trainer::new(task::network(format), settings.clone(), resources(1)).unwrap();
        let mut reports = train(&mut first, &samples, 1);
        first.step(&samples).unwrap();
        first.step(&samples).unwrap();
        first.save(&path).unwrap();
        drop(first);
        let mut second = Trainer::resume(task::network(format), settings.clone(), resources(2), &path).unwrap();
        assert_eq!((second.position().epoch, second.position().batch), (1, 2));
        reports.extend(train(&mut second, &samples, 2));
        assert!(reports == whole_reports, "reports, {format} {:?}", settings.gradient);
        assert!(bits(second.network()) == bits(whole.network()), "weights, {format} {:?}", settings.gradient);
        assert_eq!(second.position(), whole.position());
    }
}

#[test]
fn it_learns_a_separable_task() {
    let samples = Quadrants::new(200, 5);
    for (format, gradient) in [
        (WeightFormat::I8, Gradient::Spike),
        (WeightFormat::I16, Gradient::Spike),
        (WeightFormat::I8, Gradient::Float),
        (WeightFormat::F32, Gradient::Spike),
    ] {
        let settings = TrainingSettings { gradient, epochs: 8, ..task::settings() };
        let mut trainer = Trainer::new(task::network(format), settings, resources(2)).unwrap();
        let reports = train(&mut trainer, &samples, 8);
        let last = reports.last().unwrap();
        assert!(last.validation.accuracy > 0.95, "{format} {gradient:?}: {:?}", last.validation);
        assert!(last.train.loss < reports[0].train.loss);
    }
}

#[test]
fn a_diagnosis_names_population_and_remedy() {
    let samples = Quadrants::new(60, 6);
    let validation = Quadrants::new(20, 7);
    let diagnose = |description: snn::NetworkDescription, settings: TrainingSettings| {
        let network = Network::build(&description).unwrap();
        let mut trainer = Trainer::new(network, settings, resources(1)).unwrap();
        trainer.step(&samples).unwrap();
        let report = trainer.finish_epoch(&validation).unwrap();
        report.diagnoses
    };
    let has = |found: &[spikegrad::Diagnosis], population: &str, finding: &str, remedy: &str| {
        let fits = |d: &&spikegrad::Diagnosis| {
            d.population == population && d.finding.contains(finding) && d.remedy.contains(remedy)
        };
        assert!(found.iter().any(|d| fits(&d)), "{population} {finding}: {found:#?}");
    };
    // A threshold far above any input silences the convolution.
    let mut silent = task::description(WeightFormat::I8);
    silent.populations[1].threshold = Some(snn::Threshold::Uniform(1 << 30));
    has(&diagnose(silent, task::settings()), "convolution", "silent", "threshold");
    // alpha = 0.4: no readout error reaches one half.
    let dead = TrainingSettings { alpha: 0.4, ..task::settings() };
    let found = diagnose(task::description(WeightFormat::I8), dead);
    has(&found, "readout", "dead gradient", "alpha");
    has(&found, "convolution", "dead gradient", "alpha");
    // alpha of a million: errors below the readout exceed 127.
    let exploding = TrainingSettings { alpha: 1e6, ..task::settings() };
    let found = diagnose(task::description(WeightFormat::I8), exploding);
    has(&found, "hidden", "exploding gradient", "alpha");
    // Healthy settings give none of these.
    let found = diagnose(task::description(WeightFormat::I8), task::settings());
    assert!(found.iter().all(|d| d.severity != spikegrad::Severity::Error), "{found:#?}");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    type Change = fn(&mut TrainingSettings);
    let changes: Vec<(&str, Change)> = vec![
        ("alpha", |s| s.alpha = f64::NAN),
        ("alpha", |s| s.alpha = 0.0),
        ("alpha", |s| s.alpha = -1.0),
        ("alpha", |s| s.alpha = f64::INFINITY),
        ("alpha", |s| s.alpha = 1e9),
        ("epochs", |s| s.epochs = 0),
        ("batch", |s| s.batch = 0),
        ("batch", |s| s.batch = usize::MAX),
        ("learning_rate", |s| s.learning_rate = 0.0),
        ("learning_rate", |s| s.learning_rate = f64::NAN),
        ("momentum", |s| s.momentum = 1.0),
        ("weight_decay", |s| s.weight_decay = -0.1),
        ("turning_rate", |s| s.turning_rate = 0.01),
        ("turning_rate", |s| {
            s.normalisation = Normalisation::Homeostatic;
            s.turning_rate = -0.01;
        }),
        ("active_counts[0]", |s| s.active_counts = [f64::NAN, 8.0]),
        ("active_counts[1]", |s| s.active_counts = [9.0, 8.0]),
        ("active_counts[1]", |s| s.active_counts = [3.0, 128.0]),
        ("warm_up_epochs", |s| s.warm_up_epochs = 5),
        ("schedule.every", |s| s.schedule = spikegrad::Schedule::Step { every: 0, factor: 0.1 }),
        ("schedule.factor", |s| s.schedule = spikegrad::Schedule::Step { every: 1, factor: 2.0 }),
        ("schedule.final_factor", |s| s.schedule = spikegrad::Schedule::Cosine { final_factor: f64::NAN }),
        ("dropout.hidden", |s| s.dropout = [("hidden".to_owned(), 1.0)].into()),
        ("dropout.hidden", |s| s.dropout = [("hidden".to_owned(), f64::NAN)].into()),
        ("dropout.input", |s| s.dropout = [("input".to_owned(), 0.1)].into()),
        ("dropout.nowhere", |s| s.dropout = [("nowhere".to_owned(), 0.1)].into()),
    ];
    for (expected, change) in changes {
        let mut settings = task::settings();
        change(&mut settings);
        match Trainer::new(task::network(WeightFormat::I8), settings, resources(1)) {
            Err(SpikegradError::Setting { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn different_dropout_into_one_population_is_refused() {
    let mut description = task::description(WeightFormat::I8);
    common::networks::connect(&mut description, 2, 4, snn::ProjectionKindDescription::Dense);
    let build = || Network::build(&description).unwrap();
    let mut settings = task::settings();
    settings.dropout.insert("hidden".to_owned(), 0.5);
    let refused = Trainer::new(build(), settings.clone(), resources(1)).unwrap_err();
    assert!(refused.to_string().contains("readout"), "{refused}");
    settings.dropout.insert("pooling".to_owned(), 0.5);
    Trainer::new(build(), settings, resources(1)).unwrap();
}

/// Weight decay of 1 multiplies every weight by about `-learning_rate` per step.
fn diverging(learning_rate: f64) -> TrainingSettings {
    TrainingSettings { learning_rate, weight_decay: 1.0, momentum: 0.0, ..task::settings() }
}

#[test]
fn divergence_is_an_error_that_keeps_the_weights() {
    let samples = Quadrants::new(2000, 8);
    let mut trainer = Trainer::new(task::network(WeightFormat::F32), diverging(10.0), resources(2)).unwrap();
    for _ in 0..100 {
        let before = bits(trainer.network());
        let position = trainer.position().clone();
        match trainer.step(&samples) {
            Ok(outcome) => assert!(outcome.loss.is_finite()),
            Err(error) => {
                assert!(matches!(error, SpikegradError::Diverged { .. }), "{error}");
                assert!(error.to_string().contains("learning_rate"), "{error}");
                assert!(bits(trainer.network()) == before);
                assert_eq!(trainer.position(), &position);
                return;
            }
        }
    }
    panic!("weights multiplied by -9 in every step did not diverge");
}

#[test]
fn float_weights_that_leave_their_range_diverge() {
    let samples = Quadrants::new(2000, 8);
    let mut trainer = Trainer::new(task::network(WeightFormat::F32), diverging(1e4), resources(2)).unwrap();
    let error = (0..100).find_map(|_| trainer.step(&samples).err()).unwrap();
    assert!(matches!(error, SpikegradError::Diverged { .. }), "{error}");
}

#[test]
fn divergence_behind_clipped_weights_ends_the_epoch() {
    let samples = Quadrants::new(1000, 8);
    let mut trainer = Trainer::new(task::network(WeightFormat::I8), diverging(1e4), resources(2)).unwrap();
    while !trainer.epoch_is_complete(&samples) {
        trainer.step(&samples).unwrap();
    }
    let error = trainer.finish_epoch(&Quadrants::new(20, 9)).unwrap_err();
    assert!(matches!(error, SpikegradError::Diverged { .. }), "{error}");
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    let mut description = task::description(WeightFormat::I8);
    description.populations[4].shape = vec![3];
    let network = Network::build(&description).unwrap();
    let mut trainer = Trainer::new(network, task::settings(), resources(1)).unwrap();
    let refused = trainer.step(&Quadrants::new(20, 9)).unwrap_err();
    assert!(matches!(refused, SpikegradError::Samples { .. }), "{refused}");
    let mut trainer = Trainer::new(task::network(WeightFormat::I8), task::settings(), resources(1)).unwrap();
    let refused = trainer.step(&Quadrants::new(0, 9)).unwrap_err();
    assert!(matches!(refused, SpikegradError::Samples { .. }), "{refused}");
}

/// Rows of mean zero, up to the rounding of mantissas, whose root mean square has bounds; the readout
/// is free.
#[test]
fn normalised_weights_keep_mean_and_spread_and_still_learn() {
    for turning_rate in [0.0, 0.01] {
        assert_normalised_weights_learn(turning_rate);
    }
}

fn assert_normalised_weights_learn(turning_rate: f64) {
    let samples = Quadrants::new(200, 4);
    let settings = TrainingSettings {
        normalisation: Normalisation::Homeostatic,
        turning_rate,
        learning_rate: 0.02,
        epochs: 10,
        ..task::settings()
    };
    let mut trainer = Trainer::new(task::network(WeightFormat::I16), settings, resources(2)).unwrap();
    let initial = bits(trainer.network());
    let reports = train(&mut trainer, &samples, 10);
    assert_ne!(bits(trainer.network()), initial);
    let last = reports[9].validation.accuracy;
    assert!(last >= 0.9, "accuracy {last} after ten epochs");
    let network = trainer.network();
    for projection in network.projections() {
        let Some(weights) = &projection.weights else { continue };
        let target = &network.populations()[projection.to];
        let row = weights.len() / target.shape.channels;
        let unit = f64::from(1u32 << target.fraction_bits);
        let wanted = (2.0 / (1.0 - 1.0 / std::f64::consts::PI) / row as f64).sqrt();
        let spreads: Vec<f64> = (0..target.shape.channels)
            .map(|channel| {
                let values: Vec<f64> = (0..row).map(|place| weights.get(channel * row + place) / unit).collect();
                let mean = values.iter().sum::<f64>() / row as f64;
                assert!(!target.fires() || mean.abs() < 0.5 / unit, "{} {channel}: mean {mean}", projection.name);
                (values.iter().map(|value| value * value).sum::<f64>() / row as f64).sqrt()
            })
            .collect();
        let is_kept = spreads.iter().all(|spread| (0.12..2.05).contains(&(spread / wanted)));
        assert!(is_kept || !target.fires(), "{}: {spreads:?} far from {wanted}", projection.name);
    }
}
