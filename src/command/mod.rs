//! The subcommands and what they share: global flags, the exit code, the data folder.

pub mod compile;
pub mod course;
pub mod data;
pub mod eval;
pub mod hardware;
pub mod inspect;
pub mod learn;
pub mod llm;
pub mod relate;
pub mod retrain;
pub mod run_flags;
pub mod simulate;
pub mod train;
pub mod trained;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use datasets::{Dataset, Source, data_folder};
use kernels::Isa;
use spikegrad::Resources;

use crate::CommandError;
use crate::error::exit_code;
use crate::output::Output;

/// Environment variable that forces an instruction set.
pub const ISA_VARIABLE: &str = "STERNA_ISA";

/// Spiking networks that are exact in integers.
#[derive(Parser, Debug)]
#[command(name = "sterna", version, about, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 success, 1 failure, 2 bad usage, 130 interrupted by a signal.\n\n\
    Environment: STERNA_DATA names the data folder, STERNA_ISA forces an instruction set \
    (scalar, avx2, avx512-vnni).")]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every subcommand.
#[derive(Args, Debug)]
#[command(next_help_heading = "Flags of every command")]
struct Global {
    /// Threads to compute with; all cores when absent
    #[arg(long, global = true, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    threads: Option<usize>,
    /// Seed of every random choice
    #[arg(long, global = true, value_name = "N")]
    seed: Option<u64>,
    /// Folder of the data sets; STERNA_DATA, then the user's cache folder when absent
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Write results as JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
    /// Write results, warnings and errors only
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    Train(Box<train::TrainArguments>),
    Eval(eval::EvalArguments),
    Simulate(simulate::SimulateArguments),
    Inspect(inspect::InspectArguments),
    Relate(Box<relate::RelateArguments>),
    Learn(Box<learn::LearnCommand>),
    Llm(llm::LlmArguments),
    Compile(compile::CompileArguments),
    Data(data::DataArguments),
    Hardware(hardware::HardwareArguments),
}

/// What the global flags and the environment say.
#[derive(Clone, Debug)]
pub struct Context {
    /// Threads and instruction set.
    pub resources: Resources,
    /// Seed, where one was given.
    pub seed: Option<u64>,
    /// Data folder, where one was given.
    pub data_dir: Option<PathBuf>,
    /// Form and amount of text.
    pub output: Output,
}

impl Context {
    fn new(global: &Global) -> Result<Self, CommandError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            resources: Resources { threads: global.threads.unwrap_or_else(cores), isa: isa()? },
            seed: global.seed,
            data_dir: global.data_dir.clone(),
            output: Output { json: global.json, quiet: global.quiet },
        })
    }

    /// The data folder; it need not exist.
    ///
    /// # Errors
    /// [`datasets::DatasetError`] when none is given and the user has no home folder.
    pub fn data_folder(&self) -> anyhow::Result<PathBuf> {
        Ok(data_folder(self.data_dir.as_deref(), &|name| std::env::var_os(name))?)
    }

    /// Reads a data set.
    ///
    /// # Errors
    /// [`CommandError::Usage`] when the data folder that was given is not there, and those of
    /// [`datasets::load`].
    pub fn load(&self, source: &Source) -> anyhow::Result<Dataset> {
        if source.folder_name().is_none() {
            return Ok(datasets::load(source, None)?);
        }
        let folder = self.data_folder()?;
        if self.data_dir.is_some() && !folder.is_dir() {
            let found = format!("{}: no such folder", folder.display());
            return Err(CommandError::usage("--data-dir", "a folder that exists", found).into());
        }
        Ok(datasets::load(source, Some(&folder))?)
    }
}

/// The instruction set that [`ISA_VARIABLE`] names, else the fastest of this processor.
fn isa() -> Result<Isa, CommandError> {
    let Some(value) = std::env::var_os(ISA_VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(Isa::detect());
    };
    let name = value.to_string_lossy();
    let names: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    let chosen = name.parse::<Isa>().ok().filter(|isa| isa.is_available());
    chosen.ok_or_else(|| {
        let expected = format!("an instruction set of this processor ({})", names.join(", "));
        CommandError::usage(format!("environment variable {ISA_VARIABLE}"), expected, name)
    })
}

fn threads(text: &str) -> Result<usize, String> {
    /// More than any machine has; a larger number is a slip.
    const MOST: usize = 4096;
    match text.parse::<usize>() {
        Ok(number) if (1..=MOST).contains(&number) => Ok(number),
        _ => Err(format!("expected 1 to {MOST} threads, found {text}; leave the flag out to use all cores")),
    }
}

/// Runs the command that was parsed; errors go to standard error.
pub fn run(cli: Cli) -> ExitCode {
    let result = Context::new(&cli.global).map_err(anyhow::Error::from).and_then(|context| match &cli.command {
        Command::Train(arguments) => train::run(arguments, &context),
        Command::Eval(arguments) => eval::run(arguments, &context),
        Command::Simulate(arguments) => simulate::run(arguments, &context),
        Command::Inspect(arguments) => inspect::run(arguments, &context),
        Command::Relate(arguments) => relate::run(arguments, &context),
        Command::Llm(arguments) => llm::run(arguments, &context),
        Command::Compile(arguments) => compile::run(arguments, &context),
        Command::Data(arguments) => data::run(arguments, &context),
        Command::Hardware(arguments) => hardware::run(arguments, &context),
        Command::Learn(arguments) => learn::run(arguments, &context),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error.downcast_ref(), Some(CommandError::Interrupted)) {
                use std::io::Write as _;
                // Where standard error cannot be written, the exit code still tells.
                let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
            }
            ExitCode::from(exit_code(&error))
        }
    }
}
