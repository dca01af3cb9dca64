//! The folder of a training run: what lies where, and in which order it is written.
//!
//! Every file is written beside its place and renamed, so that a reader never sees half of one.
//! After an epoch the model comes first, then the metrics, then the checkpoint that knows of
//! both: a run that is killed in between repeats the epoch and writes the same again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use snn::model::write_atomically;
use spikegrad::EpochReport;

use crate::CommandError;

const CONFIGURATION: &str = "config.toml";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINT: &str = "checkpoint.safetensors";
const MODEL: &str = "model.safetensors";
const SUMMARY: &str = "summary.json";
const PLOTS: &str = "plots";
/// Prefix of the temporary files of [`write_atomically`].
const TEMPORARY: &str = ".sterna-";

/// What to do when the folder is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Accept an empty one only.
    Refuse,
    /// Remove the files of the run in it; other files stay.
    Overwrite,
    /// Continue the run in it.
    Resume,
}

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// What the trainer reports.
    #[serde(flatten)]
    pub report: EpochReport,
    /// Wall-clock seconds of the updates; of an epoch that was resumed, those since then.
    pub train_seconds: f64,
    /// Wall-clock seconds of the evaluation on validation samples.
    pub validation_seconds: f64,
    /// Examples that the updates of `train_seconds` took.
    pub timed_examples: u64,
}

/// The lines of `metrics.jsonl`, as text and as records.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    lines: Vec<String>,
    records: Vec<EpochRecord>,
}

impl Metrics {
    /// The records, one an epoch.
    pub fn records(&self) -> &[EpochRecord] {
        &self.records
    }

    /// Copies of the trainer's reports, one an epoch.
    pub fn reports(&self) -> Vec<EpochReport> {
        self.records.iter().map(|record| record.report.clone()).collect()
    }

    /// Adds an epoch.
    ///
    /// # Errors
    /// When a record cannot be expressed as JSON.
    pub fn push(&mut self, record: EpochRecord) -> anyhow::Result<()> {
        self.lines.push(serde_json::to_string(&record).context("cannot express an epoch as JSON")?);
        self.records.push(record);
        Ok(())
    }
}

/// A run folder; it need not exist yet.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// The run folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `config.toml`.
    pub fn configuration(&self) -> PathBuf {
        self.path.join(CONFIGURATION)
    }

    /// `metrics.jsonl`.
    pub fn metrics(&self) -> PathBuf {
        self.path.join(METRICS)
    }

    /// `checkpoint.safetensors`.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join(CHECKPOINT)
    }

    /// `model.safetensors`.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL)
    }

    /// `summary.json`.
    pub fn summary(&self) -> PathBuf {
        self.path.join(SUMMARY)
    }

    /// `plots/`.
    pub fn plots(&self) -> PathBuf {
        self.path.join(PLOTS)
    }

    /// Whether the folder can be used as asked; changes nothing.
    ///
    /// # Errors
    /// [`CommandError::RunFolder`] when it is a file, holds something without leave, or holds no
    /// run to resume.
    pub fn check(&self, existing: Existing) -> Result<(), CommandError> {
        let fail = |problem: String, remedy: &str| {
            Err(CommandError::RunFolder { path: self.path.clone(), problem, remedy: remedy.to_owned() })
        };
        let another = "choose another folder with --out";
        match std::fs::metadata(&self.path) {
            Ok(found) if !found.is_dir() => return fail("expected a folder, found a file".to_owned(), another),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return fail(format!("cannot be looked into: {error}"), another);
            }
            _ => {}
        }
        if existing == Existing::Resume {
            if self.configuration().is_file() {
                return Ok(());
            }
            let problem = format!("expected {CONFIGURATION} of the run to resume, found none");
            return fail(problem, "name the folder of an interrupted run with --out, or leave --resume out");
        }
        let Ok(mut entries) = std::fs::read_dir(&self.path) else { return Ok(()) };
        if existing == Existing::Refuse && entries.next().is_some() {
            let remedy = "continue it with --resume, replace it with --overwrite, or choose another folder with --out";
            return fail("expected an empty or no folder, found files in it".to_owned(), remedy);
        }
        Ok(())
    }

    /// Makes the folder, empty of files of a run, and writes the text of the configuration.
    ///
    /// # Errors
    /// [`CommandError::RunFolder`] when the folder cannot be made, [`snn::SnnError::Io`] when it
    /// cannot be written to.
    pub fn start(&self, configuration: &str) -> anyhow::Result<()> {
        let refused = |error: std::io::Error| CommandError::RunFolder {
            path: self.path.clone(),
            problem: format!("cannot be made or emptied: {error}"),
            remedy: "choose a folder that you may write to with --out".to_owned(),
        };
        std::fs::create_dir_all(&self.path).map_err(refused)?;
        self.remove_temporary_files();
        // The checkpoint goes first: without it a half-emptied folder is never resumed.
        let files = [self.checkpoint(), self.model(), self.metrics(), self.summary()];
        for path in files.into_iter().chain(png_files(&self.plots())) {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(refused(error).into()),
                _ => {}
            }
        }
        self.write_configuration(configuration)
    }

    /// Writes the text of the configuration.
    ///
    /// # Errors
    /// [`snn::SnnError::Io`] when it cannot be written.
    pub fn write_configuration(&self, configuration: &str) -> anyhow::Result<()> {
        Ok(write_atomically(&self.configuration(), configuration.as_bytes())?)
    }

    /// Writes the metrics of all epochs.
    ///
    /// # Errors
    /// [`snn::SnnError::Io`] when they cannot be written.
    pub fn write_metrics(&self, metrics: &Metrics) -> anyhow::Result<()> {
        let text: String = metrics.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        Ok(write_atomically(&self.metrics(), text.as_bytes())?)
    }

    /// Reads the metrics of the first `epochs` epochs, as many as there are.
    ///
    /// # Errors
    /// [`CommandError::File`] naming the first line that is no record of its epoch.
    pub fn read_metrics(&self, epochs: u32) -> anyhow::Result<Metrics> {
        let path = self.metrics();
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            other => other.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let mut metrics = Metrics::default();
        for (index, line) in text.lines().take(epochs as usize).enumerate() {
            let wrong = |found: String| CommandError::File {
                path: path.clone(),
                field: format!("line {}", index + 1),
                expected: format!("the record of epoch {}", index + 1),
                found,
            };
            let record: EpochRecord = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            if record.report.epoch as usize != index + 1 {
                return Err(wrong(format!("the record of epoch {}", record.report.epoch)).into());
            }
            metrics.lines.push(line.to_owned());
            metrics.records.push(record);
        }
        Ok(metrics)
    }

    /// Writes the summary.
    ///
    /// # Errors
    /// [`snn::SnnError::Io`] when it cannot be written.
    pub fn write_summary(&self, summary: &impl Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(summary).context("cannot express the summary as JSON")?;
        text.push('\n');
        Ok(write_atomically(&self.summary(), text.as_bytes())?)
    }

    /// Removes what a killed process left half-written.
    pub fn remove_temporary_files(&self) {
        for path in files_of(&self.path).chain(files_of(&self.plots())) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            if name.is_some_and(|name| name.starts_with(TEMPORARY)) {
                // One that stays does no harm.
                let _ = std::fs::remove_file(&path);
            }
        }
    }
}

fn files_of(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_file())
}

fn png_files(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    files_of(folder).filter(|path| path.extension().is_some_and(|extension| extension == "png"))
}
