//! `sterna hardware sweep` on a trained model.

mod common;

use std::path::{Path, PathBuf};

use common::{run, succeeded};
use serde_json::Value;
use tempfile::TempDir;

fn trained() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    succeeded(&run(&[
        "train",
        "digits",
        "--topology",
        "8x8-6C3-P2-20-10",
        "--max-spikes",
        "15",
        "--epochs",
        "20",
        "--no-plots",
        "--out",
        out.to_str().unwrap(),
    ]));
    (folder, out)
}

fn sweep(model: &Path, out: &Path, more: &[&str]) -> std::process::Output {
    let flags = ["hardware", "sweep", model.to_str().unwrap(), "--out", out.to_str().unwrap(), "--json"];
    run(&[&flags[..], more].concat())
}

fn rows(output: &std::process::Output) -> Vec<Value> {
    succeeded(output);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn chips_side_by_side_and_one_key_varied() {
    let (folder, model) = trained();
    let out = folder.path().join("sweep");
    let chips = rows(&sweep(&model, &out, &["--hardware", "ideal,hcim-a-ternary,adc7-a"]));
    let value = |row: &Value, key: &str| row[key].as_f64().unwrap();
    assert_eq!(chips.len(), 3);
    assert_eq!(value(&chips[0], "energy_pj"), 0.0, "ideal has no constants");
    assert!(value(&chips[0], "accuracy") > 0.7);
    assert!(
        value(&chips[2], "energy_pj") > 2.0 * value(&chips[1], "energy_pj"),
        "converters cost more than comparators"
    );
    assert!(value(&chips[0], "accumulate_only_pj") > 0.0);
    for name in
        ["ideal/report.md", "hcim-a-ternary/report.json", "hcim-a-ternary/breakdown.png", "adc7-a/floor_plan.png"]
    {
        assert!(out.join(name).metadata().unwrap().len() > 200, "{name}");
    }
    for name in ["sweep.json", "sweep.md", "energy_accuracy.png"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    let told = "not in energy_accuracy.png, no cost constants: ideal\n";
    assert!(std::fs::read_to_string(out.join("sweep.md")).unwrap().ends_with(told));
    let alone = folder.path().join("alone");
    let text = succeeded(&run(&[
        "hardware",
        "sweep",
        model.to_str().unwrap(),
        "--hardware",
        "ideal",
        "--limit",
        "20",
        "--out",
        alone.to_str().unwrap(),
    ]));
    assert!(text.ends_with(told), "{text}");
    assert!(!alone.join("energy_accuracy.png").exists());
    let bits = folder.path().join("bits");
    let varied =
        rows(&sweep(&model, &bits, &["--hardware", "adc7-a", "--vary", "quantiser.bits=3,8", "--limit", "200"]));
    assert_eq!(varied.len(), 2);
    assert_eq!(varied[0]["images"], 200);
    assert!(value(&varied[1], "energy_pj") > value(&varied[0], "energy_pj"), "bits cost energy");
    assert!(value(&varied[1], "accuracy") >= value(&varied[0], "accuracy"), "bits keep accuracy");
}

#[test]
fn wrong_flags_and_keys_are_refused() {
    let (folder, model) = trained();
    let out = folder.path().join("sweep");
    let refused = |more: &[&str], code: i32, words: &str| {
        let output = sweep(&model, &out, more);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{more:?}: {text}");
        assert!(text.contains(words), "{more:?}: {text}");
    };
    refused(&["--hardware", "nothing"], 2, "hcim-a-ternary");
    refused(&["--hardware", "ideal,ideal"], 2, "different names");
    refused(&["--hardware", "ideal", "--vary", "quantiser"], 2, "KEY=VALUE");
    refused(&["--hardware", "ideal", "--vary", "nowhere.bits=3"], 2, "'nowhere.bits'");
    refused(&["--hardware", "adc7-a", "--vary", "quantiser.bits=40"], 1, "quantiser.bits");
    refused(&["--hardware", "adc7-a", "--vary", "quantiser.colour=1"], 1, "colour");
    refused(&[], 2, "--hardware");
}
