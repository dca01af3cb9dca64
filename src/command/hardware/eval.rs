//! `sterna hardware eval`: accuracy and cost of a compiled network, from its files alone.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use compiler::Program;
use compiler::calibration::Subset;
use compiler::simulation::{Interval, SimulationOptions, Simulator, evaluate_with, monte_carlo};
use compiler::statistics::RunStatistics;
use datasets::Augmentation;
use serde::Serialize;
use snn::description::FORMAT;
use snn::{
    Network, NetworkDescription, NeuronKind, PopulationDescription, ProjectionDescription, ProjectionKindDescription,
    WeightFormat,
};
use spikegrad::Samples as _;

use super::costs::{CostFigures, write_cost};
use crate::CommandError;
use crate::command::Context;
use crate::command::trained::{Split, parse_source};
use crate::configuration::DataSection;
use crate::output::Progress;
use crate::samples::{ImageFormat, ImageSamples};

/// Run a compiled network on test images: accuracy, spikes, reads of the arrays, cost
///
/// Everything comes from crossbar.json and tiles.safetensors; the network behind them is not
/// needed. With --chips the deviations of the specification are drawn anew for each chip. Energy,
/// latency and area follow from the counts: report.json, report.md, breakdown.png and floor_plan.png
/// are written into the folder, or into that of --report.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna hardware eval compiled/mnist --data mnist\n  \
    sterna hardware eval compiled/mnist --data mnist --samples 1000 --json\n  \
    sterna hardware eval compiled/mnist --data mnist --chips 20 --seed 7\n  \
    sterna hardware eval compiled/mnist --data mnist --report costs/mnist")]
pub struct EvalArguments {
    /// Folder of a compiled network
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// digits, mnist, fashion-mnist, cifar10 or a folder of images
    #[arg(long, value_name = "SOURCE")]
    data: String,
    /// Part of the data set
    #[arg(long, value_name = "PART", default_value = "test")]
    split: Split,
    /// Evaluate N images only, spread evenly over the part
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    samples: Option<u32>,
    /// Also evaluate N chips with the deviations of the specification, drawn from --seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    chips: Option<u32>,
    /// Folder for the cost report and its plots; that of the compiled network when absent
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

/// The JSON object of `sterna hardware eval`.
#[derive(Debug, Serialize)]
struct EvaluationReport {
    folder: String,
    hardware: String,
    dataset: String,
    split: &'static str,
    images: usize,
    accuracy: f64,
    images_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    chips: Option<ChipReport>,
    cost: CostSection,
    populations: Vec<PopulationReport>,
    projections: Vec<ProjectionReport>,
}

#[derive(Debug, Serialize)]
struct ChipReport {
    seed: u64,
    accuracies: Vec<f64>,
    #[serde(flatten)]
    interval: Interval,
    images_per_second: f64,
}

#[derive(Debug, Serialize)]
struct CostSection {
    folder: String,
    #[serde(flatten)]
    figures: CostFigures,
}

#[derive(Debug, Serialize)]
struct PopulationReport {
    name: String,
    neurons: usize,
    spikes_per_example: f64,
    active_share: f64,
    clipped_share: f64,
}

#[derive(Debug, Serialize)]
struct ProjectionReport {
    name: String,
    reads_per_example: f64,
    empty_read_share: f64,
    active_rows_per_read: f64,
    zero_code_share: f64,
    clipped_code_share: f64,
}

/// Evaluates as the arguments say.
///
/// # Errors
/// When files or samples cannot be read or do not fit.
pub fn run(arguments: &EvalArguments, context: &Context) -> anyhow::Result<()> {
    let program = Program::read(&arguments.folder)?;
    let section = DataSection::new(parse_source(&arguments.data)?);
    let dataset = context.load(&section.source)?;
    let format = ImageFormat::of(&dataset);
    let splits = dataset.split(&section.split_options())?;
    let images = match arguments.split {
        Split::Train => splits.train,
        Split::Validation => splits.validation,
        Split::Test => splits.test,
    };
    let outside = interface(&program, &arguments.folder)?;
    let all = ImageSamples::new(images, &format, &outside, Augmentation::default(), 0)?;
    let limit = arguments.samples.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let samples = Subset::new(&all, limit);
    let count = samples.len();
    let bar = context.output.progress(count as u64 * (1 + u64::from(arguments.chips.unwrap_or(0))), Progress::Steps);
    bar.set_prefix("simulating");
    let advance = |examples| bar.inc(examples);
    let simulator = Simulator::new(&program, SimulationOptions::new(context.resources.isa))?;
    let start = Instant::now();
    let evaluation = evaluate_with(&simulator, &samples, context.resources.threads, &advance)?;
    let images_per_second = count as f64 / start.elapsed().as_secs_f64();
    let chips = match arguments.chips {
        None => None,
        Some(chips) => {
            if program.layout.hardware.non_idealities == compiler::hardware::NonIdealities::default() {
                context.output.warning("the specification has no [non_idealities]: all chips are equal");
            }
            let seed = context.seed.unwrap_or(0);
            let start = Instant::now();
            let found = monte_carlo(&program, &samples, chips.into(), seed, context.resources, &advance)?;
            Some(ChipReport {
                seed,
                accuracies: found.accuracies,
                interval: found.interval,
                images_per_second: count as f64 * f64::from(chips) / start.elapsed().as_secs_f64(),
            })
        }
    };
    bar.finish_and_clear();
    let folder = arguments.report.as_ref().unwrap_or(&arguments.folder);
    let costs = write_cost(&program, &evaluation.statistics, folder, "--report")?;
    let (populations, projections) = shares(&program, &evaluation.statistics);
    let report = EvaluationReport {
        folder: arguments.folder.display().to_string(),
        hardware: program.layout.hardware.name.clone(),
        dataset: section.source.to_string(),
        split: arguments.split.name(),
        images: count,
        accuracy: evaluation.accuracy,
        images_per_second,
        chips,
        cost: CostSection { folder: folder.display().to_string(), figures: CostFigures::of(&costs) },
        populations,
        projections,
    };
    context.output.object(&report)?;
    context.output.result(text(&report))?;
    context.output.result(format!("\n{}", costs.to_lines()))?;
    context.output.note(format!("written: {}", folder.join("report.md").display()))
}

/// What images need to know of a compiled network: a network with its input and its readout.
fn interface(program: &Program, folder: &Path) -> anyhow::Result<Network> {
    let one = |kind: NeuronKind| {
        let mut found = program.layout.populations.iter().filter(|population| population.neuron == kind);
        match (found.next(), found.next()) {
            (Some(population), None) => Ok(PopulationDescription {
                name: population.name.clone(),
                shape: population.shape.to_vec(),
                neuron: kind,
                fraction_bits: 0,
                threshold: None,
                bias: false,
                minimum_count: (kind == NeuronKind::Input).then_some(population.minimum_count),
                maximum_count: (kind == NeuronKind::Input).then_some(population.maximum_count),
            }),
            _ => {
                let expected = "a compiled network with one input and one readout population";
                Err(CommandError::usage("DIR", expected, folder.display().to_string()))
            }
        }
    };
    let (input, readout) = (one(NeuronKind::Input)?, one(NeuronKind::Readout)?);
    let projection = ProjectionDescription {
        name: "interface".to_owned(),
        from: input.name.clone(),
        to: readout.name.clone(),
        kind: ProjectionKindDescription::Dense,
    };
    let description = NetworkDescription {
        format: FORMAT,
        weights: WeightFormat::I8,
        populations: vec![input, readout],
        projections: vec![projection],
    };
    Ok(Network::build(&description)?)
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn shares(program: &Program, statistics: &RunStatistics) -> (Vec<PopulationReport>, Vec<ProjectionReport>) {
    let examples = statistics.examples;
    let populations = program.layout.populations.iter().zip(&statistics.populations).map(|(population, seen)| {
        let neurons: usize = population.shape.iter().product();
        PopulationReport {
            name: population.name.clone(),
            neurons,
            spikes_per_example: share(seen.spikes, examples),
            active_share: share(seen.active_neurons, examples * neurons as u64),
            clipped_share: share(seen.clipped, examples * neurons as u64),
        }
    });
    let projections = program.layout.projections.iter().zip(&statistics.projections).zip(&program.crossbars);
    let projections =
        projections.filter(|(_, crossbar)| crossbar.is_some()).map(|((projection, seen), _)| ProjectionReport {
            name: projection.name.clone(),
            reads_per_example: share(seen.reads, examples),
            empty_read_share: share(seen.empty_reads, seen.reads),
            active_rows_per_read: share(seen.active_rows, seen.reads),
            zero_code_share: share(seen.zero_codes, seen.conversions),
            clipped_code_share: share(seen.clipped, seen.conversions),
        });
    (populations.collect(), projections.collect())
}

fn text(report: &EvaluationReport) -> String {
    use std::fmt::Write as _;
    let mut text = format!(
        "{} on {}: {} {}: accuracy {:.2} % of {} images, {:.0} images/s\n",
        report.folder,
        report.hardware,
        report.dataset,
        report.split,
        100.0 * report.accuracy,
        report.images,
        report.images_per_second
    );
    // Writing to a string cannot fail.
    if let Some(chips) = &report.chips {
        let _ = write!(
            text,
            "{} chips of seed {}: mean {:.2} %",
            chips.accuracies.len(),
            chips.seed,
            100.0 * chips.interval.mean
        );
        if let (Some(deviation), Some([low, high])) = (chips.interval.standard_deviation, chips.interval.confidence_95)
        {
            let _ = write!(
                text,
                ", standard deviation {:.2} %, 95 % confidence {:.2} to {:.2} %",
                100.0 * deviation,
                100.0 * low,
                100.0 * high
            );
        }
        let _ = writeln!(text, ", {:.0} images/s", chips.images_per_second);
    }
    let _ =
        writeln!(text, "\n{:<20}{:>9}{:>16}{:>10}{:>12}", "population", "neurons", "spikes/image", "active", "clipped");
    for population in &report.populations {
        let _ = writeln!(
            text,
            "{:<20}{:>9}{:>16.1}{:>8.2} %{:>10.3} %",
            population.name,
            population.neurons,
            population.spikes_per_example,
            100.0 * population.active_share,
            100.0 * population.clipped_share
        );
    }
    let _ = writeln!(
        text,
        "\n{:<28}{:>12}{:>10}{:>12}{:>13}{:>12}",
        "projection", "reads/image", "empty", "rows/read", "zero codes", "clipped"
    );
    for projection in &report.projections {
        let _ = writeln!(
            text,
            "{:<28}{:>12.0}{:>8.2} %{:>12.1}{:>11.2} %{:>10.3} %",
            projection.name,
            projection.reads_per_example,
            100.0 * projection.empty_read_share,
            projection.active_rows_per_read,
            100.0 * projection.zero_code_share,
            100.0 * projection.clipped_code_share
        );
    }
    text.trim_end().to_owned()
}
