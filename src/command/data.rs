//! `sterna data`: lists, fetches and verifies the files of data sets.

use anyhow::bail;
use clap::{Args, Subcommand};
use datasets::download::{
    self, FetchOptions, FetchReport, FileReport, FileStatus, Outcome, Phase, Progress, SetReport,
};
use datasets::{DatasetError, Source};
use indicatif::ProgressBar;
use serde_json::json;

use super::Context;
use super::trained::parse_source;
use crate::CommandError;
use crate::interruption::Interruption;
use crate::output;

/// List, fetch and verify data sets
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna data list\n  \
    sterna data fetch mnist\n  \
    sterna data fetch cifar10 --mirror https://mirror.example/cifar/\n  \
    sterna data verify mnist --data-dir /data")]
pub struct DataArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show which data sets are there
    List,
    /// Download what is missing of a data set, with checksums
    #[command(after_help = "An interrupted or broken download is resumed by the same command. Files in place are \
        checked and kept.\n\nExamples:\n  sterna data fetch mnist\n  sterna data fetch mnist --mirror http://10.0.0.2/mnist/ --mirrors-only")]
    Fetch {
        /// mnist, fashion-mnist or cifar10
        #[arg(value_name = "NAME")]
        name: String,
        /// Base address tried before the official ones, http or https; repeatable
        #[arg(long, value_name = "URL", value_parser = address)]
        mirror: Vec<String>,
        /// Try no address but those of --mirror
        #[arg(long, requires = "mirror")]
        mirrors_only: bool,
    },
    /// Check every file of a data set by length and SHA-256
    #[command(after_help = "Exit code 1 when a file is missing or wrong.\n\nExamples:\n  sterna data verify mnist")]
    Verify {
        /// digits, mnist, fashion-mnist or cifar10
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Does as the arguments say.
///
/// # Errors
/// [`DatasetError`] naming the file, and [`CommandError::Interrupted`] after a signal.
pub fn run(arguments: &DataArguments, context: &Context) -> anyhow::Result<()> {
    match &arguments.action {
        Action::List => list(context),
        Action::Fetch { name, mirror, mirrors_only } => {
            let options =
                FetchOptions { mirrors: mirror.clone(), official_mirrors: !mirrors_only, ..FetchOptions::default() };
            fetch(&parse_source(name)?, &options, context)
        }
        Action::Verify { name } => verify(&parse_source(name)?, context),
    }
}

fn address(text: &str) -> Result<String, String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        Ok(if text.ends_with('/') { text.to_owned() } else { format!("{text}/") })
    } else {
        Err(format!("expected an address that begins with http:// or https://, found {text}"))
    }
}

fn list(context: &Context) -> anyhow::Result<()> {
    let folder = context.data_folder()?;
    context.output.note(format!("data folder: {}", folder.display()))?;
    for SetReport { name, state, files_present, files_total, samples, download_bytes, licence, folder, .. } in
        download::list(&folder)
    {
        let megabytes = download_bytes as f64 / 1e6;
        context.output.object(&json!({
            "name": name, "state": state, "folder": folder, "files_present": files_present,
            "files_total": files_total, "samples": samples, "download_bytes": download_bytes, "licence": licence,
        }))?;
        let state = format!("{state:?}").to_lowercase();
        let files = format!("{files_present}/{files_total} files");
        context.output.result(format!(
            "{name:<14} {state:<9} {files:<10} {samples:>6} images {megabytes:>7.1} MB to download  {licence}"
        ))?;
    }
    Ok(())
}

fn fetch(source: &Source, options: &FetchOptions, context: &Context) -> anyhow::Result<()> {
    let folder = context.data_folder()?;
    let interruption = Interruption::listen()?;
    let bar = context.output.progress(0, output::Progress::Bytes);
    let fetched = download::fetch(source, &folder, options, &mut |progress| show(&bar, progress), &|| {
        interruption.is_requested()
    });
    bar.finish_and_clear();
    let FetchReport { set, folder, files } = match fetched {
        Err(error @ DatasetError::Cancelled { .. }) => {
            context.output.warning(error.to_string());
            return Err(CommandError::Interrupted.into());
        }
        other => other?,
    };
    context.output.object(&json!({ "set": set, "folder": folder, "files": files }))?;
    for file in &files {
        let outcome = match &file.outcome {
            Outcome::Kept => "was there".to_owned(),
            Outcome::Fetched => "fetched".to_owned(),
            Outcome::Replaced { set_aside } => {
                let names: Vec<String> = set_aside.iter().map(|path| path.display().to_string()).collect();
                format!("fetched; the wrong one is now {}", names.join(", "))
            }
        };
        context.output.note(format!("{}: {outcome}", file.path.display()))?;
    }
    context.output.result(format!("{set}: {} files are valid in {}", files.len(), folder.display()))
}

fn show(bar: &ProgressBar, progress: &Progress<'_>) {
    let doing = match progress.phase {
        Phase::Checking => "checking",
        Phase::Connecting => "connecting",
        Phase::Receiving => "receiving",
        Phase::Installing => "checking and installing",
        Phase::Done => "done",
    };
    bar.set_prefix(progress.file.to_owned());
    bar.set_message(doing);
    if let Some(total) = progress.total {
        bar.set_length(total);
    }
    bar.set_position(progress.received);
}

fn verify(source: &Source, context: &Context) -> anyhow::Result<()> {
    let folder = context.data_folder()?;
    let files = download::verify(source, &folder)?;
    let wrong = files.iter().filter(|file| file.status != FileStatus::Valid).count();
    context.output.object(&json!({ "set": source, "valid": wrong == 0, "files": files }))?;
    for FileReport { path, status, .. } in &files {
        let text = match status {
            FileStatus::Valid => "valid".to_owned(),
            FileStatus::Missing => "missing".to_owned(),
            FileStatus::Wrong { field, expected, found } => format!("{field}: expected {expected}, found {found}"),
        };
        context.output.result(format!("{}: {text}", path.display()))?;
    }
    if wrong > 0 {
        bail!("{wrong} of {} files of {source} are missing or wrong; run: sterna data fetch {source}", files.len());
    }
    context.output.result(match source {
        Source::Digits => "digits: part of the program, always valid".to_owned(),
        _ => format!("{source}: {} files are valid", files.len()),
    })
}
