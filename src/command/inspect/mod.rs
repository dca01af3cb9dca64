//! `sterna inspect`: what a file of Sterna, or of a data set, holds.

mod data_file;
mod machine;
mod model;
mod run;

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use super::Context;
use crate::CommandError;

/// Kinds of files that are known, for errors and help.
const KINDS: &str = "a model or checkpoint (.safetensors), a run folder, a configuration (.toml), a summary (.json), \
                     metrics (.jsonl), a spike trace (.csv), an IDX file (plain or .gz) or a CIFAR-10 batch (.bin)";

/// Tell what a file holds
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna inspect runs/digits-1\n  \
    sterna inspect runs/digits-1/model.safetensors --json\n  \
    sterna inspect train-images-idx3-ubyte.gz\n  \
    sterna inspect --machine")]
pub struct InspectArguments {
    /// A file or a run folder
    #[arg(value_name = "FILE", required_unless_present = "machine")]
    pub file: Option<PathBuf>,
    /// Tell which instruction sets this machine has, why others are missing, and which is used
    #[arg(long, conflicts_with = "file")]
    pub machine: bool,
}

/// What a file holds: the JSON object and the text for people.
struct Finding {
    object: Value,
    text: String,
}

/// Inspects as the arguments say.
///
/// # Errors
/// When the file cannot be read, is damaged, or is of no known kind.
pub fn run(arguments: &InspectArguments, context: &Context) -> anyhow::Result<()> {
    let finding = match &arguments.file {
        Some(path) => inspect(path)?,
        None => machine::machine(context),
    };
    context.output.object(&finding.object)?;
    context.output.result(finding.text.trim_end())
}

fn inspect(path: &Path) -> anyhow::Result<Finding> {
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if metadata.is_dir() {
        return run::folder(path);
    }
    let start = beginning(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "safetensors" => return model::tensors(path),
        "toml" => return run::configuration(path),
        "jsonl" => return run::metrics(path),
        "json" => return run::summary(path),
        "csv" => return data_file::trace(path, &start),
        _ => {}
    }
    if let Some(finding) = data_file::idx(path, &start)? {
        return Ok(finding);
    }
    if extension == "bin" {
        return data_file::cifar(path, metadata.len());
    }
    Err(unknown(path, &format!("'{name}' of {} bytes that begins with {}", metadata.len(), hexadecimal(&start))).into())
}

/// The first bytes of a file.
fn beginning(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut start = Vec::new();
    file.take(256).read_to_end(&mut start).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(start)
}

fn hexadecimal(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(" ") }
}

fn unknown(path: &Path, found: &str) -> CommandError {
    CommandError::File {
        path: path.to_owned(),
        field: "kind of file".to_owned(),
        expected: KINDS.to_owned(),
        found: found.to_owned(),
    }
}
