//! `sterna eval`: accuracy, spikes and operations of a model, by the integer pass or event by event.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use snn::operations::Report;
use snn::{Network, SimulationOptions, WeightFormat};
use spikegrad::{Evaluation, Samples as _, Subset, evaluate};

use super::Context;
use super::trained::{OrderChoice, Trained, TrainedArguments};
use crate::CommandError;
use crate::measurement::{EventReport, measure};
use crate::output::Progress;
use crate::plots;

/// Evaluate a model: accuracy, confusion matrix, spikes and operations
///
/// With --engine events every image is also simulated event by event and compared with the
/// integer pass: mismatched_counts is 0 for integer weights, whatever the order of events.
///
/// A model in the folder of a run that learned on a chip is read as its arrays read it, with their
/// noise, offsets and converters; --exact and --engine events take exact products of its weights.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna eval runs/digits-1\n  \
    sterna eval runs/mnist-1/model.safetensors --data mnist --split validation\n  \
    sterna eval runs/mnist-1 --engine events --order random --seed 7 --limit 500 --json")]
pub struct EvalArguments {
    /// Model and samples.
    #[command(flatten)]
    pub trained: TrainedArguments,
    /// How the network is run
    #[arg(long, value_name = "ENGINE", default_value = "ann")]
    pub engine: Engine,
    /// Evaluate the first N images only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Which pending spike the simulation delivers next
    #[arg(long, value_name = "ORDER", default_value = "fifo")]
    pub order: OrderChoice,
    /// Take exact products where the run learned on a chip with noise, offsets or converters
    #[arg(long)]
    pub exact: bool,
    /// Draw the confusion matrix into this folder
    #[arg(long, value_name = "DIR")]
    pub plots: Option<PathBuf>,
}

/// Values of `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The equivalent integer pass
    Ann,
    /// Also event by event, compared with the integer pass
    Events,
}

/// The JSON object of `sterna eval`.
#[derive(Clone, Debug, Serialize)]
struct EvaluationReport {
    model: String,
    dataset: String,
    split: &'static str,
    engine: &'static str,
    /// `chip` with the reads of the run's chip, else `exact`.
    reads: &'static str,
    images: usize,
    accuracy: f64,
    loss: f64,
    #[serde(flatten)]
    events: Option<EventReport>,
    populations: Vec<PopulationSpikes>,
    accumulations_per_example: f64,
    dense_operations: u64,
    neurobench: Report,
    classes: Vec<String>,
    confusion: Vec<Vec<u64>>,
}

#[derive(Clone, Debug, Serialize)]
struct PopulationSpikes {
    name: String,
    neurons: usize,
    spikes_per_example: f64,
    clipped_spike_share: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    emitted_per_example: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    residual_per_example: Option<f64>,
}

/// Evaluates as the arguments say.
///
/// # Errors
/// When model or samples cannot be read, do not fit, or a plot cannot be written.
pub fn run(arguments: &EvalArguments, context: &Context) -> anyhow::Result<()> {
    let trained = Trained::load(&arguments.trained, context)?;
    let samples = Subset::first(&trained.samples, arguments.limit);
    let is_events = arguments.engine == Engine::Events;
    if is_events && trained.network.weight_format() == WeightFormat::F32 {
        context.output.warning("weights are floats: counts may differ where a sum's last bits decide; train with --weights i8 or i16 for equality");
    }
    let run = trained.run.as_ref().filter(|_| !arguments.exact && !is_events);
    let (reads, evaluation) = match run.and_then(|run| Some((run.chip.as_ref()?, &run.training))) {
        Some((chip, training)) => ("chip", chip.evaluate(&trained.network, training, &samples, context.resources)?),
        None => ("exact", evaluate(&trained.network, &samples, context.resources)?),
    };
    let order = arguments.order.order(context.seed.unwrap_or(0));
    let options = is_events.then(|| SimulationOptions { order, ..SimulationOptions::default() });
    let bar = context.output.progress(samples.len() as u64, Progress::Steps);
    bar.set_prefix(if is_events { "simulating" } else { "counting operations" });
    let measured = measure(&trained.network, &samples, samples.len(), context.resources, options, &bar)?;
    bar.finish_and_clear();
    let report = EvaluationReport {
        model: trained.path.display().to_string(),
        dataset: trained.data.source.to_string(),
        split: arguments.trained.split.name(),
        engine: if is_events { "events" } else { "ann" },
        reads,
        images: samples.len(),
        accuracy: evaluation.score.accuracy,
        loss: evaluation.score.loss,
        populations: populations(&trained.network, &evaluation, measured.events.as_ref(), samples.len()),
        events: measured.events,
        accumulations_per_example: evaluation.accumulations_per_example,
        dense_operations: evaluation.dense_operations,
        neurobench: measured.operations,
        classes: trained.format.classes,
        confusion: evaluation.confusion,
    };
    if let Some(folder) = &arguments.plots {
        std::fs::create_dir_all(folder).map_err(|error| {
            CommandError::usage("--plots", "a folder that can be written to", format!("{}: {error}", folder.display()))
        })?;
        plots::confusion_matrix(&report.confusion, &report.classes, &folder.join("confusion_matrix.png"))?;
    }
    context.output.object(&report)?;
    context.output.result(text(&report))
}

fn populations(
    network: &Network,
    evaluation: &Evaluation,
    events: Option<&EventReport>,
    images: usize,
) -> Vec<PopulationSpikes> {
    let per_example = |count: u64| count as f64 / images.max(1) as f64;
    let all = network.populations().iter().enumerate();
    all.map(|(index, population)| {
        let simulated = events.and_then(|events| events.statistics.populations.get(index));
        PopulationSpikes {
            name: population.name.clone(),
            neurons: population.shape.neurons(),
            spikes_per_example: evaluation.spikes_per_example[index],
            clipped_spike_share: evaluation.clipped_spike_share[index],
            emitted_per_example: simulated.map(|simulated| per_example(simulated.spikes)),
            residual_per_example: simulated.map(|simulated| per_example(simulated.residual_spikes)),
        }
    })
    .collect()
}

fn text(report: &EvaluationReport) -> String {
    use std::fmt::Write as _;
    let mut text = format!(
        "{} {}: accuracy {:.2} % of {} images, loss {:.4}\n",
        report.dataset,
        report.split,
        100.0 * report.accuracy,
        report.images,
        report.loss
    );
    if report.reads == "chip" {
        text += "weights read as by the chip of the run, with its noise, offsets and converters; --exact for exact products\n";
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n{:<16}{:>9}{:>16}{:>12}", "population", "neurons", "spikes/image", "clipped");
    for population in &report.populations {
        let (spikes, clipped) = (population.spikes_per_example, 100.0 * population.clipped_spike_share);
        let _ = writeln!(text, "{:<16}{:>9}{spikes:>16.1}{clipped:>10.3} %", population.name, population.neurons);
    }
    let neurobench = &report.neurobench;
    let operations = neurobench.synaptic_operations;
    let _ = write!(
        text,
        "\naccumulations/image {:.0} of {} dense ({:.3})\n\
         NeuroBench: footprint {} bytes, connection sparsity {:.4}, activation sparsity {:.4},\n  \
         synaptic operations: dense {:.0}, effective MACs {:.0}, effective ACs {:.0}\n",
        report.accumulations_per_example,
        report.dense_operations,
        report.accumulations_per_example / report.dense_operations.max(1) as f64,
        neurobench.footprint,
        neurobench.connection_sparsity,
        neurobench.activation_sparsity,
        operations.dense,
        operations.effective_macs,
        operations.effective_acs,
    );
    if let Some(events) = &report.events {
        let _ = write!(
            text,
            "\nevent by event: {} mismatched counts, {} mismatched predictions, accuracy {:.2} %\n  \
             {:.3e} events/s, {:.3e} synaptic operations/s, redundant spikes {:.4}\n",
            events.mismatched_counts,
            events.mismatched_predictions,
            100.0 * events.event_accuracy,
            events.events_per_second,
            events.synaptic_operations_per_second,
            events.redundant_spike_ratio.unwrap_or_default(),
        );
    }
    let _ = writeln!(text, "\nconfusion (row: class, column: prediction)");
    for (class, row) in report.classes.iter().zip(&report.confusion) {
        let _ = write!(text, "{class:<12}");
        for count in row {
            let _ = write!(text, "{count:>6}");
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}
