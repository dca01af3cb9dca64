//! `sterna learn`: networks that learn on arrays of devices, and the devices themselves.

mod arguments;
mod checkpoint;
mod configuration;
mod delta;
mod device;
mod devices;
mod draw;
mod examples;
mod results;
mod show;
mod spiking;

pub use arguments::LearnArguments;

use std::path::Path;

use clap::{Args, Subcommand};
use compiler::learning::device::{DeviceSpecification, Preset, names};

use super::Context;
use crate::CommandError;

/// Train a network whose weights are states of devices, pulse by pulse
///
/// Without --topology a network without hidden layer learns by the delta rule, one example after the other, beside a
/// twin with float weights. With --topology a spiking network learns by SpikeGrad, beside the integer network that it
/// would be on ideal devices and one with float weights and errors. The run folder holds config.toml (complete),
/// metrics.jsonl, checkpoint.safetensors, plots and summary.json, which is the last object of --json too. Ctrl-C and
/// SIGTERM end the run with a checkpoint and exit code 130.
#[derive(Args, Debug)]
#[command(
    after_help = "Data: iris, mnist, fashion-mnist, digits (embedded), or a table FILE.csv with the class in the last \
    column.\n\n\
    Examples:\n  \
    sterna learn devices\n  \
    sterna learn device gokmen-vlasov --plot --out curves\n  \
    sterna learn digits --device capacitor\n  \
    sterna learn iris --device mosfet --seeds 20\n  \
    sterna learn mnist --device domain-wall --levels 128\n  \
    sterna learn mnist --device domain-wall --sweep levels=4,16,64,256\n  \
    sterna learn mnist --topology 28x28-300-10 --device reram-sb --tiki-taka 1:0.1:1000\n  \
    sterna learn digits --topology 8x8-30-10 --device mosfet --sweep cycle-spread=0,0.3,1\n  \
    sterna learn digits --device capacitor --input-converter 4 --output-converter 6:4 --read-noise 0.1\n  \
    sterna learn measurements.csv --device mine.toml --rule trains:31\n  \
    sterna learn --resume --out runs/learn-iris-mosfet-1"
)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct LearnCommand {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    training: LearnArguments,
}

#[derive(Subcommand, Debug)]
enum Action {
    Device(device::DeviceArguments),
    Devices(devices::DevicesArguments),
}

/// Does as the arguments say.
///
/// # Errors
/// [`CommandError::Interrupted`] after a signal, with the checkpoint written; the errors of every step otherwise.
pub fn run(command: &LearnCommand, context: &Context) -> anyhow::Result<()> {
    let arguments = &command.training;
    if command.action.is_none() && arguments.run.resume {
        arguments.check_resume(context)?;
    }
    match &command.action {
        Some(Action::Device(arguments)) => device::run(arguments, context),
        Some(Action::Devices(arguments)) => devices::run(arguments, context),
        None => match spiking::configuration(arguments, context)? {
            Some(configuration) => spiking::run(configuration, arguments, context),
            None => delta::run(arguments, context),
        },
    }
}

/// The device that a preset's name or a file stands for. A preset goes before a file of the same name;
/// `./NAME` is the file.
///
/// # Errors
/// [`CommandError::Usage`] naming the presets for a text that is neither a preset, nor a path that
/// exists, nor one that ends in `.toml`; [`compiler::CompilerError`] for a file that cannot be read,
/// is wrong or contradicts itself.
pub fn device_specification(text: &str) -> anyhow::Result<DeviceSpecification> {
    if let Some(preset) = Preset::named(text) {
        return Ok(preset.specification()?);
    }
    let path = Path::new(text);
    let is_path = path.exists() || path.components().count() > 1;
    if !is_path && path.extension().is_none_or(|extension| extension != "toml") {
        let expected = format!("a preset ({}) or the path of a TOML file", names());
        return Err(CommandError::usage("device", expected, format!("'{text}'")).into());
    }
    Ok(DeviceSpecification::from_file(path)?)
}
