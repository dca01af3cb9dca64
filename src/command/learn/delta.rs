//! Runs of the delta rule: every network after the other, resumed where an interruption left them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use compiler::learning::perceptron::{EpochOutcome, Perceptron, PerceptronSettings, Synapses};
use snn::model::write_atomically;

use super::configuration::DeltaConfiguration;
use super::draw;
use super::examples::{Material, Parts};
use super::results::{Epoch, Figures, Kind, Shown, Summary, Trained, Twin, is_shown};
use super::{LearnArguments, checkpoint};
use crate::CommandError;
use crate::command::Context;
use crate::interruption::Interruption;
use crate::output::Progress;
use crate::run_folder::{Existing, RunFolder};

/// Examples between two looks at the clock.
const SLICE: usize = 500;
/// Longest time between two checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(30);
/// Largest configuration or list of results that is read.
const LARGEST: u64 = 1 << 30;

pub(super) fn run(arguments: &LearnArguments, context: &Context) -> anyhow::Result<()> {
    let (configuration, folder, existing) = plan(arguments, context)?;
    if arguments.run.print_config {
        context.output.object(&configuration)?;
        return context.output.result(configuration.to_toml()?.trim_end());
    }
    folder.check(existing)?;
    let material = Material::load(&configuration.data, context)?;
    material.parts(configuration.test_share, configuration.training.seed)?;
    let interruption = Interruption::listen()?;
    let mut done = Vec::new();
    if existing == Existing::Resume {
        folder.remove_temporary_files();
        done = read_results(&folder.metrics())?;
    } else {
        folder.start(&configuration.to_toml()?)?;
    }
    let mut course = Course { configuration, folder, done, context, remaining: arguments.run.stop_after_batches };
    let networks = course.networks();
    for &(network, value, seed) in &networks[course.done.len().min(networks.len())..] {
        course.train(&material, network, value, seed, &interruption)?;
    }
    let summary = course.summary(&networks);
    if !arguments.run.no_plots {
        draw::all(&course.folder, &course.configuration, &course.done, &summary)?;
    }
    course.folder.write_summary(&summary)?;
    context.output.object(&summary)?;
    context.output.result(summary.text())
}

/// Configuration and folder, from the flags or from the run to continue.
fn plan(arguments: &LearnArguments, context: &Context) -> anyhow::Result<(DeltaConfiguration, RunFolder, Existing)> {
    let folder = |name: &str, seed: u64| {
        let default = || Path::new("runs").join(format!("learn-{name}-{seed}"));
        RunFolder::new(arguments.run.out.clone().unwrap_or_else(default))
    };
    if arguments.run.resume {
        let folder = folder("", 1);
        folder.check(Existing::Resume)?;
        let path = folder.configuration();
        let text = read_text(&path)?;
        return Ok((DeltaConfiguration::from_toml(&text, &path.display().to_string())?, folder, Existing::Resume));
    }
    let Some(data) = arguments.target.clone() else {
        return Err(CommandError::usage("argument DATA", "what to learn", "nothing").into());
    };
    let device = arguments.specification()?;
    let flags = &arguments.training;
    let is_table = data == "iris" || data.ends_with(".csv");
    // Small tables need many passes and large weights, images few and small ones.
    let usual = match is_table {
        true => PerceptronSettings { learning_rate: 0.05, epochs: 1000, ..PerceptronSettings::default() },
        false => {
            PerceptronSettings { learning_rate: 0.01, epochs: 10, rate_decay: 0.8, ..PerceptronSettings::default() }
        }
    };
    let training = PerceptronSettings {
        activation: flags.activation.map_or(usual.activation, Into::into),
        learning_rate: flags.learning_rate.unwrap_or(usual.learning_rate),
        rate_decay: flags.rate_decay.unwrap_or(usual.rate_decay),
        epochs: flags.epochs.unwrap_or(usual.epochs),
        seed: context.seed.unwrap_or(1),
    };
    let configuration = DeltaConfiguration {
        test_share: 0.3,
        seeds: flags.seeds.unwrap_or(1),
        sweep: arguments.changes.sweep.clone(),
        training,
        array: arguments.array_settings(if is_table { 10.0 } else { 1.0 })?,
        device,
        data,
    };
    let wrong = |error: anyhow::Error| CommandError::usage("flags", "values that fit", error.to_string());
    configuration.check("flags").map_err(wrong)?;
    let stem = Path::new(&configuration.data).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = format!("{}-{}", stem.unwrap_or_else(|| "table".to_owned()), configuration.device.name);
    let folder = folder(&name, configuration.training.seed);
    let existing = if arguments.run.overwrite { Existing::Overwrite } else { Existing::Refuse };
    Ok((configuration, folder, existing))
}

/// A run of several networks.
struct Course<'a> {
    configuration: DeltaConfiguration,
    folder: RunFolder,
    /// Networks whose training is over.
    done: Vec<Trained>,
    context: &'a Context,
    /// Slices until the run ends as if interrupted.
    remaining: Option<u64>,
}

impl Course<'_> {
    /// All networks of the run in order: float ones first, then those on devices by values of the sweep.
    fn networks(&self) -> Vec<(Twin, Option<f64>, u64)> {
        let first = self.configuration.training.seed;
        let seeds = move || (0..u64::from(self.configuration.seeds)).map(move |index| first.wrapping_add(index));
        let values: Vec<Option<f64>> = match &self.configuration.sweep {
            None => vec![None],
            Some(sweep) => sweep.values.iter().copied().map(Some).collect(),
        };
        let devices = values.into_iter().flat_map(|value| seeds().map(move |seed| (Twin::Device, value, seed)));
        seeds().map(|seed| (Twin::Float, None, seed)).chain(devices).collect()
    }

    /// Trains a network to the end, or to an interruption.
    fn train(
        &mut self,
        material: &Material,
        network: Twin,
        value: Option<f64>,
        seed: u64,
        interruption: &Interruption,
    ) -> anyhow::Result<()> {
        let parts = material.parts(self.configuration.test_share, seed)?;
        let shape = [parts.train.width(), parts.train.classes()];
        let synapses = match network {
            Twin::Float => Synapses::float(shape),
            Twin::Device => {
                let device = self.configuration.device_at(value)?;
                Synapses::devices(&device, &self.configuration.array, shape, seed)?
            }
        };
        let settings = PerceptronSettings { seed, ..self.configuration.training };
        let mut perceptron = Perceptron::new(settings, synapses, shape[1])?;
        let mut trained = Trained { network, value, seed, epochs: Vec::new(), test_accuracy: None, states: Vec::new() };
        let is_first = network == Twin::Device && self.done.iter().all(|one| one.network == Twin::Float);
        match checkpoint::restore(&self.folder, self.done.len(), &mut perceptron)? {
            Some(earlier) => trained = earlier,
            None if is_first => trained.states.extend(Shown::of(perceptron.synapses(), 0)),
            None => {}
        }
        let bar = self.context.output.progress(settings.epochs.into(), Progress::Steps);
        bar.set_prefix(format!("{} seed {seed}", if network == Twin::Float { "float" } else { "devices" }));
        let mut last_checkpoint = Instant::now();
        while !perceptron.is_finished() {
            if interruption.is_requested() || self.remaining == Some(0) {
                bar.finish_and_clear();
                checkpoint::save(&self.folder, self.done.len(), &perceptron, &trained)?;
                let folder = self.folder.path().display();
                self.context
                    .output
                    .result(format!("interrupted; continue with: sterna learn --resume --out {folder}"))?;
                return Err(CommandError::Interrupted.into());
            }
            self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(1));
            if let Some(outcome) = perceptron.learn(&parts.train, SLICE)? {
                let epoch = self.end_epoch(&mut perceptron, &parts, outcome)?;
                if is_first && is_shown(outcome.epoch, settings.epochs) {
                    trained.states.extend(Shown::of(perceptron.synapses(), outcome.epoch));
                }
                bar.set_position(outcome.epoch.into());
                bar.set_message(format!("accuracy {:.4}", epoch.validation_accuracy.unwrap_or(epoch.train_accuracy)));
                trained.epochs.push(epoch);
            }
            if last_checkpoint.elapsed() >= CHECKPOINT_INTERVAL {
                checkpoint::save(&self.folder, self.done.len(), &perceptron, &trained)?;
                last_checkpoint = Instant::now();
            }
        }
        bar.finish_and_clear();
        trained.test_accuracy = Some(perceptron.accuracy(&parts.test)?);
        self.context.output.object(&trained)?;
        self.context.output.note(line(&trained))?;
        self.done.push(trained);
        let lines: anyhow::Result<Vec<String>> = self.done.iter().map(|one| Ok(serde_json::to_string(one)?)).collect();
        Ok(write_atomically(&self.folder.metrics(), (lines?.join("\n") + "\n").as_bytes())?)
    }

    fn end_epoch(&self, perceptron: &mut Perceptron, parts: &Parts, outcome: EpochOutcome) -> anyhow::Result<Epoch> {
        let validation = match parts.validation.is_empty() {
            true => None,
            false => Some(perceptron.accuracy(&parts.validation)?),
        };
        let epoch = Epoch {
            epoch: outcome.epoch,
            loss: outcome.loss,
            train_accuracy: outcome.accuracy,
            validation_accuracy: validation,
            pulses: None,
            energy_j: None,
            time_s: None,
            saturated_share: None,
        };
        Ok(epoch.with_statistics(perceptron.synapses()))
    }

    fn summary(&self, networks: &[(Twin, Option<f64>, u64)]) -> Summary {
        let mut values: Vec<Option<f64>> = Vec::new();
        for &(network, value, _) in networks {
            if network == Twin::Device && !values.contains(&value) {
                values.push(value);
            }
        }
        let devices: Vec<Figures> =
            values.into_iter().map(|value| Figures::of(&self.done, Twin::Device, value)).collect();
        Summary {
            kind: Kind::Delta,
            test_accuracy: if let [one] = &devices[..] { Some(one.mean) } else { None },
            integer: None,
            training: None,
            data: self.configuration.data.clone(),
            device: self.configuration.device.name.clone(),
            seeds: self.configuration.seeds,
            float: Figures::of(&self.done, Twin::Float, None),
            devices,
            out: self.folder.path().display().to_string(),
        }
    }
}

fn line(trained: &Trained) -> String {
    let name = if trained.network == Twin::Float { "float weights" } else { "devices" };
    let value = trained.value.map(|value| format!(" at {value}")).unwrap_or_default();
    let accuracy = trained.test_accuracy.unwrap_or_default();
    format!("{name}{value}, seed {}: test accuracy {:.2} %", trained.seed, 100.0 * accuracy)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > LARGEST {
        let (field, expected) = ("size".to_owned(), format!("at most {LARGEST} bytes"));
        return Err(CommandError::File { path: path.to_owned(), field, expected, found: size.to_string() }.into());
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Networks of an earlier run whose training was over.
fn read_results(path: &Path) -> anyhow::Result<Vec<Trained>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = read_text(path)?;
    let result = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            let (field, expected) = (format!("line {}", index + 1), "the result of a network".to_owned());
            CommandError::File { path: path.to_owned(), field, expected, found: error.to_string() }.into()
        })
    };
    text.lines().enumerate().map(result).collect()
}
