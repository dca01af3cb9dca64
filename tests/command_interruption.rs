//! Signals, sudden death and a full disk: the checkpoint stays, and the run goes on from it.
#![cfg(unix)]

mod common;

use std::path::Path;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use common::{failed, model, run, sterna, succeeded, text};

/// A run that takes some seconds, so that a signal finds it at work.
const LONG: [&str; 9] =
    ["train", "digits", "--topology", "8x8-12C3-24C3-10", "--epochs", "24", "--batch", "8", "--no-plots"];

/// The model of the long run without an interruption.
static EXPECTED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    succeeded(&run(&[&LONG[..], &["--out", out.to_str().unwrap()]].concat()));
    model(&out)
});

fn begin(out: &Path) -> Child {
    common::spawn(&[&LONG[..], &["--out", out.to_str().unwrap()]].concat())
}

/// Waits until the run has finished an epoch.
fn wait_for_an_epoch(out: &Path, child: &mut Child) {
    let start = Instant::now();
    while !out.join("model.safetensors").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before its first epoch");
        assert!(start.elapsed() < Duration::from_secs(120), "no epoch within two minutes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

fn resume(out: &Path) {
    succeeded(&run(&["train", "--resume", "--no-plots", "--out", out.to_str().unwrap()]));
}

#[test]
fn signals_end_a_run_with_a_checkpoint() {
    for name in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let mut child = begin(&out);
        wait_for_an_epoch(&out, &mut child);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{name}: {}", text(&output.stderr));
        let standard_output = text(&output.stdout);
        assert!(standard_output.contains("sterna train --resume --out"), "{standard_output}");
        assert!(!out.join("summary.json").exists());
        resume(&out);
        assert!(model(&out) == *EXPECTED, "after SIG{name}");
        assert!(out.join("summary.json").exists());
    }
}

#[test]
fn sudden_death_leaves_a_readable_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut child = begin(&out);
    wait_for_an_epoch(&out, &mut child);
    for pause in [0, 170, 230] {
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = succeeded(&run(&["inspect", out.join("checkpoint.safetensors").to_str().unwrap()]));
        assert!(found.contains("of 24 epochs done"), "{found}");
        child = common::spawn(&["train", "--resume", "--no-plots", "--out", out.to_str().unwrap()]);
    }
    assert!(child.wait().unwrap().success());
    assert!(model(&out) == *EXPECTED);
    let leftover =
        std::fs::read_dir(&out).unwrap().flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(leftover.count(), 0, "temporary files stayed");
}

#[test]
fn death_before_the_first_epoch_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut child = begin(&out);
    while !out.join("config.toml").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended at once");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    resume(&out);
    assert!(model(&out) == *EXPECTED);
}

/// Stops the long run after some updates.
fn stopped(out: &Path) {
    let arguments = [&LONG[..], &["--stop-after-batches", "150", "--out", out.to_str().unwrap()]].concat();
    assert_eq!(run(&arguments).status.code(), Some(130));
}

#[test]
fn a_file_that_cannot_grow_is_an_error_with_nothing_lost() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    stopped(&out);
    let before = std::fs::read(out.join("checkpoint.safetensors")).unwrap();
    // Files of at most 4 blocks of 512 bytes; the signal that would end the process is ignored.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" train --resume --no-plots --out \"$1\"";
    let output = Command::new("sh").arg("-c").arg(script).arg(common::STERNA).arg(&out).output().unwrap();
    let message = failed(&output, 1, &[out.to_str().unwrap()]);
    assert!(message.contains(".safetensors") || message.contains("metrics.jsonl"), "no file is named: {message}");
    assert!(std::fs::read(out.join("checkpoint.safetensors")).unwrap() == before, "the checkpoint changed");
    resume(&out);
    assert!(model(&out) == *EXPECTED);
}

#[test]
fn a_full_disk_is_an_error_with_nothing_lost() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(&disk).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    }
    let _unmount = Unmount(&disk);
    let out = disk.join("run");
    stopped(&out);
    let before = std::fs::read(out.join("checkpoint.safetensors")).unwrap();
    let filler = disk.join("filler");
    // Fails when the disk is full, as it is meant to.
    let _ = std::fs::write(&filler, vec![1; 4 << 20]);
    let output = sterna().args(["train", "--resume", "--no-plots", "--out"]).arg(&out).output().unwrap();
    failed(&output, 1, &[out.to_str().unwrap(), "No space left on device"]);
    assert!(std::fs::read(out.join("checkpoint.safetensors")).unwrap() == before, "the checkpoint changed");
    std::fs::remove_file(&filler).unwrap();
    resume(&out);
    assert!(model(&out) == *EXPECTED);
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}
