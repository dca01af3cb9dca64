//! `sterna train`: trains a network and leaves a run folder.

mod arguments;
mod plan;
mod result;

pub use arguments::TrainArguments;
pub use result::Summary;

use anyhow::Context as _;
use snn::Network;
use spikegrad::{Trainer, evaluate};

use self::plan::Plan;
use super::Context;
use super::course::{self, Course, Ending};
use crate::CommandError;
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
        return print_configuration(&plan, context);
    }
    plan.folder.check(plan.existing)?;
    let (network, parts) = prepare(&plan, context)?;
    let interruption = Interruption::listen()?;
    let mut course = begin(&plan, network, arguments, context)?;
    let data = course::Parts { train: &parts.train, validation: &parts.validation };
    let ending = course.run(data, &interruption)?;
    let plots = |course: &Course<'_>| -> anyhow::Result<()> {
        if arguments.run.no_plots { Ok(()) } else { result::draw(&plan.folder, course.metrics()) }
    };
    match ending {
        Ending::Interrupted => {
            plots(&course)?;
            let summary = Summary::new(&plan, &course, context.resources, None);
            context.output.object(&summary)?;
            context.output.result(format!(
                "interrupted in epoch {}, after batch {}; continue with: sterna train --resume --out {}",
                course.trainer().position().epoch + 1,
                course.trainer().position().batch,
                plan.folder.path().display()
            ))?;
            Err(CommandError::Interrupted.into())
        }
        Ending::Finished => {
            plots(&course)?;
            let model = snn::model::load(&plan.folder.model())?;
            let test = evaluate(&model, &parts.test, context.resources).context("test samples")?;
            let summary = Summary::new(&plan, &course, context.resources, Some(test.score));
            if !arguments.run.no_plots {
                result::draw_model(&plan.folder, &model, &test.confusion, &parts.format.classes)?;
            }
            plan.folder.write_summary(&summary)?;
            context.output.object(&summary)?;
            context.output.result(summary.text())
        }
    }
}

fn print_configuration(plan: &Plan, context: &Context) -> anyhow::Result<()> {
    context.output.object(&plan.configuration)?;
    context.output.result(plan.configuration.to_toml()?.trim_end())
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
fn begin<'a>(
    plan: &'a Plan,
    network: Network,
    arguments: &TrainArguments,
    context: &'a Context,
) -> anyhow::Result<Course<'a>> {
    let (folder, settings, resources) = (&plan.folder, plan.configuration.training.clone(), context.resources);
    let (trainer, metrics) = if plan.existing == Existing::Resume && folder.checkpoint().exists() {
        folder.remove_temporary_files();
        let trainer = Trainer::resume(network, settings, resources, &folder.checkpoint())?;
        let metrics = folder.read_metrics(trainer.position().epoch)?;
        folder.write_configuration(&plan.configuration.to_toml()?)?;
        (trainer, metrics)
    } else {
        let trainer = Trainer::new(network, settings, resources).with_context(|| plan.place.clone())?;
        folder.start(&plan.configuration.to_toml()?)?;
        trainer.save(&folder.checkpoint())?;
        (trainer, Metrics::default())
    };
    Ok(Course::new(trainer, metrics, folder, context.output, arguments.run.stop_after_batches))
}
