//! Text on the terminal: results on standard output, progress and warnings on standard error.

use std::io::{ErrorKind, IsTerminal, Write};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How much a command says, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// One JSON object a line on standard output instead of text.
    pub json: bool,
    /// Only results, warnings and errors.
    pub quiet: bool,
}

impl Output {
    /// Writes a line of text that is a result; nothing with `--json`.
    ///
    /// # Errors
    /// When standard output cannot be written; a closed pipe is no error.
    pub fn result(&self, text: impl AsRef<str>) -> anyhow::Result<()> {
        if self.json { Ok(()) } else { line(text.as_ref()) }
    }

    /// Writes a part of a text that is a result, without an end of line; nothing with `--json`.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn fragment(&self, text: impl AsRef<str>) -> anyhow::Result<()> {
        if self.json { Ok(()) } else { write(text.as_ref()) }
    }

    /// Writes a line of text about the course of the work; nothing with `--json` or `--quiet`.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn note(&self, text: impl AsRef<str>) -> anyhow::Result<()> {
        if self.quiet { Ok(()) } else { self.result(text) }
    }

    /// Writes one JSON object on a line of its own; nothing without `--json`.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn object(&self, value: &impl Serialize) -> anyhow::Result<()> {
        if !self.json {
            return Ok(());
        }
        line(&serde_json::to_string(value).context("cannot express a result as JSON")?)
    }

    /// Writes a warning to standard error.
    pub fn warning(&self, text: impl AsRef<str>) {
        // Standard error is the last resort: where it fails there is nowhere to report to.
        let _ = writeln!(std::io::stderr().lock(), "warning: {}", text.as_ref());
    }

    /// A progress bar on standard error, hidden when that is no terminal, with `--json` and with
    /// `--quiet`.
    pub fn progress(&self, length: u64, style: Progress) -> ProgressBar {
        let is_hidden = self.json || self.quiet || !std::io::stderr().is_terminal();
        let target = if is_hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let template = match style {
            Progress::Steps => "{prefix} [{bar:30}] {pos}/{len} {eta} {msg}",
            Progress::Bytes => "{prefix} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {msg}",
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style.progress_chars("=> ")),
            Err(_) => bar,
        }
    }
}

/// What a progress bar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Steps of equal size.
    Steps,
    /// Bytes of a transfer.
    Bytes,
}

fn line(text: &str) -> anyhow::Result<()> {
    write(&format!("{text}\n"))
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut stream = std::io::stdout().lock();
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to standard output"),
        _ => Ok(()),
    }
}
