//! `sterna hardware list`: the presets, one a line.

use clap::Args;
use compiler::hardware::presets::PRESETS;
use serde_json::json;

use crate::command::Context;

/// List the hardware that is known by name
#[derive(Args, Debug)]
#[command(after_help = "Columns: name; rows and columns of one array; column quantiser; coding and bits of spike \
    counts; description.\n\nExamples:\n  sterna hardware list\n  sterna hardware list --json")]
pub struct ListArguments {}

/// Lists.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(_: &ListArguments, context: &Context) -> anyhow::Result<()> {
    context.output.result(format!("{:<17} {:<8} {:<14} {:<17} description", "name", "array", "quantiser", "input"))?;
    for preset in PRESETS {
        let hardware = preset.specification()?;
        let (array, quantiser, input) = (&hardware.array, &hardware.quantiser, &hardware.input);
        context.output.object(&json!({
            "name": hardware.name, "description": hardware.description, "array": array, "weights": hardware.weights,
            "quantiser": quantiser, "input": input, "sources": hardware.sources,
        }))?;
        let size = format!("{}x{}", array.rows, array.columns);
        context.output.result(format!(
            "{:<17} {size:<8} {:<14} {:<17} {}",
            hardware.name,
            quantiser.to_string(),
            input.to_string(),
            hardware.description
        ))?;
    }
    Ok(())
}
