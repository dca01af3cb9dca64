//! `sterna eval`, `simulate` and `inspect` on a trained model.

mod common;

use std::path::{Path, PathBuf};

use common::{data_folder, last_object, run, sterna, succeeded};
use serde_json::Value;
use tempfile::TempDir;

fn trained(more: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let flags = ["train", "digits", "--topology", "8x8-6C3-P2-12C3-20-10", "--epochs", "1", "--no-plots", "--out"];
    succeeded(&run(&[&flags[..], &[out.to_str().unwrap()], more].concat()));
    (folder, out)
}

fn eval(out: &Path, more: &[&str]) -> Value {
    let output = run(&[&["eval", out.to_str().unwrap(), "--json"], more].concat());
    succeeded(&output);
    last_object(&output)
}

#[test]
fn events_equal_the_integer_pass_on_every_digit() {
    for weights in ["i8", "i16"] {
        let (_folder, out) = trained(&["--weights", weights]);
        let plain = eval(&out, &[]);
        for order in ["fifo", "random", "input-time"] {
            let report = eval(&out, &["--engine", "events", "--order", order, "--seed", "3"]);
            assert_eq!(report["images"], 599, "all test images");
            assert_eq!(report["mismatched_counts"], 0, "{weights} {order}");
            assert_eq!(report["mismatched_gates"], 0, "{weights} {order}");
            assert_eq!(report["mismatched_predictions"], 0, "{weights} {order}");
            assert_eq!(report["event_accuracy"], plain["accuracy"]);
            assert_eq!(report["neurobench"], plain["neurobench"]);
            assert!(report["events"].as_u64() > Some(599));
            assert!(report["events_per_second"].as_f64() > Some(0.0));
            assert!(report["synaptic_operations_per_second"].as_f64() > report["events_per_second"].as_f64());
            assert!(report["redundant_spike_ratio"].as_f64() >= Some(0.0));
        }
    }
}

#[test]
fn evaluation_agrees_with_the_summary_of_the_run() {
    let (_folder, out) = trained(&[]);
    let summary: Value = serde_json::from_slice(&std::fs::read(out.join("summary.json")).unwrap()).unwrap();
    let test = eval(&out, &[]);
    assert_eq!(test["accuracy"], summary["test_accuracy"]);
    assert_eq!(eval(&out, &["--split", "validation"])["accuracy"], summary["validation_accuracy"]);
    let confusion: Vec<Vec<u64>> = serde_json::from_value(test["confusion"].clone()).unwrap();
    assert_eq!(confusion.iter().flatten().sum::<u64>(), 599);
    let right: u64 = (0..10).map(|class| confusion[class][class]).sum();
    assert_eq!(test["accuracy"].as_f64(), Some(right as f64 / 599.0));
    assert_eq!(test["neurobench"]["ParameterCount"], summary["parameters"]);
    let limited = eval(&out, &["--limit", "20", "--threads", "3"]);
    assert_eq!(limited["images"], 20);
    assert!(eval(&out, &["--threads", "1"])["loss"] == test["loss"], "threads change nothing");
}

#[test]
fn plots_of_an_evaluation() {
    let (folder, out) = trained(&[]);
    let plots = folder.path().join("plots");
    eval(&out, &["--plots", plots.to_str().unwrap()]);
    assert!(std::fs::read(plots.join("confusion_matrix.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn one_example_event_by_event() {
    let (folder, out) = trained(&[]);
    let trace = folder.path().join("trace");
    for input in ["graded", "unit"] {
        let flags = ["--sample", "5", "--json", "--input", input, "--out", trace.to_str().unwrap()];
        let output = run(&[&["simulate", out.to_str().unwrap()], &flags[..]].concat());
        succeeded(&output);
        let report = last_object(&output);
        let spikes: u64 = report["populations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|population| population["spikes"].as_u64().unwrap())
            .sum();
        let csv = std::fs::read_to_string(trace.join("spikes.csv")).unwrap();
        let traced: u64 = csv
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(7).unwrap().parse::<i64>().unwrap().unsigned_abs())
            .sum();
        assert_eq!(traced, spikes, "every spike is in the trace");
        assert_eq!(report["logits"].as_array().unwrap().len(), 10);
        for plot in ["raster.png", "membrane.png"] {
            assert!(std::fs::read(trace.join(plot)).unwrap().starts_with(b"\x89PNG"), "{plot}");
        }
    }
    let found = succeeded(&run(&["inspect", trace.join("spikes.csv").to_str().unwrap()]));
    assert!(found.contains("spike trace") && found.contains("convolution1"), "{found}");
}

#[test]
fn every_file_of_a_run_is_known() {
    let (_folder, out) = trained(&[]);
    for (file, kind) in [
        ("", "run folder"),
        ("model.safetensors", "model"),
        ("checkpoint.safetensors", "checkpoint"),
        ("config.toml", "configuration"),
        ("metrics.jsonl", "metrics"),
        ("summary.json", "summary"),
    ] {
        let path = if file.is_empty() { out.clone() } else { out.join(file) };
        let output = run(&["inspect", path.to_str().unwrap(), "--json"]);
        succeeded(&output);
        assert_eq!(last_object(&output)["kind"], kind, "{file}");
        assert!(!succeeded(&run(&["inspect", path.to_str().unwrap()])).is_empty());
    }
    let output = run(&["inspect", out.join("model.safetensors").to_str().unwrap(), "--json"]);
    let model = last_object(&output);
    assert_eq!((&model["format"], &model["weights"]), (&1.into(), &"i8".into()));
    assert_eq!(model["populations"][0]["shape"], "[1, 8, 8]");
}

#[test]
fn every_command_has_help_with_examples() {
    for command in [&["train"][..], &["eval"], &["simulate"], &["inspect"], &["data"], &["data", "fetch"]] {
        let help = succeeded(&run(&[command, &["--help"]].concat()));
        assert!(help.contains("Examples:") && help.contains("--json") && help.contains("--threads"), "{help}");
    }
    assert!(succeeded(&run(&["data", "list", "--json"])).lines().count() >= 4);
    assert!(succeeded(&run(&["data", "verify", "digits"])).contains("always valid"));
}

#[test]
fn mnist_event_by_event() {
    let Some(data) = data_folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let path = out.to_str().unwrap();
    let train =
        ["train", "mnist", "--topology", "28x28-6C5-P2-10C5-P2-10", "--padding", "valid", "--validation", "59000"];
    let output = sterna()
        .args(train)
        .args(["--input-gain", "4", "--learning-rate", "0.05", "--warm-up-epochs", "0", "--batch", "32"])
        .args(["--epochs", "1", "--no-plots", "--json", "--augment", "none", "--out", path])
        .env("STERNA_DATA", &data)
        .output()
        .unwrap();
    succeeded(&output);
    assert!(last_object(&output)["test_accuracy"].as_f64() > Some(0.3));
    let arguments = ["eval", path, "--engine", "events", "--limit", "300", "--json"];
    let output = sterna().args(arguments).env("STERNA_DATA", &data).output().unwrap();
    succeeded(&output);
    let report = last_object(&output);
    assert_eq!((&report["images"], &report["mismatched_counts"]), (&300.into(), &0.into()));
    assert_eq!(report["mismatched_predictions"], 0);
}
