//! Spiking networks that learn on the chip, beside the integer network.

use std::path::{Path, PathBuf};

use super::LearnArguments;
use crate::CommandError;
use crate::command::Context;
use crate::command::run_flags::RunFlags;
use crate::command::train;
use crate::configuration::{ChipSection, Configuration, Overrides, Recipe};
use crate::interruption::Interruption;
use crate::plots::{Curves, Series, curves};
use crate::run_folder::RunFolder;

/// Folder of the integer network in that of the run.
const INTEGER: &str = "integer";

/// The configuration of a spiking network; `None` where the delta rule is asked for.
///
/// # Errors
/// Those of flags, of the recipe and of the run to continue.
pub(super) fn configuration(arguments: &LearnArguments, context: &Context) -> anyhow::Result<Option<Configuration>> {
    if arguments.run.resume {
        let path = RunFolder::new(arguments.run.out.clone().unwrap_or_default()).configuration();
        // What is no such file is refused where runs of the delta rule are read.
        let table = std::fs::read_to_string(&path).ok().and_then(|text| text.parse::<toml::Table>().ok());
        if !table.is_some_and(|table| table.contains_key("network")) {
            return Ok(None);
        }
        let stored = Configuration::load(&path)?;
        if stored.chip.is_none() {
            let found = format!("{}, a run without a chip", path.display());
            return Err(CommandError::usage("--resume", "a run of `sterna learn`", found).into());
        }
        return Ok(Some(stored));
    }
    let flags = &arguments.training;
    let (Some(topology), Some(data)) = (&flags.topology, &arguments.target) else { return Ok(None) };
    let Some(recipe) = Recipe::named(data) else {
        let expected = "mnist, fashion-mnist, digits or cifar10 with --topology";
        return Err(CommandError::usage("argument DATA", expected, format!("'{data}'")).into());
    };
    let mut configuration = recipe.configuration()?;
    configuration.training.dropout.clear();
    let overrides = Overrides {
        topology: Some(topology.clone()),
        epochs: flags.epochs,
        learning_rate: flags.learning_rate,
        batch: flags.batch,
        momentum: flags.momentum,
        alpha: flags.alpha,
        max_spikes: flags.max_spikes,
        ..Overrides::default()
    };
    overrides.apply(context.seed, &mut configuration);
    let mut placement = compiler::learning::substrate::Placement::default();
    placement.projections.clone_from(&flags.on_chip);
    configuration.chip = Some(ChipSection {
        seed: configuration.training.seed,
        array: arguments.array_settings(1.0)?,
        placement,
        device: arguments.specification()?,
    });
    configuration.check("flags").map_err(|error| CommandError::usage("flags", "values that fit", error.to_string()))?;
    Ok(Some(configuration))
}

/// Trains on the chip, then the integer network, and compares them.
///
/// # Errors
/// Those of `sterna train`.
pub(super) fn run(configuration: Configuration, arguments: &LearnArguments, context: &Context) -> anyhow::Result<()> {
    if arguments.run.print_config {
        return train::print_configuration(&configuration, context);
    }
    let interruption = Interruption::listen()?;
    let device = configuration.chip.as_ref().map(|chip| chip.device.name.clone()).unwrap_or_default();
    let data = configuration.data.source.to_string();
    let default = || Path::new("runs").join(format!("learn-{data}-{device}-{}", configuration.training.seed));
    let folder = arguments.run.out.clone().unwrap_or_else(default);
    let flags = |out: PathBuf, resume: bool| RunFlags {
        out: Some(out),
        resume,
        overwrite: arguments.run.overwrite,
        print_config: false,
        no_plots: arguments.run.no_plots,
        stop_after_batches: arguments.run.stop_after_batches,
    };
    let continuation = format!("learn --resume --out {}", folder.display());
    let first = flags(folder.clone(), arguments.run.resume);
    train::train(configuration.clone(), &first, context, &continuation, &interruption)?;
    let inner = folder.join(INTEGER);
    let resumes = arguments.run.resume && RunFolder::new(&inner).configuration().is_file();
    let integer = Configuration { chip: None, ..configuration };
    context.output.note("the integer network that it would be on ideal devices:")?;
    train::train(integer, &flags(inner.clone(), resumes), context, &continuation, &interruption)?;
    if !arguments.run.no_plots {
        compare(&RunFolder::new(&folder), &RunFolder::new(&inner), &format!("{data} on {device}"))?;
    }
    Ok(())
}

/// Validation accuracy of both networks over the epochs.
fn compare(chip: &RunFolder, integer: &RunFolder, subtitle: &str) -> anyhow::Result<()> {
    let series = |folder: &RunFolder, label: &str| -> anyhow::Result<Series> {
        let metrics = folder.read_metrics(u32::MAX)?;
        let reports = metrics.reports();
        let point = |report: &spikegrad::EpochReport| (f64::from(report.epoch), 100.0 * report.validation.accuracy);
        Ok(Series { label: label.to_owned(), points: reports.iter().map(point).collect() })
    };
    let figure = Curves {
        title: "Learning on the chip".to_owned(),
        subtitle: subtitle.to_owned(),
        labels: ["epoch".to_owned(), "validation accuracy, %".to_owned()],
        counts: false,
        series: vec![series(chip, "devices")?, series(integer, "integer network")?],
    };
    Ok(curves(&figure, &chip.plots().join("beside_integer.png"))?)
}
