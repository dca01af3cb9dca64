//! Synaptic operations per second of the event simulator on one core, as JSON lines.
//!
//! `cargo bench -p sterna-snn --bench events -- --seconds 2`; one line a network and order of events. Two rates: an
//! addition is one weight added to one total; a synaptic operation is one spike crossing one synapse, so that an
//! event that carries q spikes is one addition and q operations for each synapse.

use std::error::Error;
use std::time::Instant;

use kernels::Counts;
use lexopt::prelude::*;
use snn::random::{Purpose, Stream};
use snn::simulator::Statistics;
use snn::{
    Connection, EventOrder, Network, Shorthand, ShorthandPadding, SimulationOptions, Simulator, State, WeightFormat,
    Weights,
};

/// Name, topology, channels of the input.
const NETWORKS: [(&str, &str, usize); 4] = [
    ("dense 1024", "1024-1024-1024-1024-10", 1),
    ("dense 4096", "4096-4096-4096-10", 1),
    ("convolution", "16x16-64C3p1-64C3p1-64C3p1-10", 64),
    ("mnist", "28x28-15C5p0-P2-40C5p0-P2-300-10", 1),
];
/// Examples that each simulation takes in turn.
const EXAMPLES: usize = 8;
/// Share of input neurons that spike, in percent.
const ACTIVE: u32 = 20;

/// A network with weights drawn uniformly, of the variance 2 / fan-in that keeps the spike counts alike.
fn network(topology: &str, channels: usize) -> Result<Network, Box<dyn Error>> {
    let shorthand = Shorthand {
        topology,
        channels,
        padding: Some(ShorthandPadding::Valid),
        weights: WeightFormat::I8,
        input_maximum: 255,
        input_minimum: 0,
        input_gain: 4.0,
        output_gain: 1.0,
        maximum_count: None,
        fraction_bits: None,
    };
    let mut network = Network::build(&shorthand.describe()?)?;
    for index in 0..network.projections().len() {
        let projection = &network.projections()[index];
        let fan_in = match &projection.connection {
            Connection::Dense { inputs, .. } => *inputs,
            Connection::Convolution(shape) => shape.patch(),
            Connection::SumPooling { .. } | Connection::Identity { .. } => continue,
        };
        let bits = network.populations()[projection.to].fraction_bits;
        let limit = (f64::from(1u32 << bits) * (6.0 / fan_in as f64).sqrt()).round().clamp(1.0, 127.0) as u32;
        let mut stream = Stream::new(1, Purpose::Initialisation, index as u64);
        let draw = |_| (stream.below(2 * limit + 1) as i32 - limit as i32) as i8;
        let weights = (0..projection.connection.weight_count()).map(draw).collect();
        network.set_weights(index, Weights::I8(weights))?;
    }
    Ok(network)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut seconds, mut names) = (2.0f64, Vec::new());
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => seconds = parser.value()?.parse()?,
            Long("network") => names.push(parser.value()?.string()?),
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    for (name, topology, channels) in NETWORKS {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        let network = network(topology, channels)?;
        let simulator = Simulator::new(&network)?;
        let neurons = network.single_input().map_or(0, |index| network.populations()[index].shape.neurons());
        let mut stream = Stream::new(2, Purpose::Test, 0);
        let pixel = |_| if stream.below(100) < ACTIVE { 1 + stream.below(255) as u8 } else { 0 };
        let inputs: Vec<u8> = (0..neurons * EXAMPLES).map(pixel).collect();
        let orders = [
            ("first in first out", EventOrder::FirstInFirstOut),
            ("random", EventOrder::Random { seed: 3 }),
            ("input time", EventOrder::InputTime),
        ];
        for (order_name, order) in orders {
            let options = SimulationOptions { order, ..SimulationOptions::default() };
            let (time, statistics) = measure(&simulator, &inputs, neurons, &options, seconds)?;
            let additions: u64 = statistics.projections.iter().map(|projection| projection.additions).sum();
            let rate = |count: u64| count as f64 / time / 1e9;
            println!(
                r#"{{"network":"{name}","topology":"{topology}","order":"{order_name}","events_per_example":{},"milliseconds_per_example":{:.3},"giga_additions_per_second":{:.3},"giga_synaptic_operations_per_second":{:.3},"mega_events_per_second":{:.3}}}"#,
                statistics.events / EXAMPLES as u64,
                time * 1e3 / EXAMPLES as f64,
                rate(additions),
                rate(statistics.synaptic_operations()),
                rate(statistics.events) * 1e3
            );
        }
    }
    Ok(())
}

/// Median seconds of a pass through all examples, after one that is not counted, and what one pass does.
fn measure(
    simulator: &Simulator,
    inputs: &[u8],
    neurons: usize,
    options: &SimulationOptions,
    budget: f64,
) -> Result<(f64, Statistics), Box<dyn Error>> {
    let mut state = State::new();
    let mut pass = || -> Result<Statistics, snn::SnnError> {
        let mut sum = Statistics::default();
        for example in inputs.chunks_exact(neurons) {
            let counts = std::hint::black_box(Counts::Unsigned(example));
            sum += simulator.run(&[counts], options, &mut state, None)?.statistics();
        }
        Ok(sum)
    };
    let statistics = pass()?;
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || start.elapsed().as_secs_f64() < budget {
        let begin = Instant::now();
        pass()?;
        times.push(begin.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok((times[times.len() / 2], statistics))
}
