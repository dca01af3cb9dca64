//! `sterna hardware show`: a whole specification.

use clap::Args;

use super::specification;
use crate::command::Context;

/// Check a specification and show all of it
#[derive(Args, Debug)]
#[command(
    after_help = "The TOML that is written has every key with its value and can be read again. Exit code 1 for a \
    file that is wrong or contradicts itself.\n\nExamples:\n  \
    sterna hardware show isaac\n  \
    sterna hardware show adcless-rram-64 > mine.toml\n  \
    sterna hardware show mine.toml\n  \
    sterna hardware show hcim-b-binary --json"
)]
pub struct ShowArguments {
    /// A preset of `sterna hardware list`, or a TOML file
    #[arg(value_name = "NAME|FILE")]
    hardware: String,
}

/// Shows.
///
/// # Errors
/// Those of [`specification`].
pub fn run(arguments: &ShowArguments, context: &Context) -> anyhow::Result<()> {
    let hardware = specification(&arguments.hardware)?;
    context.output.object(&hardware.written())?;
    context.output.result(hardware.to_toml()?.trim_end())
}
