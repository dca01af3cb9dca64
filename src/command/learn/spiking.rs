//! Spiking networks that learn on the chip, beside the integer and the float network.

use std::collections::BTreeMap;
use std::path::Path;

use snn::WeightFormat;
use spikegrad::{EpochReport, Gradient};

use super::results::{Figures, Kind, Shown, Summary, is_shown};
use super::{LearnArguments, draw};
use crate::CommandError;
use crate::command::Context;
use crate::command::run_flags::RunFlags;
use crate::command::train;
use crate::configuration::{ChipSection, Configuration, Overrides, Recipe, Sweep};
use crate::interruption::Interruption;
use crate::plots::{Curves, Series, curves};
use crate::run_folder::{Existing, RunFolder};

/// Folders of the networks without devices in that of the run.
const INTEGER: &str = "integer";
const FLOAT: &str = "float";

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
        sweep: arguments.changes.sweep.clone(),
        device: arguments.specification()?,
    });
    configuration.check("flags").map_err(|error| CommandError::usage("flags", "values that fit", error.to_string()))?;
    Ok(Some(configuration))
}

/// Trains on the chip, for each value of a sweep, then the integer and the float network, and compares them.
///
/// # Errors
/// Those of `sterna train`.
pub(super) fn run(configuration: Configuration, arguments: &LearnArguments, context: &Context) -> anyhow::Result<()> {
    if arguments.run.print_config {
        return train::print_configuration(&configuration, context);
    }
    let Some(chip) = configuration.chip.clone() else {
        return Err(CommandError::usage("configuration", "a run with a chip", "none").into());
    };
    let interruption = Interruption::listen()?;
    let (data, device) = (configuration.data.source.to_string(), chip.device.name.clone());
    let default = || Path::new("runs").join(format!("learn-{data}-{device}-{}", configuration.training.seed));
    let folder = RunFolder::new(arguments.run.out.clone().unwrap_or_default());
    let folder = if arguments.run.out.is_some() { folder } else { RunFolder::new(default()) };
    if chip.sweep.is_some() {
        begin(&folder, &configuration, &arguments.run)?;
    }
    let course = Course { folder: &folder, flags: &arguments.run, context, interruption: &interruption };
    let mut on_devices = Vec::new();
    for (value, name, configuration) in networks(&configuration, &chip)? {
        on_devices.push((value, course.train(&name, configuration)?));
    }
    let plain = Configuration { chip: None, ..configuration };
    context.output.note("the integer network that it would be on ideal devices:")?;
    let integer = course.train(INTEGER, plain.clone())?;
    context.output.note("the network with float weights and float errors:")?;
    let float = course.train(FLOAT, with_floats(plain))?;
    let figures = |value: Option<f64>, (summary, reports): &Trained| Figures::of_spiking(value, summary, reports);
    let devices: Vec<Figures> = on_devices.iter().map(|(value, trained)| figures(*value, trained)).collect();
    let one = if let [(None, (summary, _))] = &on_devices[..] { Some(summary.clone()) } else { None };
    let summary = Summary {
        kind: Kind::Spiking,
        data,
        device,
        seeds: 1,
        test_accuracy: one.as_ref().and_then(|one| one.test_accuracy),
        devices,
        float: figures(None, &float),
        integer: Some(figures(None, &integer)),
        training: one,
        out: folder.path().display().to_string(),
    };
    if !arguments.run.no_plots {
        draw(&folder, &chip, &summary, &on_devices, [&integer, &float])?;
    }
    folder.write_summary(&summary)?;
    context.output.object(&summary)?;
    context.output.result(summary.text())
}

/// A trained network and its epochs.
type Trained = (train::Summary, Vec<EpochReport>);

/// The networks on devices: value of the sweep, folder in that of the run, configuration.
fn networks(
    configuration: &Configuration,
    chip: &ChipSection,
) -> anyhow::Result<Vec<(Option<f64>, String, Configuration)>> {
    let Some(Sweep { what, values }) = &chip.sweep else {
        return Ok(vec![(None, String::new(), configuration.clone())]);
    };
    let network = |&value: &f64| {
        let chip = ChipSection { sweep: None, device: what.apply(&chip.device, value)?, ..chip.clone() };
        let configuration = Configuration { chip: Some(chip), ..configuration.clone() };
        Ok((Some(value), format!("{}-{value}", what.name()), configuration))
    };
    values.iter().map(network).collect()
}

/// The same network with float weights and float errors.
fn with_floats(mut configuration: Configuration) -> Configuration {
    configuration.network.weights = WeightFormat::F32;
    configuration.training.gradient = Gradient::Float;
    configuration
}

/// Makes the folder of a sweep, or checks that it is one to continue.
fn begin(folder: &RunFolder, configuration: &Configuration, flags: &RunFlags) -> anyhow::Result<()> {
    let existing = match (flags.resume, flags.overwrite) {
        (true, _) => Existing::Resume,
        (_, true) => Existing::Overwrite,
        _ => Existing::Refuse,
    };
    folder.check(existing)?;
    if existing == Existing::Resume { Ok(()) } else { folder.start(&configuration.to_toml()?) }
}

/// Where networks are trained.
struct Course<'a> {
    folder: &'a RunFolder,
    flags: &'a RunFlags,
    context: &'a Context,
    interruption: &'a Interruption,
}

impl Course<'_> {
    /// Trains a network in a folder of that of the run, or goes on with it.
    fn train(&self, name: &str, configuration: Configuration) -> anyhow::Result<Trained> {
        let out = if name.is_empty() { self.folder.path().to_owned() } else { self.folder.path().join(name) };
        let is_begun = name.is_empty() || RunFolder::new(&out).configuration().is_file();
        let flags = RunFlags {
            resume: self.flags.resume && is_begun,
            out: Some(out),
            overwrite: self.flags.overwrite,
            print_config: false,
            no_plots: self.flags.no_plots,
            stop_after_batches: self.flags.stop_after_batches,
        };
        let continuation = format!("learn --resume --out {}", self.folder.path().display());
        train::train(configuration, &flags, self.context, &continuation, self.interruption)
    }
}

/// Learning curves of all networks, conductances of each on devices, accuracy against a swept value.
fn draw(
    folder: &RunFolder,
    chip: &ChipSection,
    summary: &Summary,
    on_devices: &[(Option<f64>, Trained)],
    [integer, float]: [&Trained; 2],
) -> anyhow::Result<()> {
    let plots = folder.plots();
    std::fs::create_dir_all(&plots)?;
    let subtitle = format!("{} on {}", summary.data, summary.device);
    let series = |label: String, (_, reports): &Trained| {
        let point = |report: &EpochReport| (f64::from(report.epoch), 100.0 * report.validation.accuracy);
        Series { label, points: reports.iter().map(point).collect() }
    };
    let label = |value: &Option<f64>| match (value, &chip.sweep) {
        (Some(value), Some(sweep)) => format!("{} {value}", sweep.what.name()),
        _ => "devices".to_owned(),
    };
    let devices = on_devices.iter().map(|(value, trained)| series(label(value), trained));
    let others = [series("integer network".to_owned(), integer), series("float weights".to_owned(), float)];
    let figure = Curves {
        title: "Learning on the chip".to_owned(),
        subtitle: subtitle.clone(),
        labels: ["epoch".to_owned(), "validation accuracy, %".to_owned()],
        counts: false,
        series: devices.chain(others).collect(),
    };
    curves(&figure, &plots.join("beside_others.png"))?;
    if let Some(Sweep { what, .. }) = &chip.sweep {
        draw::sweep(&plots, *what, subtitle.clone(), summary)?;
    }
    for (value, (summary, reports)) in on_devices {
        let plots = RunFolder::new(&summary.out).plots();
        let swept = chip.sweep.as_ref().zip(*value).map(|(sweep, value)| format!(", {} {value}", sweep.what.name()));
        for (name, shown) in histograms(reports) {
            let subtitle = format!("projection {name}, {subtitle}{}", swept.as_deref().unwrap_or_default());
            let file = format!("device_states_{}.png", name.replace(['/', '\\'], "_"));
            curves(&draw::histograms(subtitle, &shown), &plots.join(file))?;
        }
    }
    Ok(())
}

/// States of each array's devices at some epochs.
fn histograms(reports: &[EpochReport]) -> BTreeMap<&str, Vec<Shown>> {
    let mut all: BTreeMap<&str, Vec<Shown>> = BTreeMap::new();
    let last = reports.last().map_or(0, |report| report.epoch);
    for report in reports.iter().filter(|report| is_shown(report.epoch, last)) {
        for (name, histogram) in &report.histograms {
            all.entry(name).or_default().push(Shown { epoch: report.epoch, histogram: histogram.clone() });
        }
    }
    all
}
