//! `sterna learn`: runs of the delta rule and of spiking networks, and what becomes of interrupted ones.

mod common;

use std::path::Path;

use common::{data_folder, failed, last_object, run, sterna, succeeded, text};
use serde_json::Value;

/// Three classes of points that lines part.
fn table(folder: &Path) -> String {
    let mut lines = String::from("height,width,kind\n");
    for index in 0..60 {
        let (kind, shift) = (["low", "middle", "high"][index % 3], (index % 3) as f64 * 2.0);
        let (x, y) = ((index * 7 % 13) as f64 / 13.0, (index * 5 % 11) as f64 / 11.0);
        lines += &format!("{},{},{kind}\n", x + shift, y - shift);
    }
    let path = folder.join("points.csv");
    std::fs::write(&path, lines).unwrap();
    path.to_str().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn object(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

#[test]
fn a_table_is_learned_and_all_files_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (table(folder.path()), folder.path().join("run"));
    let arguments = ["learn", &data, "--device", "mosfet", "--epochs", "60", "--seeds", "2", "--seed", "3", "--out"];
    let output = run(&[&arguments[..], &[out.to_str().unwrap(), "--json"]].concat());
    let summary = last_object(&output);
    assert_eq!(summary, object(&out.join("summary.json")));
    assert_eq!((&summary["device"], &summary["seeds"]), (&"mosfet".into(), &2.into()));
    for network in [&summary["float"], &summary["devices"][0]] {
        assert_eq!(network["test_accuracies"].as_array().unwrap().len(), 2);
        assert!(network["mean"].as_f64().unwrap() > 0.9, "{summary}");
    }
    assert!(summary["devices"][0]["pulses"].as_f64().unwrap() > 0.0 && summary["float"].get("pulses").is_none());
    let lines: Vec<Value> =
        read(&out.join("metrics.jsonl")).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let kinds: Vec<_> =
        lines.iter().map(|one| (one["network"].as_str().unwrap(), one["seed"].as_u64().unwrap())).collect();
    assert_eq!(kinds, [("float", 3), ("float", 4), ("device", 3), ("device", 4)]);
    assert!(lines.iter().all(|one| one["epochs"].as_array().unwrap().len() == 60));
    for plot in ["learning_curves.png", "device_states.png"] {
        assert!(image::open(out.join("plots").join(plot)).unwrap().width() > 0);
    }
    // The configuration says all of it: as a run of its own it gives the same.
    assert!(read(&out.join("config.toml")).contains("name = \"mosfet\""));
    failed(&run(&[&arguments[..], &[out.to_str().unwrap()]].concat()), 1, &["--resume", "--overwrite"]);
}

#[test]
fn iris_is_learned() {
    let Some(data) = data_folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = sterna()
        .args(["learn", "iris", "--epochs", "100", "--no-plots", "--out", out.to_str().unwrap(), "--data-dir"])
        .arg(data)
        .output()
        .unwrap();
    assert!(succeeded(&output).contains("iris on ideal"), "{}", text(&output.stdout));
    let summary = object(&out.join("summary.json"));
    assert!(summary["devices"][0]["mean"].as_f64().unwrap() > 0.9, "{summary}");
    assert!(!out.join("plots").exists());
}

#[test]
fn a_sweep_trains_for_each_value() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (table(folder.path()), folder.path().join("run"));
    let arguments = ["learn", &data, "--device", "domain-wall", "--sweep", "levels=2,64", "--epochs", "40", "--out"];
    let summary = last_object(&run(&[&arguments[..], &[out.to_str().unwrap(), "--json"]].concat()));
    let values: Vec<f64> =
        summary["devices"].as_array().unwrap().iter().map(|d| d["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [2.0, 64.0]);
    let mean = |index: usize| summary["devices"][index]["mean"].as_f64().unwrap();
    assert!(mean(1) > 0.9 && mean(1) >= mean(0), "{summary}");
    assert!(out.join("plots").join("accuracy_against_levels.png").is_file());
    let lines = read(&out.join("metrics.jsonl"));
    assert_eq!(lines.lines().count(), 3);
}

/// Arguments of a run with noise, two arrays and a sweep; 5 slices of an epoch each.
fn noisy(data: &str) -> Vec<String> {
    let flags = "--device ecram --read-noise 0.01 --sense-offset 0.01 --tiki-taka 2:0.1 --rule trains:15 --epochs 4 \
                 --sweep asymmetry=0,0.2 --seeds 2 --no-plots --out";
    let all = ["learn", data].into_iter().chain(flags.split_whitespace());
    all.map(str::to_owned).collect()
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = "digits";
    let whole = folder.path().join("whole");
    let sterna_in = |out: &Path, more: &[&str]| sterna().args(noisy(data)).arg(out).args(more).output().unwrap();
    succeeded(&sterna_in(&whole, &[]));
    for stop in ["1", "9", "30"] {
        let out = folder.path().join(format!("stopped-{stop}"));
        let stopped = sterna_in(&out, &["--stop-after-batches", stop]);
        assert_eq!(stopped.status.code(), Some(130), "{}", text(&stopped.stderr));
        let expected = format!("continue with: sterna learn --resume --out {}", out.display());
        assert!(text(&stopped.stdout).contains(&expected), "{}", text(&stopped.stdout));
        let path = out.to_str().unwrap();
        succeeded(&run(&["learn", "--resume", "--no-plots", "--out", path]));
        assert_eq!(read(&out.join("metrics.jsonl")), read(&whole.join("metrics.jsonl")), "after {stop}");
        let summary = |out: &Path| {
            let mut summary = object(&out.join("summary.json"));
            summary["out"].take();
            summary
        };
        assert_eq!(summary(&out), summary(&whole));
        // A finished run is left as it is.
        succeeded(&run(&["learn", "--resume", "--no-plots", "--out", path]));
        assert_eq!(read(&out.join("metrics.jsonl")), read(&whole.join("metrics.jsonl")));
    }
}

/// Arguments of a small spiking run on devices with noise.
fn spiking(out: &Path, more: &[&str]) -> std::process::Output {
    let flags = "learn digits --topology 64-16-10 --device reram-es --rule rounded --read-noise 0.01 --epochs 2 --batch 64 \
                 --no-plots --quiet --out";
    sterna().args(flags.split_whitespace()).arg(out).args(more).output().unwrap()
}

/// What a run of `sterna train` wrote, without clocks and paths.
fn results(out: &Path) -> (Vec<u8>, Vec<Value>, Value) {
    let mut metrics: Vec<Value> =
        read(&out.join("metrics.jsonl")).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let timed = ["train_seconds", "validation_seconds", "timed_examples", "samples_per_second"];
    metrics.iter_mut().flat_map(|one| timed.map(|name| one.as_object_mut().unwrap().remove(name))).for_each(drop);
    let mut summary = object(&out.join("summary.json"));
    let fields = summary.as_object_mut().unwrap();
    let timed = ["train_seconds", "samples_per_second", "model", "out"];
    timed.iter().for_each(|name| drop(fields.remove(*name)));
    if let Some(training) = fields.get_mut("training").and_then(Value::as_object_mut) {
        timed.iter().for_each(|name| drop(training.remove(*name)));
    }
    (common::model(out), metrics, summary)
}

#[test]
fn a_resumed_spiking_run_equals_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    succeeded(&spiking(&whole, &[]));
    let out = folder.path().join("stopped");
    let command = format!("continue with: sterna learn --resume --out {}", out.display());
    let stopped = spiking(&out, &["--stop-after-batches", "5"]);
    assert_eq!(stopped.status.code(), Some(130), "{}", text(&stopped.stderr));
    assert!(text(&stopped.stdout).lines().any(|line| line.ends_with(&command)), "{}", text(&stopped.stdout));
    // The rest of the chip's epochs, then some updates of the integer network.
    let resume = ["learn", "--resume", "--no-plots", "--quiet", "--out", out.to_str().unwrap()];
    let again = run(&[&resume[..], &["--stop-after-batches", "30"]].concat());
    assert_eq!(again.status.code(), Some(130), "{}", text(&again.stderr));
    assert!(out.join("integer").is_dir());
    assert!(text(&again.stdout).lines().any(|line| line.ends_with(&command)), "{}", text(&again.stdout));
    succeeded(&run(&resume));
    for part in ["", "integer", "float"] {
        let (found, expected) = (results(&out.join(part)), results(&whole.join(part)));
        assert!(found.0 == expected.0, "model of '{part}'");
        assert_eq!((found.1, found.2), (expected.1, expected.2), "'{part}'");
    }
    let (chip, integer) = (results(&whole), results(&whole.join("integer")));
    assert!(chip.0 != integer.0);
    assert_eq!(chip.1[1]["histograms"].as_object().unwrap().len(), 2);
    assert!(chip.1[1]["figures"].as_object().unwrap().keys().any(|name| name.ends_with(".pulses")));
    // The model is an ordinary one, and the configuration beside it is read.
    for arguments in [&["eval"][..], &["inspect"], &["simulate", "--sample", "0"]] {
        let output = sterna().args(arguments).arg(&whole).output().unwrap();
        succeeded(&output);
    }
}

#[test]
fn the_test_of_a_spiking_run_is_read_with_noise() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    succeeded(&spiking(&out, &["--read-noise", "1.5"]));
    let noisy = object(&out.join("summary.json"))["training"]["test_loss"].as_f64().unwrap();
    let eval = |more: &[&str]| last_object(&run(&[&["eval", out.to_str().unwrap(), "--json"], more].concat()));
    let (on_chip, exact) = (eval(&[]), eval(&["--exact"]));
    assert_eq!((&on_chip["reads"], on_chip["loss"].as_f64()), (&"chip".into(), Some(noisy)));
    assert_eq!(exact["reads"], "exact");
    let exact = exact["loss"].as_f64().unwrap();
    assert!((noisy - exact).abs() > 1e-3, "{noisy} {exact}");
    // Event by event the network is exact.
    let events = eval(&["--engine", "events", "--limit", "5"]);
    assert_eq!((&events["reads"], &events["mismatched_counts"]), (&"exact".into(), &0.into()));
    assert!(succeeded(&run(&["eval", out.to_str().unwrap()])).contains("--exact"));
}

#[test]
fn the_last_object_is_that_of_the_network_on_devices() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let flags = "learn digits --topology 64-12-10 --device mosfet --epochs 3 --batch 8 --learning-rate 0.05 --input-converter 4 \
                 --output-converter 8:40 --error-input-converter 6 --error-output-converter 8:60 --error-noise 0.01 --json --out";
    let summary = last_object(&sterna().args(flags.split_whitespace()).arg(&out).output().unwrap());
    assert_eq!(summary, object(&out.join("summary.json")));
    assert_eq!((&summary["kind"], &summary["device"]), (&"spiking".into(), &"mosfet".into()));
    let devices = &summary["devices"][0];
    assert_eq!(devices["test_accuracies"][0], summary["test_accuracy"]);
    assert_eq!(summary["test_accuracy"], summary["training"]["test_accuracy"]);
    for figure in ["pulses", "energy_j", "time_s"] {
        assert!(devices[figure].as_f64().unwrap() > 0.0, "{figure}: {summary}");
    }
    for other in ["integer", "float"] {
        assert!(summary[other]["mean"].as_f64().unwrap() > 0.25, "{summary}");
        assert!(summary[other].get("pulses").is_none());
    }
    let last: Value = serde_json::from_str(read(&out.join("metrics.jsonl")).lines().last().unwrap()).unwrap();
    for name in ["dense1", "readout"] {
        let histogram = &last["histograms"][name];
        assert_eq!(histogram["quantity"], "conductance");
        let devices: u64 = histogram["devices"].as_array().unwrap().iter().map(|bar| bar.as_u64().unwrap()).sum();
        assert_eq!(devices, if name == "dense1" { 64 * 12 } else { 12 * 10 });
        assert!(image::open(out.join("plots").join(format!("device_states_{name}.png"))).unwrap().width() > 0);
    }
    assert!(out.join("plots").join("beside_others.png").is_file());
    let text = succeeded(&run(&["inspect", out.to_str().unwrap()]));
    assert!(text.contains("kind: \"spiking\""), "{text}");
}

#[test]
fn a_spiking_sweep_trains_for_each_value_and_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let flags = "learn digits --topology 64-12-10 --device ideal --rule rounded --epochs 2 --batch 8 --learning-rate 0.1 --quiet \
                 --sweep levels=4,512 --out";
    let sweep =
        |out: &Path, more: &[&str]| sterna().args(flags.split_whitespace()).arg(out).args(more).output().unwrap();
    let (whole, out) = (folder.path().join("whole"), folder.path().join("stopped"));
    let summary = last_object(&sweep(&whole, &["--json"]));
    assert_eq!(summary, object(&whole.join("summary.json")));
    let values: Vec<_> = summary["devices"].as_array().unwrap().iter().map(|d| d["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [4.0, 512.0]);
    assert!(summary["devices"][1]["mean"].as_f64() > summary["devices"][0]["mean"].as_f64(), "{summary}");
    assert!(summary["test_accuracy"].is_null() && whole.join("plots").join("accuracy_against_levels.png").is_file());
    assert!(whole.join("levels-4").join("plots").join("device_states_readout.png").is_file());
    let stopped = sweep(&out, &["--no-plots", "--stop-after-batches", "30"]);
    assert_eq!(stopped.status.code(), Some(130), "{}", text(&stopped.stderr));
    succeeded(&run(&["learn", "--resume", "--no-plots", "--quiet", "--out", out.to_str().unwrap()]));
    for part in ["levels-4", "levels-512", "integer", "float"] {
        let (found, expected) = (results(&out.join(part)), results(&whole.join(part)));
        assert!(found == expected, "{part}");
    }
    // A sweep is several runs.
    let configuration = whole.join("config.toml");
    failed(&run(&["train", configuration.to_str().unwrap()]), 1, &["sweep", "sterna learn"]);
}

#[test]
fn wrong_flags_are_named() {
    let cases: [(&[&str], &[&str]); 21] = [
        (&["learn"], &["DATA"]),
        (&["learn", "iris", "--rule", "trains:64"], &["--rule", "64"]),
        (&["learn", "iris", "--rule", "some"], &["--rule", "some"]),
        (&["learn", "iris", "--tiki-taka", "0:0.1"], &["--tiki-taka", "0:0.1"]),
        (&["learn", "iris", "--tiki-taka", "1:0.1:2:3"], &["--tiki-taka"]),
        (&["learn", "iris", "--sweep", "levels=2.5"], &["--sweep", "2.5"]),
        (&["learn", "iris", "--sweep", "colour=1"], &["--sweep", "colour"]),
        (&["learn", "iris", "--sweep", "levels=4,8,4"], &["--sweep", "found 4 twice"]),
        (&["learn", "iris", "--levels", "1"], &["--levels"]),
        (&["learn", "iris", "--gain", "0"], &["--gain"]),
        (&["learn", "iris", "--read-noise=-0.1"], &["read.noise.sigma", "-0.1"]),
        (&["learn", "iris", "--asymmetry", "7"], &["asymmetry", "7"]),
        (&["learn", "iris", "--sweep", "device-spread=-1"], &["device_spread", "-1"]),
        (&["learn", "iris", "--device", "unknown"], &["'unknown'", "gokmen-vlasov"]),
        (&["learn", "digits", "--topology", "64-10", "--sweep", "cycle-spread=-1"], &["cycle_spread", "-1"]),
        (&["learn", "iris", "--input-converter", "x"], &["--input-converter", "x"]),
        (&["learn", "iris", "--input-converter", "25"], &["read.input_converter.bits", "25"]),
        (&["learn", "iris", "--output-converter", "8"], &["--output-converter", "BITS:RANGE"]),
        (&["learn", "iris", "--error-noise", "0.1"], &["--topology"]),
        (&["learn", "digits", "--batch", "3"], &["--topology"]),
        (&["learn", "iris", "--topology", "4-3"], &["DATA", "iris"]),
    ];
    for (arguments, parts) in cases {
        failed(&run(arguments), 2, parts);
    }
    failed(&run(&["learn", "--resume", "--levels", "4", "--out", "nowhere"]), 2, &["--levels", "--resume"]);
    failed(&run(&["learn", "iris", "--resume", "--out", "nowhere"]), 2, &["DATA", "--resume"]);
}

#[test]
fn wrong_files_are_named() {
    failed(&run(&["learn", "absent.csv", "--out", "/nonexistent/run"]), 1, &["absent.csv"]);
    failed(&run(&["learn", "--resume", "--out", "absent-run"]), 1, &["absent-run", "config.toml"]);
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (table(folder.path()), folder.path().join("run"));
    let path = out.to_str().unwrap();
    let stopped = run(&["learn", &data, "--epochs", "9", "--no-plots", "--stop-after-batches", "3", "--out", path]);
    assert_eq!(stopped.status.code(), Some(130), "{}", text(&stopped.stderr));
    let resume = || run(&["learn", "--resume", "--no-plots", "--out", path]);
    let checkpoint = out.join("checkpoint.safetensors");
    let bytes = std::fs::read(&checkpoint).unwrap();
    std::fs::write(&checkpoint, &bytes[..bytes.len() - 5]).unwrap();
    failed(&resume(), 1, &["checkpoint.safetensors", "remove it"]);
    std::fs::write(&checkpoint, b"{}").unwrap();
    failed(&resume(), 1, &["checkpoint.safetensors"]);
    std::fs::write(&checkpoint, &bytes).unwrap();
    std::fs::write(out.join("metrics.jsonl"), "{}\n").unwrap();
    failed(&resume(), 1, &["metrics.jsonl", "line 1"]);
    std::fs::remove_file(out.join("metrics.jsonl")).unwrap();
    let text = read(&out.join("config.toml"));
    std::fs::write(out.join("config.toml"), text.replace("test_share = 0.3", "test_share = 3.0")).unwrap();
    failed(&resume(), 1, &["config.toml", "test_share"]);
    std::fs::write(out.join("config.toml"), text).unwrap();
    succeeded(&resume());
    std::fs::write(folder.path().join("one.csv"), "a,b,kind\n1,2,x\n3,4,y\n").unwrap();
    let one = folder.path().join("one.csv");
    let other = folder.path().join("other");
    failed(&run(&["learn", one.to_str().unwrap(), "--out", other.to_str().unwrap()]), 2, &["at least 1 example"]);
}

#[test]
fn configurations_are_printed() {
    let printed = succeeded(&run(&["learn", "iris", "--device", "pcm", "--rule", "amplitude", "--print-config"]));
    assert!(printed.contains("[array.rule]\nkind = \"amplitude\"") && printed.contains("name = \"pcm\""), "{printed}");
    let printed = succeeded(&run(&["learn", "digits", "--topology", "64-10", "--print-config"]));
    assert!(printed.contains("[chip.device]") && printed.contains("seed = 1"), "{printed}");
}
