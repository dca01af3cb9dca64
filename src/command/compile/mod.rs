//! `sterna compile`: a network mapped onto crossbar arrays.

mod table;

use std::path::{Path, PathBuf};

use clap::Args;
use compiler::calibration::calibrate;
use compiler::hardware::HardwareSpecification;
use compiler::mapping::{Calibration, MappingPlan, compile, plan};
use compiler::program::{LAYOUT_FILE, TENSOR_FILE};
use serde::Serialize;
use snn::Network;
use snn::model::write_atomically;
use spikegrad::Subset;

use super::retrain::{RetrainArguments, Retrained, retrain};
use super::trained::{Split, Trained, TrainedArguments, model_path};
use super::{Context, hardware};
use crate::CommandError;
use hardware::spice;

/// Compile a network onto crossbar arrays
///
/// Writes crossbar.json and tiles.safetensors: every cell's level, every threshold, every scale
/// factor, every route. Quantisers that need scale factors, thresholds or steps get them from samples
/// with --calibrate-on, or from training on the hardware with --retrain.
#[derive(Args, Debug)]
#[command(after_help = "Exit code 1 where something does not fit the hardware, with --dry-run too.\n\nExamples:\n  \
    sterna compile runs/mnist-1 --hardware ideal --dry-run\n  \
    sterna compile runs/mnist-1 --hardware ideal --out compiled/mnist\n  \
    sterna compile runs/mnist-1 --hardware hcim-a-ternary --calibrate-on 500 --out compiled/ternary\n  \
    sterna compile runs/mnist-1 --hardware hcim-a-ternary --retrain 6 --out compiled/retrained\n  \
    sterna compile runs/mnist-1 --hardware ideal --out compiled/mnist --spice 0\n  \
    sterna compile model.safetensors --hardware mine.toml --dry-run --json")]
pub struct CompileArguments {
    /// Model file, or a run folder that holds one
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// A preset of `sterna hardware list`, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub hardware: String,
    /// Folder for the compiled network
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    pub out: Option<PathBuf>,
    /// Replace a compiled network in the folder
    #[arg(long)]
    pub overwrite: bool,
    /// Tell arrays, tiles, utilisation and what does not fit; write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Determine scale factors, thresholds and steps from N training samples, spread evenly over all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "retrain")]
    pub calibrate_on: Option<u32>,
    /// digits, mnist, fashion-mnist, cifar10 or a folder of images; that of the run when absent
    #[arg(long, value_name = "SOURCE", requires = "calibrate_on")]
    pub data: Option<String>,
    /// Also write array TILE as a circuit for ngspice, tile-TILE.cir in the folder
    ///
    /// TILE is the index of an array, from 0, among `arrays` of crossbar.json; --dry-run tells how many
    /// there are. All rows are driven, with the thresholds of the first input stream, on the first chip
    /// of --seed; `sterna hardware spice` has flags for other rows, streams and chips.
    #[arg(long, value_name = "TILE", conflicts_with = "dry_run")]
    pub spice: Option<usize>,
    /// Training on the hardware before it is compiled.
    #[command(flatten)]
    pub retraining: RetrainArguments,
}

/// The JSON object of `sterna compile`.
#[derive(Debug, Serialize)]
struct CompilationReport<'a> {
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    circuit: Option<String>,
    #[serde(flatten)]
    plan: &'a MappingPlan,
}

/// Compiles as the arguments say.
///
/// # Errors
/// When model, hardware or samples cannot be read, something does not fit, or the folder cannot be
/// used.
pub fn run(arguments: &CompileArguments, context: &Context) -> anyhow::Result<()> {
    let hardware = hardware::specification(&arguments.hardware)?;
    if let Some(folder) = &arguments.out {
        check_folder(folder, arguments.overwrite)?;
    }
    let path = model_path(&arguments.model);
    let network = snn::model::load(&path)?;
    let plan = plan(&network, &hardware);
    let circuit = arguments.spice.zip(arguments.out.as_ref());
    let circuit = circuit.map(|(array, folder)| (array, folder.join(format!("tile-{array}.cir"))));
    let report = CompilationReport {
        model: path.display().to_string(),
        out: arguments.out.as_ref().map(|folder| folder.display().to_string()),
        dry_run: arguments.dry_run,
        circuit: circuit.as_ref().map(|(_, path)| path.display().to_string()),
        plan: &plan,
    };
    if arguments.dry_run || !plan.problems.is_empty() {
        context.output.object(&report)?;
        context.output.result(table::table(&plan).trim_end())?;
        return Ok(plan.check()?);
    }
    let Some(folder) = &arguments.out else {
        return Err(CommandError::usage("--out", "a folder", "nothing").into());
    };
    if let Some((array, _)) = circuit {
        spice::check_array("--spice", array, plan.arrays)?;
    }
    let (network, calibration) = match arguments.retraining.retrain {
        Some(epochs) => {
            let what = Retrained { model: &path, network: &network, hardware: &hardware, folder };
            retrain(&what, epochs, &arguments.retraining, context)?
        }
        None => {
            let calibration = calibration(arguments, &network, &hardware, context)?;
            (network, calibration)
        }
    };
    let program = compile(&network, &hardware, &calibration)?;
    let seed = context.seed.unwrap_or(0);
    let netlist = circuit.as_ref().map(|(array, _)| spice::whole_array(&program, *array, seed)).transpose()?;
    std::fs::create_dir_all(folder).map_err(|error| refused(folder, format!("cannot be made: {error}")))?;
    program.write(folder)?;
    let mut written = vec![folder.join(LAYOUT_FILE), folder.join(TENSOR_FILE)];
    if let (Some((_, path)), Some(netlist)) = (circuit, netlist) {
        write_atomically(&path, netlist.as_bytes())?;
        written.push(path);
    }
    context.output.object(&report)?;
    context.output.result(table::table(&plan).trim_end())?;
    let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    context.output.result(format!("\nwritten: {}", written.join(", ")))
}

/// What the quantiser needs from samples.
fn calibration(
    arguments: &CompileArguments,
    network: &Network,
    hardware: &HardwareSpecification,
    context: &Context,
) -> anyhow::Result<Calibration> {
    if !Calibration::is_needed(hardware) {
        if arguments.calibrate_on.is_some() {
            let quantiser = &hardware.quantiser;
            context.output.warning(format!(
                "the quantiser '{quantiser}' takes nothing from samples: --calibrate-on has no effect"
            ));
        }
        return Ok(Calibration::none());
    }
    let Some(count) = arguments.calibrate_on else {
        let expected = format!("a number of samples for the quantiser '{}', such as 500", hardware.quantiser);
        return Err(CommandError::usage("--calibrate-on", expected, "nothing").into());
    };
    let trained =
        TrainedArguments { model: arguments.model.clone(), data: arguments.data.clone(), split: Split::Train };
    let trained = Trained::load(&trained, context)?;
    context.output.note(format!("calibrating on {count} samples of {}", trained.data.source))?;
    let calibrated =
        calibrate(network, hardware, &Subset::spread(&trained.samples, count as usize), context.resources)?;
    for (rule, accuracy) in &calibrated.accuracies {
        context.output.note(format!("  {rule:?}: accuracy {:.2} % of these", 100.0 * accuracy))?;
    }
    Ok(calibrated.calibration)
}

fn refused(folder: &Path, problem: String) -> CommandError {
    CommandError::OutputFolder {
        path: folder.to_owned(),
        problem,
        remedy: "choose another folder with --out".to_owned(),
    }
}

/// Whether a compiled network can be put into the folder; changes nothing.
fn check_folder(folder: &Path, overwrite: bool) -> Result<(), CommandError> {
    if folder.exists() && !folder.is_dir() {
        return Err(refused(folder, "expected a folder, found a file".to_owned()));
    }
    if !overwrite && [LAYOUT_FILE, TENSOR_FILE].iter().any(|name| folder.join(name).exists()) {
        return Err(CommandError::OutputFolder {
            path: folder.to_owned(),
            problem: "a compiled network is in it already".to_owned(),
            remedy: "replace it with --overwrite, or choose another folder with --out".to_owned(),
        });
    }
    Ok(())
}
