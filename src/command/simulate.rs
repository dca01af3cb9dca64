//! `sterna simulate`: one example, event by event.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;
use snn::{InputEncoding, Network, NeuronKind, Simulation, SimulationOptions, Simulator, State, Trace};
use spikegrad::Samples as _;

use super::Context;
use super::trained::{OrderChoice, Trained, TrainedArguments};
use crate::CommandError;
use crate::measurement::{input_counts, largest};
use crate::plots;

/// Most records of spikes, and of potentials, that a trace keeps.
const LARGEST_TRACE: usize = 4_000_000;
/// Neurons whose membrane potential is drawn for each population.
const WATCHED_OF_POPULATION: usize = 2;
/// Neurons whose membrane potential is drawn in all.
const WATCHED: usize = 8;

/// Simulate one example event by event
///
/// With --out the folder then holds spikes.csv (every spike), raster.png and membrane.png
/// (potentials of the most active neurons, with their thresholds).
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna simulate runs/digits-1 --sample 3\n  \
    sterna simulate runs/mnist-1 --sample 0 --order random --seed 5 --out trace\n  \
    sterna simulate model.safetensors --data mnist --sample 12 --input unit --json")]
pub struct SimulateArguments {
    /// Model and samples.
    #[command(flatten)]
    pub trained: TrainedArguments,
    /// Number of the sample within its part, from 0
    #[arg(long, value_name = "N")]
    pub sample: usize,
    /// Which pending spike is delivered next
    #[arg(long, value_name = "ORDER", default_value = "fifo")]
    pub order: OrderChoice,
    /// How an input count becomes spikes
    #[arg(long, value_name = "KIND", default_value = "graded")]
    pub input: InputChoice,
    /// Write spikes.csv, raster.png and membrane.png into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Values of `--input`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InputChoice {
    /// One spike carries the whole count
    Graded,
    /// As many spikes of 1 or -1 as the count says
    Unit,
}

/// The JSON object of `sterna simulate`.
#[derive(Clone, Debug, Serialize)]
struct SimulationReport {
    model: String,
    dataset: String,
    split: &'static str,
    sample: usize,
    label: String,
    prediction: String,
    is_correct: bool,
    logits: Vec<f64>,
    events: u64,
    synaptic_operations: u64,
    populations: Vec<PopulationCounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct PopulationCounts {
    name: String,
    neurons: usize,
    active_neurons: usize,
    spikes: u64,
    minimum_spikes: u64,
    residual_spikes: u64,
    saturated: u64,
    largest_count: i32,
}

/// Simulates as the arguments say.
///
/// # Errors
/// When model or samples cannot be read or do not fit, there is no such sample, or a file cannot
/// be written.
pub fn run(arguments: &SimulateArguments, context: &Context) -> anyhow::Result<()> {
    let trained = Trained::load(&arguments.trained, context)?;
    let (network, samples) = (&trained.network, &trained.samples);
    if arguments.sample >= samples.len() {
        let expected = format!("0 to {} ({} samples)", samples.len().saturating_sub(1), samples.len());
        return Err(CommandError::usage("--sample", expected, arguments.sample.to_string()).into());
    }
    let mut bytes = vec![0; samples.input_length()];
    samples.fill(None, arguments.sample, &mut bytes);
    let inputs = [input_counts(network, &bytes)];
    let options = SimulationOptions {
        order: arguments.order.order(context.seed.unwrap_or(0)),
        input: match arguments.input {
            InputChoice::Graded => InputEncoding::Graded,
            InputChoice::Unit => InputEncoding::UnitSpikes,
        },
        residual_spikes: true,
    };
    let simulator = Simulator::new(network)?;
    let mut state = State::new();
    let simulation = simulator.run(&inputs, &options, &mut state, None)?;
    let readout = network.single_readout().unwrap_or_default();
    let logits = logits(network, &simulation, readout);
    let name = |class: usize| trained.format.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
    let (label, prediction) = (samples.label(arguments.sample), largest(&logits));
    let report = SimulationReport {
        model: trained.path.display().to_string(),
        dataset: trained.data.source.to_string(),
        split: arguments.trained.split.name(),
        sample: arguments.sample,
        label: name(label),
        prediction: name(prediction),
        is_correct: label == prediction,
        logits,
        events: simulation.statistics().events,
        synaptic_operations: simulation.statistics().synaptic_operations(),
        populations: population_counts(network, &simulation),
        out: arguments.out.as_ref().map(|out| out.display().to_string()),
    };
    if let Some(out) = &arguments.out {
        let mut trace = Trace::new(LARGEST_TRACE);
        for (population, neuron) in most_active(network, &simulation) {
            trace.watch(population, neuron);
        }
        simulator.run(&inputs, &options, &mut state, Some(&mut trace))?;
        if trace.omitted() > 0 {
            let (kept, omitted) = (LARGEST_TRACE, trace.omitted());
            context.output.warning(format!("the trace keeps {kept} records, {omitted} more are left out"));
        }
        write(out, network, &trace, &title(&report))?;
    }
    context.output.object(&report)?;
    context.output.result(text(&report))
}

fn logits(network: &Network, simulation: &Simulation<'_>, readout: usize) -> Vec<f64> {
    let population = &network.populations()[readout];
    let totals = simulation.totals(readout);
    let threshold = |neuron: usize| population.threshold(neuron % population.shape.channels) as f64;
    (0..totals.len()).map(|neuron| totals.get(neuron) / threshold(neuron)).collect()
}

fn population_counts(network: &Network, simulation: &Simulation<'_>) -> Vec<PopulationCounts> {
    let all = network.populations().iter().zip(&simulation.statistics().populations).enumerate();
    all.map(|(index, (population, statistics))| {
        let counts = simulation.counts(index);
        PopulationCounts {
            name: population.name.clone(),
            neurons: counts.len(),
            active_neurons: counts.iter().filter(|&&count| count != 0).count(),
            spikes: statistics.spikes,
            minimum_spikes: statistics.minimum_spikes,
            residual_spikes: statistics.residual_spikes,
            saturated: statistics.saturated,
            largest_count: counts.iter().copied().max_by_key(|count| count.unsigned_abs()).unwrap_or_default(),
        }
    })
    .collect()
}

/// The neurons with the largest counts of each firing population, from the readout down.
fn most_active(network: &Network, simulation: &Simulation<'_>) -> Vec<(usize, usize)> {
    let firing = network.populations().iter().enumerate().filter(|(_, population)| population.fires());
    let mut chosen: Vec<(usize, usize)> = firing
        .rev()
        .flat_map(|(index, _)| {
            let counts = simulation.counts(index);
            let mut neurons: Vec<usize> = (0..counts.len()).collect();
            neurons.sort_by_key(|&neuron| std::cmp::Reverse(counts[neuron].unsigned_abs()));
            neurons.into_iter().take(WATCHED_OF_POPULATION).map(move |neuron| (index, neuron)).collect::<Vec<_>>()
        })
        .take(WATCHED)
        .collect();
    chosen.reverse();
    chosen
}

fn title(report: &SimulationReport) -> String {
    format!("{} {} {}: {}, predicted {}", report.dataset, report.split, report.sample, report.label, report.prediction)
}

fn write(out: &Path, network: &Network, trace: &Trace, title: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    trace.write_spikes(network, &out.join("spikes.csv"))?;
    let shown = |population: usize| network.populations()[population].neuron != NeuronKind::Readout;
    let rows: Vec<plots::RasterRow> = network
        .populations()
        .iter()
        .filter(|population| population.neuron != NeuronKind::Readout)
        .map(|population| plots::RasterRow { population: population.name.clone(), neurons: population.shape.neurons() })
        .collect();
    let row = |population: usize| (0..population).filter(|&index| shown(index)).count();
    let spikes: Vec<plots::RasterSpike> = trace
        .spikes()
        .iter()
        .filter(|spike| shown(spike.population as usize))
        .map(|spike| plots::RasterSpike {
            row: row(spike.population as usize),
            neuron: spike.neuron as usize,
            time: spike.event as f64,
            value: spike.spikes,
        })
        .collect();
    plots::raster(&rows, &spikes, title, &out.join("raster.png"))?;
    let traces = membrane_traces(network, trace);
    if !traces.is_empty() {
        plots::membrane(&traces, &out.join("membrane.png"))?;
    }
    Ok(())
}

fn membrane_traces(network: &Network, trace: &Trace) -> Vec<plots::MembraneTrace> {
    let mut traces: Vec<((usize, usize), plots::MembraneTrace)> = Vec::new();
    for record in trace.potentials() {
        let key = (record.population, record.neuron);
        let point = (record.event as f64, record.potential);
        if let Some((_, known)) = traces.iter_mut().find(|(known, _)| *known == key) {
            known.points.push(point);
            continue;
        }
        let population = &network.populations()[record.population];
        let trace = plots::MembraneTrace {
            label: format!("{} {}", population.name, record.neuron),
            threshold: population.threshold(record.neuron % population.shape.channels) as f64,
            points: vec![point],
        };
        traces.push((key, trace));
    }
    traces.sort_by_key(|(key, _)| *key);
    traces.into_iter().map(|(_, trace)| trace).collect()
}

fn text(report: &SimulationReport) -> String {
    use std::fmt::Write as _;
    let verdict = if report.is_correct { "right" } else { "wrong" };
    let mut text = format!("{} ({verdict})\n", title(report));
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "\n{:<16}{:>9}{:>9}{:>10}{:>10}{:>10}{:>11}",
        "population", "neurons", "active", "spikes", "needed", "residual", "saturated"
    );
    for population in &report.populations {
        let _ = writeln!(
            text,
            "{:<16}{:>9}{:>9}{:>10}{:>10}{:>10}{:>11}",
            population.name,
            population.neurons,
            population.active_neurons,
            population.spikes,
            population.minimum_spikes,
            population.residual_spikes,
            population.saturated
        );
    }
    let _ = write!(text, "\n{} events, {} synaptic operations", report.events, report.synaptic_operations);
    match &report.out {
        Some(out) => {
            let _ = write!(text, "\nwritten: {out}/spikes.csv, raster.png, membrane.png");
        }
        None => text.push_str("\n--out DIR writes the spikes and draws raster and membrane potentials"),
    }
    text
}
