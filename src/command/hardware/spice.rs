//! `sterna hardware spice`: one array of a compiled network as a circuit.

use std::path::PathBuf;

use clap::Args;
use compiler::circuit::ChipSeed;
use compiler::circuit::netlist::Tile;
use compiler::{CompilerError, Program};
use serde_json::json;
use snn::model::write_atomically;

use crate::CommandError;
use crate::command::Context;

/// Write one array of a compiled network as a circuit for ngspice
#[derive(Args, Debug)]
#[command(
    after_help = "The circuit holds the conductances that the cells have on the chip --chip of --seed, with the \
    non-idealities of the specification the network was compiled for. `ngspice -b FILE` prints the current of \
    every bit line, the partial sum of every column in levels, and every decision. Without --out the circuit goes to \
    standard output.\n\nExamples:\n  \
    sterna hardware spice compiled 0 --out tile.cir && ngspice -b tile.cir\n  \
    sterna hardware spice compiled 12 --stream 1 --rows 0-15,40\n  \
    sterna hardware spice compiled 3 --chip 7 --seed 1 --out tile.cir --json"
)]
pub struct SpiceArguments {
    /// Folder of a compiled network
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Index of the array among `arrays` of crossbar.json
    #[arg(value_name = "TILE")]
    array: usize,
    /// Input stream, which chooses the thresholds
    #[arg(long, value_name = "N", default_value_t = 0)]
    stream: usize,
    /// Rows that are driven, such as 0-15,40; all when absent
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = rows)]
    rows: Vec<(usize, usize)>,
    /// Number of the chip
    #[arg(long, value_name = "N", default_value_t = 0)]
    chip: u64,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// `A` or `A-B`, both ends included.
fn rows(text: &str) -> Result<(usize, usize), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok((first, last)),
        _ => Err(format!("expected a row such as 3 or rows such as 0-15, found '{text}'")),
    }
}

/// Checks the index of an array that a flag or an argument names.
///
/// # Errors
/// [`CommandError::Usage`] for an array that is not there.
pub fn check_array(what: &str, array: usize, arrays: usize) -> Result<(), CommandError> {
    if array < arrays {
        return Ok(());
    }
    let expected = format!("an array from 0 to {}", arrays.saturating_sub(1));
    Err(CommandError::usage(what, expected, array.to_string()))
}

/// The circuit of an array with all rows driven and the thresholds of the first input stream, on
/// chip 0 of a seed.
///
/// # Errors
/// [`compiler::CompilerError`] for an array that is not there or describes no circuit.
pub fn whole_array(program: &Program, array: usize, seed: u64) -> Result<String, CompilerError> {
    let rows = program.layout.arrays.get(array).map_or(0, |placement| placement.rows);
    let chip = ChipSeed { seed, chip: 0 };
    Ok(Tile::new(program, array, 0, &vec![true; rows], chip)?.netlist())
}

/// Writes the circuit.
///
/// # Errors
/// [`CommandError::Usage`] for an array or rows that are not there, and [`compiler::CompilerError`]
/// for files that cannot be read or written, or describe no circuit.
pub fn run(arguments: &SpiceArguments, context: &Context) -> anyhow::Result<()> {
    let program = Program::read(&arguments.folder)?;
    check_array("TILE", arguments.array, program.layout.arrays.len())?;
    let placement = &program.layout.arrays[arguments.array];
    let mut active = vec![arguments.rows.is_empty(); placement.rows];
    for &(first, last) in &arguments.rows {
        let Some(rows) = active.get_mut(first..=last) else {
            let expected = format!("rows from 0 to {}", placement.rows.saturating_sub(1));
            return Err(CommandError::usage("--rows", expected, last.to_string()).into());
        };
        rows.fill(true);
    }
    let chip = ChipSeed { seed: context.seed.unwrap_or(0), chip: arguments.chip };
    let tile = Tile::new(&program, arguments.array, arguments.stream, &active, chip)?;
    let netlist = tile.netlist();
    if let Some(path) = &arguments.out {
        write_atomically(path, netlist.as_bytes())?;
        context.output.note(format!("{} written; run `ngspice -b {0}`", path.display()))?;
    } else {
        context.output.result(netlist.trim_end())?;
    }
    context.output.object(&json!({
        "array": arguments.array, "stream": arguments.stream, "chip": chip.chip, "seed": chip.seed,
        "rows": placement.rows, "active_rows": active.iter().filter(|&&active| active).count(),
        "bit_lines": tile.conductances.bit_lines, "columns": tile.comparators.len(), "file": arguments.out,
        "netlist": arguments.out.is_none().then_some(&netlist),
    }))
}
