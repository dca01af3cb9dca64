//! The `sterna` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use sterna::command::{Cli, run};

fn main() -> ExitCode {
    run(Cli::parse())
}
