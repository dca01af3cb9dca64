//! `sterna compile --retrain`: hardware-aware training from the command line.

mod common;

use std::path::{Path, PathBuf};

use common::{failed, last_object, run, small, succeeded};
use compiler::program::{LAYOUT_FILE, TENSOR_FILE};
use tempfile::TempDir;

fn trained() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    succeeded(&small(&out, &["--max-spikes", "15", "--epochs", "20"]));
    (folder, out)
}

fn compile(model: &Path, out: &Path, more: &[&str]) -> std::process::Output {
    let (model, out) = (model.to_str().unwrap(), out.to_str().unwrap());
    run(&[&["compile", model, "--hardware", "hcim-b-ternary", "--out", out], more].concat())
}

fn accuracy(compiled: &Path) -> f64 {
    let output = run(&["hardware", "eval", compiled.to_str().unwrap(), "--data", "digits", "--json"]);
    succeeded(&output);
    last_object(&output)["accuracy"].as_f64().unwrap()
}

#[test]
fn an_interrupted_retraining_ends_as_the_whole_one() {
    let (folder, model) = trained();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    succeeded(&compile(&model, &whole, &["--retrain", "3"]));
    for resume in [&[][..], &["--resume"], &["--resume"]] {
        let stopped = compile(&model, &parts, &[&["--retrain", "3", "--stop-after-batches", "9"], resume].concat());
        assert_eq!(stopped.status.code(), Some(130), "{}", String::from_utf8_lossy(&stopped.stderr));
        assert!(!parts.join(LAYOUT_FILE).exists(), "nothing is compiled before the end");
    }
    succeeded(&compile(&model, &parts, &["--retrain", "3", "--resume", "--threads", "1"]));
    for name in [LAYOUT_FILE, TENSOR_FILE] {
        assert!(std::fs::read(whole.join(name)).unwrap() == std::fs::read(parts.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn retraining_lifts_the_accuracy_on_the_chip() {
    let (folder, model) = trained();
    let (calibrated, retrained) = (folder.path().join("calibrated"), folder.path().join("retrained"));
    succeeded(&compile(&model, &calibrated, &["--calibrate-on", "300"]));
    let output = compile(&model, &retrained, &["--retrain", "12", "--json"]);
    succeeded(&output);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("\"is_candidate\"")).count(), 12);
    let (before, after) = (accuracy(&calibrated), accuracy(&retrained));
    assert!(after > before + 0.02, "{before} before, {after} after");
}

#[test]
fn epochs_take_some_samples_and_know_weights_alone_first() {
    let (folder, model) = trained();
    let out = folder.path().join("out");
    let with = |samples, more: &[&str]| {
        let flags = ["--retrain", "4", "--weight-epochs", "2", "--retrain-on", samples, "--json"];
        compile(&model, &out, &[&flags[..], more].concat())
    };
    assert_eq!(with("200", &["--stop-after-batches", "3"]).status.code(), Some(130));
    failed(&with("300", &["--resume"]), 1, &["substrate", "number of samples"]);
    let text = succeeded(&with("200", &["--resume"]));
    let epochs = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let stages: Vec<String> = epochs.filter_map(|epoch| Some(epoch["stage"].as_str()?.to_owned())).collect();
    assert_eq!(stages, ["weights", "weights", "sums", "scale-factors"]);
    assert!(accuracy(&out) > 0.5);
}

#[test]
fn wrong_usage_is_refused() {
    let (folder, model) = trained();
    let out = folder.path().join("out");
    failed(&compile(&model, &out, &["--retrain", "0"]), 2, &["--retrain", "0"]);
    failed(&compile(&model, &out, &["--resume"]), 2, &["--retrain"]);
    failed(&compile(&model, &out, &["--retrain", "2", "--retrain-on", "0"]), 2, &["--retrain-on", "0"]);
    failed(&compile(&model, &out, &["--weight-epochs", "2"]), 2, &["--retrain"]);
    failed(&compile(&model, &out, &["--retrain", "2", "--calibrate-on", "9"]), 2, &["--calibrate-on"]);
    failed(&compile(&model, &out, &["--retrain", "2", "--learning-rate", "-1"]), 2, &["learning-rate", "-1"]);
    let bare = folder.path().join("bare.safetensors");
    std::fs::copy(model.join("model.safetensors"), &bare).unwrap();
    failed(&compile(&bare, &out, &["--retrain", "2"]), 2, &["--retrain-data"]);
}
