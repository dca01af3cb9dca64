//! `sterna learn device`: one device, its figures and its answer to pulses.

use std::path::{Path, PathBuf};

use clap::Args;
use compiler::learning::device::{DeviceSpecification, MOST_PULSES, Model, PulseResponse, netlist};
use serde_json::json;
use snn::model::write_atomically;

use super::{device_specification, show};
use crate::CommandError;
use crate::command::Context;
use crate::plots;

/// Pulses of each direction unless said otherwise: as many as steps lie between the bounds, within these.
const DEFAULT_PULSES: (f64, f64) = (20.0, 20_000.0);

/// Show a device and simulate pulses upwards, then downwards
///
/// The specification is written as TOML that can be read again, followed by comments with what follows
/// from it. With --out, devices drawn from it start at their lowest state and get pulses upwards, then as
/// many downwards; their weights go to NAME.csv, with --plot to NAME.png too.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna learn device capacitor\n  \
    sterna learn device domain-wall --levels 1024\n  \
    sterna learn device reram-es --plot --out curves\n  \
    sterna learn device mine.toml --pulses 500 --devices 20 --seed 3 --plot\n  \
    sterna learn device mosfet --spice synapse.cir && ngspice -b synapse.cir")]
pub struct DeviceArguments {
    /// A preset of `sterna learn devices`, or a TOML file
    #[arg(value_name = "NAME|FILE")]
    device: String,
    /// The device with this many evenly spaced states, and pulses for them
    #[arg(long, value_name = "N")]
    levels: Option<u32>,
    /// Pulses of each direction; as many as steps lie between the bounds when absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_PULSES)))]
    pulses: Option<u32>,
    /// Devices to draw
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    devices: u32,
    /// Draw the curves; into the current folder without --out
    #[arg(long)]
    plot: bool,
    /// Folder for curves
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the circuit of a transistor synapse for ngspice
    #[arg(long, value_name = "FILE")]
    spice: Option<PathBuf>,
}

/// Shows, simulates and writes.
///
/// # Errors
/// When the specification is wrong, or a file cannot be written.
pub fn run(arguments: &DeviceArguments, context: &Context) -> anyhow::Result<()> {
    let mut device = device_specification(&arguments.device)?;
    if let Some(levels) = arguments.levels {
        device = device
            .with_levels(levels)
            .map_err(|error| CommandError::usage("--levels", "levels for this device", error.to_string()))?;
    }
    let figures = device.figures();
    let comments = show::figures(&device, &figures);
    context.output.result(device.to_toml()?.trim_end())?;
    context.output.result(comments.lines().fold(String::new(), |text, line| text + "\n# " + line))?;
    let folder = arguments.out.clone().or_else(|| arguments.plot.then(PathBuf::new));
    let curves = folder.map(|folder| curves(&device, arguments, &folder, context)).transpose()?;
    if let Some(path) = &arguments.spice {
        let Model::Mosfet(mosfet) = &device.model else {
            let found = format!("'{}' of the family '{}'", device.name, device.model.family());
            return Err(CommandError::usage("--spice", "a device of the family 'mosfet'", found).into());
        };
        write_atomically(path, netlist::synapse(mosfet).as_bytes())?;
        context.output.note(format!("# {} written; run `ngspice -b {0}`", path.display()))?;
    }
    context.output.object(&json!({
        "specification": device, "figures": figures, "curves": curves, "netlist": arguments.spice,
    }))
}

/// Simulates, and writes curves; gives their figures.
fn curves(
    device: &DeviceSpecification,
    arguments: &DeviceArguments,
    folder: &Path,
    context: &Context,
) -> anyhow::Result<serde_json::Value> {
    let between = device.figures().steps_between_bounds.clamp(DEFAULT_PULSES.0, DEFAULT_PULSES.1);
    let pulses = arguments.pulses.unwrap_or(between.round() as u32);
    let (devices, seed) = (arguments.devices, context.seed.unwrap_or(0));
    let response = PulseResponse::simulate(device, devices as usize, pulses, seed)?;
    if !folder.as_os_str().is_empty() {
        std::fs::create_dir_all(folder).map_err(|error| {
            let found = format!("{}: {error}", folder.display());
            CommandError::usage("--out", "a folder that can be written to", found)
        })?;
    }
    let file = |extension: &str| folder.join(format!("{}.{extension}", device.name));
    let (csv, png) = (file("csv"), file("png"));
    write_atomically(&csv, response.csv().as_bytes())?;
    if arguments.plot {
        let subtitle =
            format!("{} devices, {pulses} pulses upwards, then as many downwards, seed {seed}", arguments.devices);
        plots::pulse_response(&response, &device.name, &subtitle, &png)?;
    }
    let turn = response.mean.len() / 2;
    let mean = |reading: usize| response.mean.get(reading).copied().unwrap_or_default();
    let (lowest, highest, last) = (mean(0), mean(turn), mean(response.mean.len() - 1));
    context.output.result(format!(
        "# mean weight of {devices} devices: {} at first, {} after {pulses} pulses upwards, {} after as many downwards",
        show::number(lowest),
        show::number(highest),
        show::number(last)
    ))?;
    let written =
        if arguments.plot { format!("{} and {}", csv.display(), png.display()) } else { csv.display().to_string() };
    context.output.note(format!("# {written} written"))?;
    Ok(json!({
        "devices": devices, "pulses": pulses, "seed": seed, "mean_first": lowest, "mean_highest": highest,
        "mean_last": last, "csv": csv, "plot": arguments.plot.then_some(png),
    }))
}
