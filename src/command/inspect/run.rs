//! Run folders and the text files in them.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Finding, unknown};
use crate::CommandError;
use crate::configuration::Configuration;
use crate::run_folder::RunFolder;

/// Longest text file that is read.
const LARGEST_TEXT: u64 = 64 << 20;

pub(super) fn folder(path: &Path) -> anyhow::Result<Finding> {
    let folder = RunFolder::new(path);
    if !folder.configuration().is_file() {
        return Err(unknown(path, "a folder without config.toml").into());
    }
    let configuration = Configuration::load(&folder.configuration())?;
    let mut text = format!("run folder of {}\n", configuration.data.source);
    let mut object = json!({
        "kind": "run folder", "folder": path.display().to_string(), "configuration": configuration,
        "summary": Value::Null, "checkpoint": Value::Null, "model": Value::Null,
    });
    // Writing to a string cannot fail.
    let mut part = |name: &str, finding: Finding| {
        object[name] = finding.object;
        let _ = writeln!(text, "\n{name}: {}", finding.text.trim_end());
    };
    if folder.summary().is_file() {
        part("summary", summary(&folder.summary())?);
    }
    if folder.checkpoint().is_file() {
        part("checkpoint", super::model::tensors(&folder.checkpoint())?);
    }
    if folder.model().is_file() {
        part("model", super::model::tensors(&folder.model())?);
    }
    Ok(Finding { object, text })
}

pub(super) fn configuration(path: &Path) -> anyhow::Result<Finding> {
    let configuration = Configuration::load(path)?;
    let object = json!({
        "kind": "configuration", "file": path.display().to_string(), "configuration": configuration,
    });
    Ok(Finding { object, text: format!("configuration, complete:\n\n{}", configuration.to_toml()?) })
}

pub(super) fn summary(path: &Path) -> anyhow::Result<Finding> {
    let text = read_text(path)?;
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(path, "content", "JSON", error))?;
    let Some(fields) = value.as_object().filter(|fields| fields.contains_key("test_accuracy")) else {
        return Err(unknown(path, "a JSON file that is no summary of a run").into());
    };
    let lines: String = fields.iter().map(|(key, value)| format!("  {key}: {value}\n")).collect();
    let object = json!({ "kind": "summary", "file": path.display().to_string(), "summary": value });
    Ok(Finding { object, text: format!("summary of a run\n{lines}") })
}

pub(super) fn metrics(path: &Path) -> anyhow::Result<Finding> {
    let text = read_text(path)?;
    let mut best: Option<(f64, u64)> = None;
    let mut epochs = 0;
    for (index, line) in text.lines().enumerate() {
        let field = format!("line {}", index + 1);
        let record: Value = serde_json::from_str(line).map_err(|error| wrong(path, &field, "an epoch", error))?;
        let (epoch, accuracy) = (record["epoch"].as_u64(), record["validation"]["accuracy"].as_f64());
        let (Some(epoch), Some(accuracy)) = (epoch, accuracy) else {
            return Err(wrong(path, &field, "an epoch with its validation accuracy", "another object").into());
        };
        epochs += 1;
        if best.is_none_or(|(highest, _)| accuracy > highest) {
            best = Some((accuracy, epoch));
        }
    }
    let object = json!({ "kind": "metrics", "file": path.display().to_string(), "epochs": epochs, "best": best });
    let best =
        best.map_or("none".to_owned(), |(accuracy, epoch)| format!("{:.2} % in epoch {epoch}", 100.0 * accuracy));
    Ok(Finding { object, text: format!("metrics of {epochs} epochs, best validation accuracy {best}") })
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut text = String::new();
    let read = file.take(LARGEST_TEXT + 1).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {}", path.display()))?;
    if text.len() as u64 > LARGEST_TEXT {
        return Err(wrong(path, "length", &format!("at most {LARGEST_TEXT} bytes"), "more").into());
    }
    Ok(text)
}

fn wrong(path: &Path, field: &str, expected: &str, found: impl std::fmt::Display) -> CommandError {
    CommandError::File {
        path: path.to_owned(),
        field: field.to_owned(),
        expected: expected.to_owned(),
        found: found.to_string(),
    }
}
