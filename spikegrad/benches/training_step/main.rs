//! Whole training steps (samples in memory; forward pass, loss, backward pass, update) of a network given in
//! shorthand, as one JSON line: samples per second, the median over steps, and the peak of resident memory.
//!
//! `cargo bench -p sterna-spikegrad --bench training_step -- --topology 28x28-15C5-P2-40C5-P2-300-10 --padding valid`.
//! Images are random, with as many dark pixels as asked for, and labels are random too. The learning rate is so small
//! that the network stays as it was drawn: errors then keep the density of an untrained network, the highest that
//! training meets. `STERNA_ISA` chooses the instruction set.

mod memory;
mod options;
mod random_images;

use std::time::Instant;

use options::Options;
use random_images::RandomImages;
use snn::{Network, Shorthand, WeightFormat};
use spikegrad::{EpochReport, Resources, Schedule, Trainer, TrainingSettings};

/// Too small to change a weight.
const LEARNING_RATE: f64 = 1e-9;

fn settings(options: &Options) -> TrainingSettings {
    TrainingSettings {
        epochs: 1_000_000,
        batch: options.batch,
        learning_rate: LEARNING_RATE,
        momentum: 0.9,
        schedule: Schedule::Constant {},
        alpha: options.alpha,
        ..TrainingSettings::default()
    }
}

/// Seconds of each step after the warm-up, and the report of the last epoch.
fn measure(
    trainer: &mut Trainer,
    samples: &RandomImages,
    options: &Options,
) -> anyhow::Result<(Vec<f64>, EpochReport)> {
    let one = samples.first();
    let mut times = Vec::new();
    let mut begin = Instant::now();
    let mut done = 0;
    loop {
        let start = Instant::now();
        trainer.step(samples)?;
        let seconds = start.elapsed().as_secs_f64();
        done += 1;
        if done == options.warm_up {
            begin = Instant::now();
        }
        if done > options.warm_up {
            times.push(seconds);
        }
        let is_over = times.len() >= 2 && begin.elapsed().as_secs_f64() >= options.seconds;
        if is_over || trainer.epoch_is_complete(samples) {
            let report = trainer.finish_epoch(&one)?;
            if is_over {
                return Ok((times, report));
            }
        }
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::from_arguments()?;
    let baseline = memory::resident_mib("VmRSS:");
    let description = Shorthand {
        topology: &options.topology,
        channels: options.channels,
        padding: Some(options.padding),
        weights: WeightFormat::I8,
        input_maximum: 255,
        input_minimum: 0,
        input_gain: options.input_gain,
        output_gain: 1.0,
        maximum_count: None,
        fraction_bits: None,
    }
    .describe()?;
    let network = Network::build(&description)?;
    let parameters = network.parameter_count();
    let input = network.single_input().map_or(0, |index| network.populations()[index].shape.neurons());
    let samples = RandomImages::new(input, options.density, (options.batch * 4).max(512));
    let resources = Resources { threads: options.threads, isa: options.isa };
    let mut trainer = Trainer::new(network, settings(&options), resources)?;
    let (mut times, report) = measure(&mut trainer, &samples, &options)?;
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    let populations: Vec<_> = report
        .populations
        .iter()
        .map(|population| {
            let neurons = population.neurons as f64;
            serde_json::json!({
                "name": population.name,
                "spikes_per_neuron": population.spikes / neurons,
                "error_spikes_per_neuron": population.error_spikes / neurons,
            })
        })
        .collect();
    let line = serde_json::json!({
        "implementation": "sterna",
        "isa": options.isa.name(),
        "topology": options.topology,
        "batch": options.batch,
        "threads": options.threads,
        "parameters": parameters,
        "steps": times.len(),
        "samples_per_second": options.batch as f64 / median,
        "fastest_samples_per_second": options.batch as f64 / times[0],
        "baseline_mib": baseline,
        "peak_mib": memory::resident_mib("VmHWM:"),
        "forward_ratio": report.operations.forward_ratio,
        "backward_ratio": report.operations.backward_ratio,
        "update_ratio": report.operations.update_ratio,
        "populations": populations,
    });
    println!("{line}");
    Ok(())
}
