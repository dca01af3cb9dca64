//! `sterna train`: trains a network and leaves a run folder.

mod arguments;
mod plan;
mod result;

pub use arguments::TrainArguments;
pub use result::Summary;

use std::path::Path;

use anyhow::Context as _;
use compiler::learning::substrate::LearningSubstrate;
use snn::Network;
use spikegrad::{EpochReport, Evaluation, Resources, Trainer, TrainingSettings, evaluate};

use self::plan::Plan;
use super::Context;
use super::course::{self, Course, Ending};
use super::run_flags::RunFlags;
use crate::CommandError;
use crate::configuration::{ChipSection, Configuration};
use crate::interruption::Interruption;
use crate::run_folder::{Existing, Metrics};
use crate::samples::{ImageFormat, ImageSamples};

/// Training, validation and test samples of a run.
struct Parts {
    format: ImageFormat,
    train: ImageSamples,
    validation: ImageSamples,
    test: ImageSamples,
}

/// Trains as the arguments say.
///
/// # Errors
/// [`CommandError::Interrupted`] after a signal, with the checkpoint written; the errors of every
/// step otherwise.
pub fn run(arguments: &TrainArguments, context: &Context) -> anyhow::Result<()> {
    let plan = Plan::new(arguments, context)?;
    if arguments.run.print_config {
        return print_configuration(&plan.configuration, context);
    }
    let continuation = format!("train --resume --out {}", plan.folder.path().display());
    execute(&plan, &arguments.run, context, &continuation, &Interruption::listen()?).map(drop)
}

/// Trains a configuration in the folder `flags.out`; `sterna` with `continuation` continues it. Gives what it came to, and
/// the reports of its epochs.
///
/// # Errors
/// As [`run`].
pub fn train(
    configuration: Configuration,
    flags: &RunFlags,
    context: &Context,
    continuation: &str,
    interruption: &Interruption,
) -> anyhow::Result<(Summary, Vec<EpochReport>)> {
    execute(&Plan::of(configuration, flags), flags, context, continuation, interruption)
}

fn execute(
    plan: &Plan,
    flags: &RunFlags,
    context: &Context,
    continuation: &str,
    interruption: &Interruption,
) -> anyhow::Result<(Summary, Vec<EpochReport>)> {
    plan.folder.check(plan.existing)?;
    let (network, parts) = prepare(plan, context)?;
    let mut course = begin(plan, network, flags, context)?;
    let data = course::Parts { train: &parts.train, validation: &parts.validation };
    let ending = course.run(data, interruption)?;
    let plots = |course: &Course<'_>| -> anyhow::Result<()> {
        if flags.no_plots { Ok(()) } else { result::draw(&plan.folder, course.metrics()) }
    };
    match ending {
        Ending::Interrupted => {
            plots(&course)?;
            let summary = Summary::new(plan, &course, context.resources, None);
            context.output.object(&summary)?;
            context.output.result(format!(
                "interrupted in epoch {}, after batch {}; continue with: sterna {continuation}",
                course.trainer().position().epoch + 1,
                course.trainer().position().batch,
            ))?;
            Err(CommandError::Interrupted.into())
        }
        Ending::Finished => {
            plots(&course)?;
            let model = snn::model::load(&plan.folder.model())?;
            let test = test(plan, &model, &parts.test, context.resources).context("test samples")?;
            let summary = Summary::new(plan, &course, context.resources, Some(test.score));
            if !flags.no_plots {
                result::draw_model(&plan.folder, &model, &test.confusion, &parts.format.classes)?;
            }
            plan.folder.write_summary(&summary)?;
            context.output.object(&summary)?;
            context.output.result(summary.text())?;
            Ok((summary, course.metrics().reports()))
        }
    }
}

/// The model that was kept on the test samples; with the noise, offsets and converters of reads where it learned with them.
fn test(plan: &Plan, model: &Network, samples: &ImageSamples, resources: Resources) -> anyhow::Result<Evaluation> {
    let Configuration { chip, training, .. } = &plan.configuration;
    match chip {
        None => Ok(evaluate(model, samples, resources)?),
        Some(chip) => chip.evaluate(model, training, samples, resources),
    }
}

/// Writes a configuration as TOML, or as JSON.
///
/// # Errors
/// When it cannot be expressed or written.
pub fn print_configuration(configuration: &Configuration, context: &Context) -> anyhow::Result<()> {
    context.output.object(configuration)?;
    context.output.result(configuration.to_toml()?.trim_end())
}

/// Everything that can be refused before a file is written.
fn prepare(plan: &Plan, context: &Context) -> anyhow::Result<(Network, Parts)> {
    let configuration = &plan.configuration;
    let data = &configuration.data;
    let dataset = context.load(&data.source)?;
    let format = ImageFormat::of(&dataset);
    let network = configuration.build(&format).with_context(|| plan.place.clone())?;
    let splits = dataset.split(&data.split_options())?;
    for (part, samples) in [("validation", &splits.validation), ("test", &splits.test)] {
        if samples.is_empty() {
            let problem = format!("[data] '{part}': expected at least 1 sample, found 0");
            return Err(CommandError::Configuration { place: plan.place.clone(), line: None, problem }.into());
        }
    }
    let (augmentation, seed) = (data.augmentation, configuration.training.seed);
    let samples = |images| ImageSamples::new(images, &format, &network, augmentation, seed);
    let parts = Parts {
        train: samples(splits.train)?,
        validation: samples(splits.validation)?,
        test: samples(splits.test)?,
        format: format.clone(),
    };
    Ok((network, parts))
}

/// The trainer at the start of the run, or where the checkpoint left it, with the run folder.
fn begin<'a>(plan: &'a Plan, network: Network, flags: &RunFlags, context: &'a Context) -> anyhow::Result<Course<'a>> {
    let (folder, settings, resources) = (&plan.folder, plan.configuration.training.clone(), context.resources);
    let (trainer, metrics) = if plan.existing == Existing::Resume && folder.checkpoint().exists() {
        folder.remove_temporary_files();
        let trainer = trainer(plan, network, settings, resources, Some(&folder.checkpoint()))?;
        let metrics = folder.read_metrics(trainer.position().epoch)?;
        folder.write_configuration(&plan.configuration.to_toml()?)?;
        (trainer, metrics)
    } else {
        let trainer = trainer(plan, network, settings, resources, None).with_context(|| plan.place.clone())?;
        folder.start(&plan.configuration.to_toml()?)?;
        trainer.save(&folder.checkpoint())?;
        (trainer, Metrics::default())
    };
    Ok(Course::new(trainer, metrics, folder, context.output, flags.stop_after_batches))
}

/// The trainer, on arrays of devices where the configuration has a chip.
fn trainer(
    plan: &Plan,
    network: Network,
    settings: TrainingSettings,
    resources: Resources,
    checkpoint: Option<&Path>,
) -> anyhow::Result<Trainer> {
    let Some(chip) = &plan.configuration.chip else {
        return Ok(match checkpoint {
            None => Trainer::new(network, settings, resources)?,
            Some(path) => Trainer::resume(network, settings, resources, path)?,
        });
    };
    let initial = Trainer::new(network, settings.clone(), resources)?.network().clone();
    let ChipSection { seed, array, placement, sweep, device } = chip;
    if sweep.is_some() {
        let problem =
            "[chip] sweep: expected none, for it is several runs; use `sterna learn`, or remove it".to_owned();
        return Err(CommandError::Configuration { place: plan.place.clone(), line: None, problem }.into());
    }
    let substrate = LearningSubstrate::new(&initial, device, array, placement, *seed, resources.isa)?;
    Ok(match checkpoint {
        None => Trainer::on_substrate(initial, settings, resources, Box::new(substrate))?,
        Some(path) => Trainer::resume_on_substrate(initial, settings, resources, Box::new(substrate), path)?,
    })
}
