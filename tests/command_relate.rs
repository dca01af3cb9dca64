//! `sterna relate` as a user types it.

mod common;

use std::path::Path;
use std::process::Output;

use common::{data_folder, failed, last_object, sterna, succeeded};
use serde_json::Value;

const SMALL: &str = r#"
[relation]
units = [20]
examples = 640
validation = 50
[training]
epochs = 2
[[variable]]
name = "a"
code = { kind = "circular", neurons = 20 }
hidden = [10]
[[variable]]
name = "b"
code = { kind = "circular", neurons = 20 }
hidden = [10]
[[variable]]
name = "c"
code = { kind = "circular", neurons = 20 }
hidden = [10]
value = "(a + b) % 1"
"#;

fn relate(folder: &Path, arguments: &[&str]) -> Output {
    sterna().current_dir(folder).args(["relate", "--json", "--threads", "2"]).args(arguments).output().unwrap()
}

fn last(output: &Output) -> Value {
    succeeded(output);
    last_object(output)
}

fn refused(output: &Output, code: i32, part: &str) {
    failed(output, code, &[part]);
}

#[test]
fn a_task_is_trained_tested_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("small.toml"), SMALL).unwrap();
    let arguments =
        ["small.toml", "--out", "run", "--test", "60", "--sizes", "5:10,8:10", "--gradients", "spike,float"];
    let report = last(&relate(folder.path(), &arguments));
    assert_eq!(report["directions"].as_array().unwrap().len(), 3);
    for direction in report["directions"].as_array().unwrap() {
        assert!(direction["rmse"].as_f64().unwrap() < 0.5);
        assert_eq!(direction["events"]["mismatched_counts"], 0);
        assert!(direction["events"]["synaptic_operations"].as_f64().unwrap() > 0.0);
    }
    let sizes = report["sizes"].as_array().unwrap();
    assert_eq!(sizes.len(), 4);
    assert_eq!((&sizes[1]["gradient"], &sizes[2]["hidden"]), (&Value::from("float"), &Value::from(8)));
    for name in ["learning_curves", "inferred", "raster", "error_by_neurons"] {
        assert!(folder.path().join(format!("run/plots/{name}.png")).is_file(), "{name}");
    }
    // The run folder's configuration is a complete task.
    let again = last(&relate(folder.path(), &["run/config.toml", "--out", "again", "--test", "60", "--no-plots"]));
    assert_eq!(again["directions"], report["directions"]);
    // Nothing is left to train, but everything can be told again.
    let told = last(&relate(folder.path(), &["--resume", "--out", "run", "--test", "60", "--no-plots"]));
    assert_eq!(told["directions"], report["directions"]);
}

#[test]
fn an_interrupted_run_goes_on_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("small.toml"), SMALL).unwrap();
    let whole = last(&relate(folder.path(), &["small.toml", "--out", "whole", "--test", "60", "--no-plots"]));
    let stopped = relate(folder.path(), &["small.toml", "--out", "part", "--stop-after-batches", "27"]);
    assert_eq!(stopped.status.code(), Some(130));
    let resumed = last(&relate(folder.path(), &["--resume", "--out", "part", "--test", "60", "--no-plots"]));
    assert_eq!(resumed["directions"], whole["directions"]);
    assert_eq!(resumed["task"], whole["task"]);
    let bytes = |name: &str| std::fs::read(folder.path().join(name).join("model.safetensors")).unwrap();
    assert!(bytes("part") == bytes("whole"));
}

#[test]
fn observations_are_fused_and_costed_on_a_chip() {
    let folder = tempfile::tempdir().unwrap();
    let task = r#"
        [relation]
        units = [16]
        present = "observations"
        examples = 640
        validation = 50
        max_spikes = 15
        [training]
        epochs = 2
        [[variable]]
        name = "s"
        code = { kind = "linear", neurons = 20, width = 0.15 }
        hidden = [10]
        [[variable]]
        name = "x"
        code = { kind = "gaussian", neurons = 20, width = 0.1 }
        hidden = [10]
        observes = { variable = "s", dropout = 0.3, noise = { kind = "shift", sigma = [0.05, 0.1] } }
        [[variable]]
        name = "y"
        code = { kind = "gaussian", neurons = 20, width = 0.1 }
        hidden = [10]
        observes = { variable = "s", dropout = 0.3, noise = { kind = "shift", sigma = [0.05, 0.1] } }
    "#;
    std::fs::write(folder.path().join("fusion.toml"), task).unwrap();
    let arguments = ["fusion.toml", "--out", "run", "--test", "100", "--hardware", "adc7-a"];
    let report = last(&relate(folder.path(), &arguments));
    let fusion = &report["fusion"];
    assert!(fusion["best_rmse"].as_f64().unwrap() <= fusion["rmse"].as_f64().unwrap());
    assert_eq!(fusion["sensors"].as_array().unwrap().len(), 2);
    assert_eq!(fusion["events"]["mismatched_counts"], 0);
    assert!(report["chip"]["cost"]["energy_pj"].as_f64().unwrap() > 0.0);
    assert!(folder.path().join("run/chip-adc7-a/report.md").is_file());
    assert!(folder.path().join("run/plots/cue_weights.png").is_file());
    let wide = folder.path().join("wide.toml");
    std::fs::write(&wide, task.replace("max_spikes = 15", "max_spikes = 100")).unwrap();
    let arguments = ["wide.toml", "--out", "wide", "--test", "20", "--no-plots", "--hardware", "adc7-a"];
    refused(&relate(folder.path(), &arguments), 1, "--max-spikes 15");
}

#[test]
fn bad_usage_names_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    refused(&relate(here, &["subtract"]), 2, "digits-add");
    refused(&relate(here, &["missing.toml"]), 1, "missing.toml");
    refused(&relate(here, &["add", "--sizes", "5"]), 2, "HIDDEN:UNITS");
    refused(&relate(here, &["add", "--max-spikes", "0"]), 2, "1..=127");
    refused(&relate(here, &["--resume", "--out", "nowhere"]), 1, "config.toml");
    std::fs::write(here.join("wrong.toml"), SMALL.replace("(a + b) % 1", "(a + q) % 1")).unwrap();
    refused(&relate(here, &["wrong.toml"]), 1, "'q'");
    std::fs::write(here.join("cut.toml"), &SMALL[..SMALL.len() / 2]).unwrap();
    refused(&relate(here, &["cut.toml"]), 1, "cut.toml");
    std::fs::write(here.join("small.toml"), SMALL).unwrap();
    last(&relate(here, &["small.toml", "--out", "run", "--epochs", "1", "--test", "10", "--no-plots"]));
    refused(&relate(here, &["small.toml", "--out", "run"]), 1, "--overwrite");
    refused(&relate(here, &["--resume", "--out", "run", "--alpha", "3"]), 2, "only --epochs");
    let printed = relate(here, &["fusion", "--print-config"]);
    assert!(last(&printed)["variable"].as_array().unwrap().len() == 4);
}

#[test]
fn images_are_inferred_as_images() {
    let Some(data) = data_folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = data.display().to_string();
    let arguments =
        ["xor", "--data-dir", &data, "--out", "run", "--epochs", "3", "--learning-rate", "0.005", "--test", "200"];
    let report = last(&relate(folder.path(), &arguments));
    for direction in report["directions"].as_array().unwrap() {
        assert!(direction["accuracy_of_classifier_on_data"].as_f64().unwrap() > 0.99, "{direction}");
        assert!(direction["accuracy_nearest_mean"].as_f64().unwrap() > 0.4, "{direction}");
    }
    assert!(folder.path().join("run/plots/inferred_c.png").is_file());
}
