//! `sterna hardware`: chips that networks are compiled for.

pub(in crate::command) mod costs;
mod eval;
mod list;
mod show;
pub mod spice;
mod sweep;

use std::path::Path;

use clap::{Args, Subcommand};
use compiler::HardwareSpecification;
use compiler::hardware::presets;

use super::Context;
use crate::CommandError;

/// Hardware specifications, and networks compiled for them
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna hardware list\n  \
    sterna hardware show hcim-a-ternary\n  \
    sterna hardware show adcless-rram-64 > mine.toml\n  \
    sterna hardware show mine.toml --json\n  \
    sterna hardware eval compiled --data digits\n  \
    sterna hardware sweep runs/digits-1 --hardware ideal,hcim-a-ternary,adc7-a --out sweep\n  \
    sterna hardware spice compiled 0 --out tile.cir")]
pub struct HardwareArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    Eval(eval::EvalArguments),
    List(list::ListArguments),
    Show(show::ShowArguments),
    Sweep(Box<sweep::SweepArguments>),
    Spice(spice::SpiceArguments),
}

/// Does as the arguments say.
///
/// # Errors
/// Those of the action.
pub fn run(arguments: &HardwareArguments, context: &Context) -> anyhow::Result<()> {
    match &arguments.action {
        Action::Eval(arguments) => eval::run(arguments, context),
        Action::List(arguments) => list::run(arguments, context),
        Action::Show(arguments) => show::run(arguments, context),
        Action::Sweep(arguments) => sweep::run(arguments, context),
        Action::Spice(arguments) => spice::run(arguments, context),
    }
}

/// The specification that a preset's name or a file stands for. A preset goes before a file of the
/// same name; `./NAME` is the file.
///
/// # Errors
/// [`CommandError::Usage`] naming the presets for a text that is neither a preset, nor a path that
/// exists, nor one that ends in `.toml`; [`compiler::CompilerError`] for a file that cannot be read,
/// is wrong or contradicts itself.
pub fn specification(text: &str) -> anyhow::Result<HardwareSpecification> {
    if let Some(preset) = presets::Preset::named(text) {
        return Ok(preset.specification()?);
    }
    let path = Path::new(text);
    let is_path = path.exists() || path.components().count() > 1;
    if !is_path && path.extension().is_none_or(|extension| extension != "toml") {
        let expected = format!("a preset ({}) or the path of a TOML file", presets::names());
        return Err(CommandError::usage("hardware", expected, format!("'{text}'")).into());
    }
    Ok(HardwareSpecification::from_file(path)?)
}
