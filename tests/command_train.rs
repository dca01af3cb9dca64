//! `sterna train` from the first flag to the last file.

mod common;

use common::{failed, last_object, model, reference, run, small, sterna, succeeded, text};
use serde_json::Value;

#[test]
fn digits_from_one_command() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let path = out.to_str().unwrap();
    let rates = ["--learning-rate", "0.05", "--warm-up-epochs", "0", "--batch", "16"];
    let flags = ["train", "digits", "--epochs", "2", "--seed", "7", "--json", "--out", path];
    let output = run(&[&flags[..], &rates].concat());
    let standard_output = succeeded(&output);
    assert_eq!(standard_output.lines().count(), 3, "two epochs and the summary: {standard_output}");
    for (line, epoch) in standard_output.lines().zip(1..=2) {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["epoch"], epoch);
        assert!(record["populations"].as_array().unwrap().iter().any(|p| p["error_spikes"].as_f64() > Some(0.0)));
    }
    let summary = last_object(&output);
    assert_eq!((&summary["dataset"], &summary["seed"], &summary["epochs"]), (&"digits".into(), &7.into(), &2.into()));
    assert_eq!((&summary["gradient"], &summary["weights"]), (&"spike".into(), &"i8".into()));
    assert_eq!(summary["interrupted"], false);
    assert!(summary["validation_accuracy"].as_f64() > Some(0.5), "{summary}");
    assert!(summary["test_accuracy"].as_f64() > Some(0.5), "{summary}");
    assert!(summary["train_seconds"].as_f64() > Some(0.0) && summary["samples_per_second"].as_f64() > Some(0.0));
    assert!(summary["alpha"].as_f64() > Some(0.0) && summary["best_epoch"].as_u64() > Some(0));
    assert_eq!(summary["model"], out.join("model.safetensors").to_str().unwrap());
    assert_eq!(summary["out"], path);
    let written: Value = serde_json::from_slice(&std::fs::read(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!(written, summary);
    assert_eq!(std::fs::read_to_string(out.join("metrics.jsonl")).unwrap().lines().count(), 2);
    assert!(out.join("config.toml").is_file() && out.join("checkpoint.safetensors").is_file());
    for plot in ["learning_curves", "confusion_matrix", "spikes_per_population", "error_spikes", "kernels"] {
        let bytes = std::fs::read(out.join("plots").join(format!("{plot}.png"))).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 1000, "{plot}: {} bytes", bytes.len());
    }
}

#[test]
fn a_stopped_run_resumes_to_the_same_model() {
    let expected = reference(&[]);
    // 29 updates an epoch: within the first, at its end before the evaluation, and far on.
    for stops in [vec!["1"], vec!["29"], vec!["13", "40", "5"]] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let mut resume: &[&str] = &[];
        for stop in &stops {
            let flags = [resume, &["--stop-after-batches", stop]].concat();
            let output = small(&out, &flags);
            assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
            assert!(text(&output.stdout).contains("--resume"), "{}", text(&output.stdout));
            assert!(!out.join("summary.json").exists());
            resume = &["--resume"];
        }
        succeeded(&small(&out, &["--resume"]));
        assert!(model(&out) == expected, "stopped after {stops:?}");
        let metrics = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
        let epochs: Vec<u64> = metrics
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["epoch"].as_u64().unwrap())
            .collect();
        assert_eq!(epochs, [1, 2, 3, 4]);
    }
}

#[test]
fn metrics_beyond_the_checkpoint_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    small(&out, &["--stop-after-batches", "40"]);
    let metrics = out.join("metrics.jsonl");
    let line = std::fs::read_to_string(&metrics).unwrap();
    assert_eq!(line.lines().count(), 1);
    std::fs::write(&metrics, format!("{line}{line}half a li")).unwrap();
    succeeded(&small(&out, &["--resume"]));
    assert_eq!(std::fs::read_to_string(&metrics).unwrap().lines().count(), 4);
}

#[test]
fn threads_do_not_change_the_model() {
    for more in [&[][..], &["--gradient", "float"], &["--weights", "i16", "--dropout", "dense1=0.3"]] {
        let one = reference(&[more, &["--threads", "1"]].concat());
        assert!(one == reference(&[more, &["--threads", "2"]].concat()), "{more:?}: 2 threads");
        assert!(one == reference(&[more, &["--threads", "3"]].concat()), "{more:?}: 3 threads");
    }
}

#[test]
fn instruction_sets_do_not_change_the_model() {
    let expected = reference(&[]);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = sterna().args(common::SMALL).arg("--out").arg(&out).env("STERNA_ISA", "scalar").output().unwrap();
    succeeded(&output);
    assert!(model(&out) == expected);
}

#[test]
fn the_printed_configuration_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let flags: Vec<&str> = "--alpha 30 --schedule step:2:0.5 --dropout dense1=0.25 --augment crop:1,flip \
                            --normalisation homeostatic --turning-rate 0.01 --active-counts 4:12"
        .split_whitespace()
        .collect();
    let mut arguments = common::SMALL.to_vec();
    arguments.extend(&flags);
    arguments.push("--print-config");
    let printed = succeeded(&run(&arguments));
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, &printed).unwrap();
    let out = folder.path().join("run");
    succeeded(&run(&["train", file.to_str().unwrap(), "--no-plots", "--out", out.to_str().unwrap()]));
    assert_eq!(std::fs::read_to_string(out.join("config.toml")).unwrap(), printed);
    assert!(model(&out) == reference(&flags));
    assert!(model(&out) != reference(&[]));
}

#[test]
fn an_existing_run_is_kept_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    succeeded(&small(&out, &[]));
    let before = model(&out);
    failed(&small(&out, &["--seed", "9"]), 1, &["run", "found files in it", "--resume", "--overwrite"]);
    assert!(model(&out) == before);
    std::fs::write(out.join("notes.txt"), "mine").unwrap();
    succeeded(&small(&out, &["--seed", "9", "--overwrite"]));
    assert!(model(&out) != before);
    assert_eq!(std::fs::read_to_string(out.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn a_resumed_run_keeps_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let path = out.to_str().unwrap();
    small(&out, &["--alpha", "50", "--stop-after-batches", "3"]);
    let printed = succeeded(&run(&["train", "--resume", "--out", path, "--print-config"]));
    assert_eq!(printed, std::fs::read_to_string(out.join("config.toml")).unwrap());
    let contradiction = run(&["train", "--resume", "--out", path, "--alpha", "60"]);
    failed(&contradiction, 2, &["training.alpha", "expected 50.0", "config.toml", "found 60.0"]);
    let other_data = run(&["train", "mnist", "--resume", "--out", path]);
    failed(&other_data, 2, &["data.source", "'digits'", "'mnist'"]);
    succeeded(&run(&["train", "--resume", "--out", path, "--no-plots", "--alpha", "50"]));
    assert!(model(&out) == reference(&["--alpha", "50"]));
}

#[test]
fn a_finished_run_says_so_and_can_be_extended() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let path = out.to_str().unwrap();
    let constant = ["--schedule", "constant"];
    succeeded(&small(&out, &constant));
    let again = run(&["train", "--resume", "--out", path, "--no-plots"]);
    assert!(succeeded(&again).contains("all 4 epochs are done"));
    succeeded(&run(&["train", "--resume", "--out", path, "--no-plots", "--epochs", "6"]));
    let longer = folder.path().join("longer");
    succeeded(&small(&longer, &["--schedule", "constant", "--epochs", "6", "--overwrite"]));
    assert!(model(&out) == model(&longer));
    assert!(std::fs::read_to_string(out.join("config.toml")).unwrap().contains("epochs = 6"));
}

#[test]
fn seeds_differ_and_repeat() {
    assert!(reference(&["--seed", "1"]) == reference(&["--seed", "1"]));
    assert!(reference(&["--seed", "1"]) != reference(&["--seed", "2"]));
}

#[test]
fn a_folder_of_images_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    for (class, level) in [("dark", 20u8), ("light", 220)] {
        std::fs::create_dir_all(images.join(class)).unwrap();
        for number in 0..12u8 {
            let image = image::GrayImage::from_fn(4, 4, |x, y| image::Luma([level + number + (x + y) as u8]));
            image.save(images.join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    let out = folder.path().join("run");
    let flags = ["--topology", "4x4-4C3-2", "--padding", "same", "--epochs", "6", "--batch", "4", "--json"];
    let arguments = [&["train", images.to_str().unwrap(), "--out", out.to_str().unwrap()], &flags[..]].concat();
    let output = run(&arguments);
    succeeded(&output);
    assert!(last_object(&output)["test_accuracy"].as_f64() >= Some(0.5));
    let without = run(&["train", images.to_str().unwrap(), "--out", folder.path().join("no").to_str().unwrap()]);
    failed(&without, 2, &["topology"]);
}
