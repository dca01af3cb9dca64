//! `sterna learn devices`: the presets, one a line.

use clap::Args;
use compiler::learning::device::PRESETS;
use serde_json::json;

use super::show::number;
use crate::command::Context;

/// List the devices that are known by name
#[derive(Args, Debug)]
#[command(after_help = "Columns: name; family of the steps; steps between the bounds; description.\n\nExamples:\n  \
    sterna learn devices\n  sterna learn devices --json")]
pub struct DevicesArguments {}

/// Lists.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(_: &DevicesArguments, context: &Context) -> anyhow::Result<()> {
    context.output.result(format!("{:<15} {:<17} {:>7}  description", "name", "family", "steps"))?;
    for preset in PRESETS {
        let device = preset.specification()?;
        let figures = device.figures();
        context.output.object(&json!({
            "name": device.name, "description": device.description, "family": device.model.family(),
            "figures": figures, "sources": device.sources, "assumptions": device.assumptions,
        }))?;
        context.output.result(format!(
            "{:<15} {:<17} {:>7}  {}",
            device.name,
            device.model.family(),
            number(figures.steps_between_bounds),
            device.description
        ))?;
    }
    Ok(())
}
