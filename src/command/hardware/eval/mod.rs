//! `sterna hardware eval`: accuracy and cost of a compiled network, from its files alone.

mod compare;
mod interface;
mod report;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use compiler::Program;
use compiler::simulation::{SimulationOptions, Simulator, evaluate_with, monte_carlo};
use datasets::Augmentation;
use spikegrad::{Samples as _, Subset};

use super::costs::{CostFigures, write_cost};
use crate::command::Context;
use crate::command::trained::{Split, parse_source};
use crate::configuration::DataSection;
use crate::output::Progress;
use crate::samples::{ImageFormat, ImageSamples};
use compare::Reference;
use interface::interface;
use report::{ChipReport, CostSection, EvaluationReport, shares, text};

/// Run a compiled network on test images: accuracy, spikes, reads of the arrays, cost
///
/// Everything comes from crossbar.json and tiles.safetensors; the network behind them is not
/// needed. With --chips the deviations of the specification are drawn anew for each chip. Energy,
/// latency and area follow from the counts: report.json, report.md, breakdown.png and floor_plan.png
/// are written into the folder, or into that of --report. With --compare every image is also
/// simulated column by column and compared with the integer pass of a model: mismatched_counts is 0
/// when the columns are ideal and the model is the one that was compiled.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna hardware eval compiled/mnist --data mnist\n  \
    sterna hardware eval compiled/mnist --data mnist --limit 1000 --json\n  \
    sterna hardware eval compiled/mnist --data mnist --chips 20 --seed 7\n  \
    sterna hardware eval compiled/mnist --data mnist --compare runs/mnist-1\n  \
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
    /// Evaluate the first N images only
    #[arg(long, alias = "samples", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Also evaluate N chips with the deviations of the specification, drawn from --seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    chips: Option<u32>,
    /// Compare every spike count with the integer pass of this model file or run folder
    #[arg(long, value_name = "MODEL")]
    compare: Option<PathBuf>,
    /// Folder for the cost report and its plots; that of the compiled network when absent
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

/// Evaluates as the arguments say.
///
/// # Errors
/// When files or samples cannot be read or do not fit.
pub fn run(arguments: &EvalArguments, context: &Context) -> anyhow::Result<()> {
    let program = Program::read(&arguments.folder)?;
    let reference = arguments.compare.as_ref().map(|model| Reference::load(model, &program)).transpose()?;
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
    let samples = Subset::first(&all, arguments.limit);
    let count = samples.len();
    let passes = 1 + u64::from(arguments.chips.unwrap_or(0)) + u64::from(reference.is_some());
    let bar = context.output.progress(count as u64 * passes, Progress::Steps);
    bar.set_prefix("simulating");
    let advance = |examples| bar.inc(examples);
    let simulator = Simulator::new(&program, SimulationOptions::new(context.resources.isa))?;
    let start = Instant::now();
    let evaluation = evaluate_with(&simulator, &samples, context.resources.threads, &advance)?;
    let images_per_second = count as f64 / start.elapsed().as_secs_f64();
    let comparison = reference.map(|reference| {
        bar.set_prefix("comparing");
        reference.compare(&program, &samples, &evaluation.predictions, context.resources, &advance)
    });
    let comparison = comparison.transpose()?;
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
        comparison,
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
