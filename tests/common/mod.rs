//! The command under test and small runs of it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use assert_cmd::Command;
use serde_json::Value;

/// Path of the command.
pub const STERNA: &str = env!("CARGO_BIN_EXE_sterna");

/// Flags of a run that takes well under a second, on the embedded digits.
pub const SMALL: [&str; 19] = [
    "train",
    "digits",
    "--topology",
    "64-24-10",
    "--input-gain",
    "4",
    "--epochs",
    "4",
    "--batch",
    "32",
    "--learning-rate",
    "0.05",
    "--warm-up-epochs",
    "0",
    "--validation",
    "299",
    "--augment",
    "none",
    "--no-plots",
];

/// The command without what the environment of the tests may set.
pub fn sterna() -> Command {
    let mut command = Command::new(STERNA);
    command.env_remove("STERNA_ISA").env_remove("STERNA_DATA");
    command
}

/// Runs the command to its end.
pub fn run(arguments: &[&str]) -> Output {
    sterna().args(arguments).output().expect("the command starts")
}

/// Runs the small run into `out` with more flags.
pub fn small(out: &Path, more: &[&str]) -> Output {
    sterna().args(SMALL).arg("--out").arg(out).args(more).output().expect("the command starts")
}

/// Standard output as text, after an exit with code 0.
pub fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Standard error of a run that must end with `code`, with one line that begins with `error: `
/// and holds each of `parts`.
pub fn failed(output: &Output, code: i32, parts: &[&str]) -> String {
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(message.lines().any(|line| line.starts_with("error: ")), "no error line: {message}");
    assert!(!message.contains("panicked"), "{message}");
    for part in parts {
        assert!(message.contains(part), "'{part}' is not in: {message}");
    }
    message
}

/// The last line of standard output as JSON.
pub fn last_object(output: &Output) -> Value {
    let text = text(&output.stdout);
    let line = text.lines().last().unwrap_or_else(|| panic!("no output; {}", self::text(&output.stderr)));
    serde_json::from_str(line).expect("a JSON object")
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes of the model of a run.
pub fn model(out: &Path) -> Vec<u8> {
    std::fs::read(out.join("model.safetensors")).expect("a model")
}

/// Bytes of the model of the small run with more flags, uninterrupted.
pub fn reference(more: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    succeeded(&small(&out, more));
    model(&out)
}

/// The data folder of the tests that need real files; says so when there is none.
pub fn data_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("STERNA_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: STERNA_DATA names no data folder");
    }
    folder
}

/// Starts the command without waiting for it.
pub fn spawn(arguments: &[&str]) -> std::process::Child {
    std::process::Command::new(STERNA)
        .args(arguments)
        .env_remove("STERNA_ISA")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts")
}
