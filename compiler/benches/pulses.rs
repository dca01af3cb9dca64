//! Speed of stochastic pulse updates, as JSON lines.
//!
//! `cargo bench -p sterna-compiler --bench pulses` updates an array of 1000 x 1000 devices with a batch of 100
//! samples, inputs and errors uniform over -1..1, at trains of at most 31 slots. A line for each device, learning rate
//! in steps and number of threads: median and fastest milliseconds of a batch, and pulses for each device and sample.
//! `-- --devices constant-step,capacitor --strengths 1,10 --threads 1,2 --repeats 7` are the defaults of the options
//! but for the devices, `constant-step`, `soft-bounds` and names of presets. The first batch is a warm-up.

use std::ffi::OsString;
use std::str::FromStr;
use std::time::Instant;

use compiler::CompilerError;
use compiler::learning::device::{DeviceSpecification, Devices, PulseTrains};
use lexopt::ValueExt;
use snn::random::{Purpose, Stream};

const SIZE: usize = 1000;
const BATCH: usize = 100;
/// Constant steps or soft bounds with the default constants of aihwkit, or a preset.
fn devices(family: &str) -> Result<Devices, CompilerError> {
    if !["constant-step", "soft-bounds"].contains(&family) {
        return Devices::draw(&DeviceSpecification::preset(family)?, SIZE, SIZE, 1, 0);
    }
    let text = format!(
        r#"
        name = "bench"
        description = "default constants"
        sources = []
        model = {{ family = "{family}" }}
        step = {{ size = 0.001, device_spread = 0.3, asymmetry_spread = 0.01, cycle_spread = 0.3 }}
        bounds = {{ lower = -0.6, upper = 0.6, lower_spread = 0.3, upper_spread = 0.3 }}
        "#
    );
    Devices::draw(&DeviceSpecification::parse(&text, "bench")?, SIZE, SIZE, 1, 0)
}

fn uniform(number: usize, position: u64) -> Vec<f32> {
    let mut random = Stream::new(1, Purpose::Test, position);
    (0..number).map(|_| random.word() as f32 / 2f32.powi(31) - 1.0).collect()
}

fn time(device: &str, strength: f32, threads: usize, repeats: u64) -> Result<(), Box<dyn std::error::Error>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mut devices = devices(device)?;
    let (inputs, errors) = (uniform(BATCH * SIZE, 0), uniform(BATCH * SIZE, 1));
    let trains = PulseTrains::new(strength * devices.specification().step_size() as f32);
    let mut times = Vec::new();
    for repeat in 0..=repeats {
        let start = Instant::now();
        pool.install(|| devices.stochastic_batch(&inputs, &errors, trains, repeat * BATCH as u64))?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let times = &mut times[1..];
    times.sort_by(f64::total_cmp);
    let (median, fastest) = (times[times.len() / 2], times[0]);
    let statistics = devices.statistics();
    let pulses = (statistics.pulses_up + statistics.pulses_down) as f64 / statistics.updates as f64;
    let each = pulses / (SIZE * SIZE) as f64;
    println!(
        r#"{{"implementation":"sterna","device":"{device}","strength":{strength:.1},"size":{SIZE},"batch":{BATCH},"threads":{threads},"milliseconds":{median:.2},"fastest":{fastest:.2},"pulses":{each:.4}}}"#,
    );
    Ok(())
}

fn list<T: FromStr>(text: OsString) -> Result<Vec<T>, lexopt::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.string()?
        .split(',')
        .map(|part| part.parse().map_err(|error: T::Err| lexopt::Error::Custom(error.into())))
        .collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut chosen: Vec<String> = ["constant-step", "soft-bounds", "capacitor", "reram-es"].map(String::from).into();
    let (mut strengths, mut threads, mut repeats) = (vec![1f32, 10.0], vec![1usize, 2], 7u64);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("devices") => chosen = list(parser.value()?)?,
            lexopt::Arg::Long("strengths") => strengths = list(parser.value()?)?,
            lexopt::Arg::Long("threads") => threads = list(parser.value()?)?,
            lexopt::Arg::Long("repeats") => repeats = parser.value()?.parse::<u64>()?.max(1),
            lexopt::Arg::Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    for device in &chosen {
        for &strength in &strengths {
            for &threads in &threads {
                time(device, strength, threads, repeats)?;
            }
        }
    }
    Ok(())
}
