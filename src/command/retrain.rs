//! `sterna compile --retrain`: hardware-aware training before a network is mapped.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use compiler::HardwareSpecification;
use compiler::mapping::Calibration;
use compiler::training::{ColumnGradient, Retraining, Stage, StageReport, Task, TrainingOptions, fine_tuning};
use serde::Serialize;
use snn::Network;
use spikegrad::{EpochReport, Samples, Subset, TrainingSettings};

use super::Context;
use super::trained::{parse_source, run_configuration};
use crate::CommandError;
use crate::configuration::{AugmentationChoice, Configuration, DataSection, above_zero, augmentation};
use crate::interruption::Interruption;
use crate::output::Progress;
use crate::samples::{ImageFormat, ImageSamples};

/// Longest time between two checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// Flags of hardware-aware training.
#[derive(Args, Debug)]
#[command(next_help_heading = "Hardware-aware training")]
pub struct RetrainArguments {
    /// Train weights, scale factors and thresholds on the hardware for N epochs first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub retrain: Option<u32>,
    /// Data to retrain on: digits, mnist, fashion-mnist, cifar10 or a folder; that of the run when absent
    #[arg(long, value_name = "SOURCE", requires = "retrain")]
    pub retrain_data: Option<String>,
    /// Train on N samples an epoch, drawn anew for each epoch, instead of all: epochs on columns take long
    #[arg(long, value_name = "N", requires = "retrain", value_parser = clap::value_parser!(u32).range(1..))]
    pub retrain_on: Option<u32>,
    /// Of the epochs of --retrain, those that learn the bits of weights before partial sums are quantised
    #[arg(long, value_name = "N", requires = "retrain", value_parser = clap::value_parser!(u32).range(1..), default_value_t = 1)]
    pub weight_epochs: u32,
    /// Learning rate at the start of retraining; a fifth of the run's when absent
    #[arg(long, value_name = "RATE", requires = "retrain", value_parser = above_zero, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// Variation of training images, as in `sterna train`: columns of few bits learn more from images as they are
    #[arg(long, value_name = "KIND", requires = "retrain", value_parser = augmentation, default_value = "none")]
    pub augment: AugmentationChoice,
    /// How errors cross the quantiser
    #[arg(long, value_name = "HOW", requires = "retrain", default_value = "masked")]
    pub column_gradient: GradientChoice,
    /// Continue the retraining that was interrupted in the output folder
    #[arg(long, requires = "retrain")]
    pub resume: bool,
    /// End as if interrupted after N updates
    #[arg(long, value_name = "N", requires = "retrain", hide = true)]
    pub stop_after_batches: Option<u64>,
}

/// [`ColumnGradient`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GradientChoice {
    /// As in the exact network
    Straight,
    /// Not where a partial sum exceeds its scale factor
    Masked,
}

/// What is retrained, and where its files go.
#[derive(Debug)]
pub struct Retrained<'a> {
    /// The model file.
    pub model: &'a Path,
    /// The network in it.
    pub network: &'a Network,
    /// The chip.
    pub hardware: &'a HardwareSpecification,
    /// Folder that takes `retraining/` with checkpoint and best state.
    pub folder: &'a Path,
}

/// One line of JSON an epoch.
#[derive(Serialize)]
struct Record<'a> {
    stage: Stage,
    is_candidate: bool,
    #[serde(flatten)]
    report: &'a EpochReport,
}

/// Retrains and returns the network and calibration of the best epoch of the last stage.
///
/// # Errors
/// [`CommandError::Interrupted`] after a signal, with the checkpoint written; the errors of every
/// step otherwise.
pub fn retrain(
    what: &Retrained<'_>,
    epochs: u32,
    arguments: &RetrainArguments,
    context: &Context,
) -> anyhow::Result<(Network, Calibration)> {
    let (data, trained_with) = data_and_settings(what.model, arguments, context)?;
    let dataset = context.load(&data.source)?;
    let format = ImageFormat::of(&dataset);
    let splits = dataset.split(&data.split_options())?;
    if splits.validation.is_empty() {
        return Err(CommandError::usage("--retrain", "a data set with validation samples", "none").into());
    }
    let settings = fine_tuning(&trained_with, what.hardware.quantiser, epochs, arguments.learning_rate);
    let samples = |images| ImageSamples::new(images, &format, what.network, arguments.augment.0, settings.seed);
    let (train, validation) = (samples(splits.train)?, samples(splits.validation)?);
    let train = Subset::drawn(&train, arguments.retrain_on.map_or(usize::MAX, |count| count as usize));
    let gradient = match arguments.column_gradient {
        GradientChoice::Straight => ColumnGradient::Straight,
        GradientChoice::Masked => ColumnGradient::Masked,
    };
    let task = Task {
        network: what.network,
        hardware: what.hardware,
        options: TrainingOptions {
            gradient,
            weight_epochs: arguments.weight_epochs,
            seed: settings.seed,
            ..TrainingOptions::default()
        },
        settings,
        resources: context.resources,
    };
    let files = Files::new(what.folder)?;
    let run = if arguments.resume && files.checkpoint.is_file() {
        Retraining::resume(&task, &train, &files.checkpoint)?
    } else {
        Retraining::new(&task, &train)?
    };
    let mut course = Course { run, files, context, remaining: arguments.stop_after_batches };
    for (stage, epochs) in course.run.plan().stages() {
        context.output.note(format!("epochs {}..={}: {}", epochs.start + 1, epochs.end, stage.name()))?;
    }
    let interruption = Interruption::listen()?;
    while !course.run.trainer().is_finished() {
        course.epoch(&train, &validation, &interruption)?;
    }
    Ok(Retraining::resume(&task, &train, &course.files.best)?.deployed()?)
}

/// Data and settings: those of the run that the model lies in, unless flags say otherwise.
fn data_and_settings(
    model: &Path,
    arguments: &RetrainArguments,
    context: &Context,
) -> anyhow::Result<(DataSection, TrainingSettings)> {
    let run: Option<Configuration> = run_configuration(model)?;
    let source = arguments.retrain_data.as_deref().map(parse_source).transpose()?;
    let mut settings = run.as_ref().map(|run| run.training.clone()).unwrap_or_default();
    if let Some(seed) = context.seed {
        settings.seed = seed;
    }
    let data = match (source, run.map(|run| run.data)) {
        (Some(source), Some(data)) if data.source == source => data,
        (Some(source), _) => DataSection::new(source),
        (None, Some(data)) => data,
        (None, None) => {
            let expected = "a data set for a model outside its run folder";
            return Err(CommandError::usage("--retrain-data", expected, "nothing").into());
        }
    };
    Ok((data, settings))
}

/// `retraining/` in the output folder.
struct Files {
    checkpoint: PathBuf,
    best: PathBuf,
}

impl Files {
    fn new(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("retraining");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}; choose another one with --out", folder.display()))?;
        Ok(Self { checkpoint: folder.join("checkpoint.safetensors"), best: folder.join("best.safetensors") })
    }
}

struct Course<'a> {
    run: Retraining,
    files: Files,
    context: &'a Context,
    /// Updates until the run ends as if interrupted.
    remaining: Option<u64>,
}

impl Course<'_> {
    /// The rest of an epoch, with a checkpoint at its end or where the user stops it.
    fn epoch(
        &mut self,
        train: &dyn Samples,
        validation: &dyn Samples,
        interruption: &Interruption,
    ) -> anyhow::Result<()> {
        let settings = self.run.trainer().settings();
        let (batch, epochs) = (settings.batch, settings.epochs);
        let examples = train.len();
        let bar = self.context.output.progress(examples.div_ceil(batch) as u64, Progress::Steps);
        bar.set_prefix(format!("epoch {} ({})", self.run.trainer().position().epoch + 1, self.run.stage().name()));
        let (start, first) = (Instant::now(), self.run.trainer().position().batch);
        let mut last_checkpoint = start;
        while !self.run.trainer().epoch_is_complete(train) {
            if interruption.is_requested() || self.remaining == Some(0) {
                bar.finish_and_clear();
                self.run.trainer().save(&self.files.checkpoint)?;
                self.context.output.result("interrupted; continue with the same command and --resume")?;
                return Err(CommandError::Interrupted.into());
            }
            let outcome = self.run.step(train)?;
            self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(1));
            bar.set_position(outcome.batch);
            if last_checkpoint.elapsed() >= CHECKPOINT_INTERVAL {
                self.run.trainer().save(&self.files.checkpoint)?;
                last_checkpoint = Instant::now();
            }
        }
        bar.finish_and_clear();
        let done = examples as f64 * (1.0 - first as f64 / examples.div_ceil(batch).max(1) as f64);
        let speed = done / start.elapsed().as_secs_f64();
        let mut epoch = self.run.finish_epoch(validation)?;
        epoch.report.samples_per_second = (speed.is_finite() && speed > 0.0).then_some(speed);
        // The best state first: a run that is killed in between repeats the epoch.
        if epoch.is_candidate && epoch.report.is_best {
            self.run.trainer().save(&self.files.best)?;
        }
        self.run.trainer().save(&self.files.checkpoint)?;
        let StageReport { stage, is_candidate, report } = &epoch;
        self.context.output.object(&Record { stage: *stage, is_candidate: *is_candidate, report })?;
        self.context.output.note(line(&epoch, epochs))
    }
}

fn line(epoch: &StageReport, epochs: u32) -> String {
    let report = &epoch.report;
    let speed = report.samples_per_second.map(|speed| format!("  {speed:.0} samples/s")).unwrap_or_default();
    let mark = if epoch.is_candidate && report.is_best { " *" } else { "  " };
    format!(
        "epoch {:>3}/{epochs}  {:<13}  loss {:.4}  train {:6.2} %  validation {:6.2} %{mark}  rate {:.5}{speed}",
        report.epoch,
        epoch.stage.name(),
        report.train.loss,
        100.0 * report.train.accuracy,
        100.0 * report.validation.accuracy,
        report.learning_rate,
    )
}
