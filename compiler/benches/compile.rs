//! Time and memory of compiling the CIFAR-10 network of the SpikeGrad paper, 45 million weights, as JSON lines.
//!
//! `cargo bench -p sterna-compiler --bench compile -- --hardware hcim-a-ternary`; one line a hardware:
//! seconds for compiling, for writing both files into a temporary folder and for reading them back,
//! and the peak of resident memory so far (after writing, and after reading with both programs in
//! memory), the network and the hardware before it included. Weights, and the scale factors and
//! thresholds where the quantiser takes some, are random; what is read equals what was written, or
//! the program fails. `RAYON_NUM_THREADS` sets the threads.

#[path = "../../spikegrad/benches/training_step/memory.rs"]
mod memory;

use std::error::Error;
use std::time::Instant;

use compiler::Program;
use compiler::hardware::{HardwareSpecification, Quantiser};
use compiler::mapping::{Calibration, ProjectionCalibration, ScaleValues, compile, plan};
use compiler::program::{Broadcast, LAYOUT_FILE, TENSOR_FILE};
use lexopt::prelude::*;
use snn::description::{Shorthand, ShorthandPadding};
use snn::random::{Purpose, Stream};
use snn::{Network, WeightFormat, Weights};

const TOPOLOGY: &str = "32x32-128C3-256C3-P2-512C3-P2-1024C3-512C3-1024-512-10";

/// The topology with weights drawn from the stream.
fn network(topology: &str, stream: &mut Stream) -> Result<Network, Box<dyn Error>> {
    let shorthand = Shorthand {
        topology,
        channels: 3,
        padding: Some(ShorthandPadding::Same),
        weights: WeightFormat::I8,
        input_maximum: 255,
        input_minimum: 0,
        input_gain: 1.0,
        output_gain: 1.0,
        fraction_bits: None,
        maximum_count: Some(15),
    };
    let mut network = Network::build(&shorthand.describe()?)?;
    for index in 0..network.projections().len() {
        let count = network.projections()[index].connection.weight_count();
        if count > 0 {
            let weights = (0..count).map(|_| (stream.below(255) as i32 - 127) as i8).collect();
            network.set_weights(index, Weights::I8(weights))?;
        }
    }
    Ok(network)
}

/// What sign and ternary quantisers take, of full size: a scale factor for every group of the
/// hardware's granularity, and one threshold a projection.
fn calibration(network: &Network, hardware: &HardwareSpecification, stream: &mut Stream) -> Calibration {
    let has_scales = matches!(hardware.quantiser, Quantiser::Sign {} | Quantiser::Ternary {});
    let has_thresholds = hardware.quantiser == Quantiser::Ternary {};
    let mut of_projection = |sizes: [usize; 4]| {
        let shape = hardware.scale_factors.granularity.shape(sizes);
        let mut scale = || 1.0 + f64::from(stream.below(1000)) / 100.0;
        let scales = || ScaleValues { shape, values: (0..shape.iter().product::<usize>()).map(|_| scale()).collect() };
        ProjectionCalibration {
            step: None,
            scale_factors: has_scales.then(scales),
            common_factor: None,
            quantiser_levels: has_thresholds.then(|| Broadcast::uniform(4)),
            rest: None,
        }
    };
    let projections = plan(network, hardware).projections.into_iter().map(|projection| match projection.layout {
        Some(layout) => of_projection(layout.sizes()),
        None => ProjectionCalibration::default(),
    });
    Calibration { projections: projections.collect() }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut names: Vec<String> = Vec::new();
    let (mut topology, mut seed) = (TOPOLOGY.to_owned(), 1u64);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("hardware") => names.push(parser.value()?.string()?),
            Long("topology") => topology = parser.value()?.string()?,
            Long("seed") => seed = parser.value()?.parse()?,
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    if names.is_empty() {
        names = ["hcim-a-ternary", "ideal"].map(str::to_owned).to_vec();
    }
    let network = network(&topology, &mut Stream::new(seed, Purpose::Test, 0))?;
    let weights = network.parameter_count();
    let network_mib = memory::resident_mib("VmHWM:");
    for name in names {
        let hardware = HardwareSpecification::named(&name)?;
        let calibration = calibration(&network, &hardware, &mut Stream::new(seed, Purpose::Test, 1));
        let folder = tempfile::tempdir()?;
        let start = Instant::now();
        let program = compile(&network, &hardware, &calibration)?;
        let compile_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        program.write(folder.path())?;
        let write_seconds = start.elapsed().as_secs_f64();
        let written_mib = memory::resident_mib("VmHWM:");
        let start = Instant::now();
        let read = Program::read(folder.path())?;
        let read_seconds = start.elapsed().as_secs_f64();
        if read != program {
            return Err(format!("{name}: what is read differs from what was written").into());
        }
        let size = |file: &str| std::fs::metadata(folder.path().join(file)).map(|metadata| metadata.len());
        println!(
            "{}",
            serde_json::json!({
                "hardware": name,
                "topology": topology,
                "parameters": weights,
                "threads": rayon::current_num_threads(),
                "arrays": program.layout.arrays.len(),
                "scale_factors": program.crossbars.iter().flatten().map(|part| part.scale_factors.values.len()).sum::<usize>(),
                "compile_seconds": compile_seconds,
                "write_seconds": write_seconds,
                "read_seconds": read_seconds,
                "layout_bytes": size(LAYOUT_FILE)?,
                "tensor_bytes": size(TENSOR_FILE)?,
                "network_mib": network_mib,
                "peak_mib_after_writing": written_mib,
                "peak_mib_after_reading": memory::resident_mib("VmHWM:"),
            })
        );
    }
    Ok(())
}
