//! Samples per second of the functional simulation of the MNIST network, as JSON lines.
//!
//! `cargo bench -p sterna-compiler --bench simulate -- --hardware hcim-a-ternary --threads 2`; one line a
//! hardware and path: `columns` simulates every partial sum, `exact` takes the exact product that
//! ideal quantisers allow, `chip` simulates one chip with programming variation and read noise.
//! Weights are random, so are the images; `--density` is the share of their pixels other than zero
//! (0.19 as in MNIST). Counting of reads is included except in `exact`. Times of real networks:
//! `sterna hardware eval`.

use std::error::Error;
use std::time::Instant;

use compiler::calibration::calibrate;
use compiler::circuit::ChipSeed;
use compiler::hardware::{HardwareSpecification, Quantiser, Spread};
use compiler::mapping::compile;
use compiler::simulation::{SimulationOptions, Simulator, evaluate_with};
use kernels::Isa;
use lexopt::prelude::*;
use snn::description::{Shorthand, ShorthandPadding};
use snn::random::{Purpose, Stream};
use snn::{Network, NeuronKind, Threshold, WeightFormat, Weights};
use spikegrad::{Resources, Samples, Subset};

/// Random images.
struct Images(Vec<Vec<u8>>);

impl Samples for Images {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn input_length(&self) -> usize {
        28 * 28
    }
    fn classes(&self) -> usize {
        10
    }
    fn fill(&self, _: Option<u32>, index: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.0[index]);
    }
    fn label(&self, index: usize) -> usize {
        index % 10
    }
    fn order(&self, _: u32) -> Vec<u32> {
        (0..self.0.len() as u32).collect()
    }
}

/// The network of the SpikeGrad paper with random weights and thresholds that keep it active.
fn network(stream: &mut Stream) -> Result<Network, Box<dyn Error>> {
    let shorthand = Shorthand {
        topology: "28x28-15C5-P2-40C5-P2-300-10",
        channels: 1,
        padding: Some(ShorthandPadding::Valid),
        weights: WeightFormat::I8,
        input_maximum: 255,
        input_minimum: 0,
        input_gain: 1.0,
        output_gain: 1.0,
        fraction_bits: None,
        maximum_count: Some(15),
    };
    let mut description = shorthand.describe()?;
    for population in &mut description.populations {
        if matches!(population.neuron, NeuronKind::Relu) {
            population.threshold = Some(Threshold::Uniform(if population.shape[0] == 15 { 4000 } else { 300 }));
        }
    }
    let mut network = Network::build(&description)?;
    for index in 0..network.projections().len() {
        let count = network.projections()[index].connection.weight_count();
        if count > 0 {
            let weights = (0..count).map(|_| stream.below(15) as i8 - 7).collect();
            network.set_weights(index, Weights::I8(weights))?;
        }
    }
    Ok(network)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut names: Vec<String> = Vec::new();
    let (mut threads, mut samples, mut density) = (1usize, 500usize, 0.19f64);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("hardware") => names.push(parser.value()?.string()?),
            Long("threads") => threads = parser.value()?.parse()?,
            Long("samples") => samples = parser.value()?.parse()?,
            Long("density") => density = parser.value()?.parse()?,
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    if names.is_empty() {
        names = ["ideal", "isaac", "adcless-rram-64", "hcim-a-ternary", "hcim-b-ternary"].map(str::to_owned).to_vec();
    }
    let mut stream = Stream::new(1, Purpose::Test, 0);
    let network = network(&mut stream)?;
    let limit = (density.clamp(0.0, 1.0) * 65536.0) as u32;
    let images = (0..samples.max(1)).map(|_| {
        let pixel = |_| if stream.below(65536) < limit { 1 + stream.below(255) as u8 } else { 0 };
        (0..28 * 28).map(pixel).collect()
    });
    let images = Images(images.collect());
    let isa = Isa::detect();
    let resources = Resources { threads, isa };
    for name in names {
        let mut hardware = HardwareSpecification::named(&name)?;
        hardware.non_idealities.programming = Some(Spread::Absolute { sigma: 0.05 });
        hardware.non_idealities.read = Some(Spread::Absolute { sigma: 0.05 });
        let few = Subset::spread(&images, 32);
        let calibration = calibrate(&network, &hardware, &few, resources)?.calibration;
        let program = compile(&network, &hardware, &calibration)?;
        let columns = SimulationOptions { exact_products: false, ..SimulationOptions::new(isa) };
        let mut paths = vec![
            ("columns", columns),
            ("chip", SimulationOptions { chip: Some(ChipSeed { seed: 1, chip: 0 }), ..columns }),
        ];
        if hardware.quantiser == (Quantiser::Ideal {}) {
            paths.push(("exact", SimulationOptions { exact_products: true, count_reads: false, ..columns }));
        }
        for (path, options) in paths {
            let simulator = Simulator::new(&program, options)?;
            evaluate_with(&simulator, &few, threads, &|_| {})?;
            let start = Instant::now();
            let evaluation = evaluate_with(&simulator, &images, threads, &|_| {})?;
            let seconds = start.elapsed().as_secs_f64();
            let spikes: u64 =
                evaluation.statistics.populations.iter().skip(1).map(|population| population.spikes).sum();
            println!(
                "{}",
                serde_json::json!({
                    "hardware": name,
                    "path": path,
                    "threads": threads,
                    "isa": isa.to_string(),
                    "samples": samples,
                    "spikes_per_sample": spikes as f64 / samples as f64,
                    "samples_per_second": samples as f64 / seconds,
                })
            );
        }
    }
    Ok(())
}
