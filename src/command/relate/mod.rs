//! `sterna relate`: trains a network on a relation and tests what it infers.

mod arguments;
mod chip;
mod classifier;
mod draw;
mod events;
mod images;
mod plan;
mod report;
mod sizes;

pub use arguments::RelateArguments;

use anyhow::Context as _;
use spikegrad::Trainer;
use spikegrad::relation::{Split, Task};

use self::plan::Plan;
use self::report::{Report, Tested};
use super::Context;
use super::course::{Course, Ending, Parts};
use crate::CommandError;
use crate::interruption::Interruption;
use crate::run_folder::{Existing, Metrics};

/// Trains and tests as the arguments say.
///
/// # Errors
/// [`CommandError::Interrupted`] after a signal, with the checkpoint written; the errors of every step otherwise.
pub fn run(arguments: &RelateArguments, context: &Context) -> anyhow::Result<()> {
    let plan = Plan::new(arguments, context)?;
    if arguments.run.print_config {
        context.output.object(&plan.description)?;
        return context.output.result(plan.description.to_toml()?.trim_end());
    }
    plan.folder.check(plan.existing)?;
    let banks = images::banks(&plan.description, context)?;
    let task = Task::new(plan.description.clone(), banks.clone(), plan.description.training.seed)?;
    let interruption = Interruption::listen()?;
    let mut course = begin(&plan, &task, arguments, context)?;
    let section = &plan.description.relation;
    let train = task.samples(Split::Train { epoch: 0 }, section.examples as usize);
    let validation = task.samples(Split::Validation, section.validation as usize);
    let ending = course.run(Parts { train: &train, validation: &validation }, &interruption)?;
    if ending == Ending::Interrupted {
        context.output.result(format!(
            "interrupted in epoch {}, after batch {}; continue with: sterna relate --resume --out {}",
            course.trainer().position().epoch + 1,
            course.trainer().position().batch,
            plan.folder.path().display()
        ))?;
        return Err(CommandError::Interrupted.into());
    }
    let network = snn::model::load(&plan.folder.model())?;
    let tested = Tested::new(&task, &network, &banks, arguments.test as usize, context)?;
    let sizes = sizes::train(arguments, &plan.description, &interruption, context)?;
    let chip = arguments.hardware.as_ref().map(|hardware| chip::cost(hardware, &task, &network, &plan, context));
    let report = Report::new(&plan, &task, &course, &tested, sizes, chip.transpose()?);
    if !arguments.run.no_plots {
        draw::all(&plan.folder, &task, &network, &tested, &report, course.metrics())?;
    }
    plan.folder.write_summary(&report)?;
    context.output.object(&report)?;
    context.output.result(report.text())
}

/// The trainer at the start of the run, or where the checkpoint left it, with the run folder.
fn begin<'a>(
    plan: &'a Plan,
    task: &Task,
    arguments: &RelateArguments,
    context: &'a Context,
) -> anyhow::Result<Course<'a>> {
    let (folder, settings) = (&plan.folder, plan.description.training.clone());
    let network = task.network()?;
    let (trainer, metrics) = if plan.existing == Existing::Resume && folder.checkpoint().exists() {
        folder.remove_temporary_files();
        let trainer = Trainer::resume(network, settings, context.resources, &folder.checkpoint())?;
        let metrics = folder.read_metrics(trainer.position().epoch)?;
        folder.write_configuration(&plan.description.to_toml()?)?;
        (trainer, metrics)
    } else {
        let trainer = Trainer::new(network, settings, context.resources).with_context(|| plan.name.clone())?;
        folder.start(&plan.description.to_toml()?)?;
        trainer.save(&folder.checkpoint())?;
        (trainer, Metrics::default())
    };
    Ok(Course::new(trainer, metrics, folder, context.output, arguments.run.stop_after_batches))
}
