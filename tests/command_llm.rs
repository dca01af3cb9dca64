//! `sterna llm` as a user types it, on the tiny models of the `llm` crate.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{data_folder, failed, last_object, sterna, succeeded, text};
use serde_json::Value;

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("llm/tests/fixtures").join(name);
    path.display().to_string()
}

fn llm(arguments: &[&str]) -> Output {
    sterna().arg("llm").args(arguments).output().unwrap()
}

fn object(arguments: &[&str]) -> Value {
    let output = llm(&[arguments, &["--json"]].concat());
    succeeded(&output);
    last_object(&output)
}

/// What `transformers` finds with the same files.
fn expected() -> Value {
    serde_json::from_slice(&fs::read(fixture("llama/expected_texts.json")).unwrap()).unwrap()
}

#[test]
fn perplexities_are_those_of_transformers() {
    let (model, texts, expected) = (fixture("llama"), fixture("llama/texts.json"), expected());
    let windows = object(&["ppl", &model, "--text", &texts, "--window", "16"]);
    let documents = object(&["ppl", &model, "--text", &texts, "--documents"]);
    for (found, expected) in [(&windows, &expected["windows"]), (&documents, &expected["documents"])] {
        assert_eq!(found["predictions"], expected["predictions"]);
        let (likelihood, expected) =
            (found["negative_log_likelihood"].as_f64().unwrap(), expected["negative_log_likelihood"].as_f64().unwrap());
        assert!((likelihood - expected).abs() < 1e-5, "{likelihood} instead of {expected}");
        assert!((found["perplexity"].as_f64().unwrap().ln() - likelihood).abs() < 1e-9);
        assert_eq!(found["parameters"], 14_160);
    }
    assert_eq!((&windows["window"], &windows["sequences"]), (&Value::from(16), &Value::from(12)));
    assert_eq!((documents.get("window"), &documents["sequences"]), (None, &Value::from(4)));
    // Neither threads nor the instruction set of decoding change a bit of a window.
    let single = object(&["ppl", &model, "--text", &texts, "--window", "16", "--threads", "1"]);
    assert_eq!(single["negative_log_likelihood"], windows["negative_log_likelihood"]);
    let shown = succeeded(&llm(&["ppl", &model, "--text", &texts, "--documents"]));
    assert!(shown.contains("perplexity 93") && shown.contains("162 predictions in 4 texts"), "{shown}");
}

#[test]
fn texts_are_cut_as_the_flags_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.json");
    fs::write(&path, r#"["The  tern\nflew over the sea.", "caf\u00e9", "One day the gull saw a boat."]"#).unwrap();
    let (model, path) = (fixture("llama"), path.display().to_string());
    let count = |more: &[&str]| {
        let report = object(&[&["ppl", &model, "--text", &path, "--documents"], more].concat());
        [report["sequences"].as_u64().unwrap(), report["predictions"].as_u64().unwrap()]
    };
    let all = count(&[]);
    assert_eq!(all[0], 3);
    assert_eq!(count(&["--ascii"])[0], 2);
    assert_eq!(count(&["--limit", "1"])[0], 1);
    assert!(count(&["--collapse-white-space"])[1] < all[1]);
    let plain = folder.path().join("plain.txt");
    fs::write(&plain, "The tern flew over the sea .\n\nOne day the gull saw a boat .\n").unwrap();
    let plain = plain.display().to_string();
    let report = |more: &[&str]| object(&[&["ppl", &model, "--text", &plain, "--documents"], more].concat());
    assert_eq!((&report(&[])["sequences"], &report(&["--rows"])["sequences"]), (&Value::from(1), &Value::from(2)));
}

#[test]
fn the_greedy_continuation_is_that_of_transformers() {
    let (model, expected) = (fixture("llama"), &expected()["generation"]);
    let prompt = expected["prompt"].as_str().unwrap();
    let arguments = ["generate", &model, "--prompt", prompt, "--tokens", "20"];
    let report = object(&arguments);
    assert_eq!((&report["tokens"], &report["ended_by"]), (&expected["tokens"], &Value::from("length")));
    let shown = succeeded(&llm(&arguments));
    assert_eq!(shown, format!("{}\n", expected["text"].as_str().unwrap()));
    assert_eq!(shown, format!("{prompt}{}\n", report["text"].as_str().unwrap()));
}

#[test]
fn drawn_tokens_follow_the_seed_and_end_with_the_context() {
    let model = fixture("qwen2");
    let drawn = |seed: &str| {
        let more = ["--prompt", "One day", "--temperature", "1.5", "--top-k", "40", "--top-p", "0.9", "--seed", seed];
        object(&[&["generate", &model], &more[..]].concat())
    };
    assert_eq!(drawn("1")["tokens"], drawn("1")["tokens"]);
    assert_ne!(drawn("1")["tokens"], drawn("2")["tokens"]);
    let report = object(&["generate", &fixture("llama"), "--temperature", "0.5", "--seed", "3"]);
    let tokens = report["tokens"].as_array().unwrap().len();
    match report["ended_by"].as_str().unwrap() {
        "context" => assert_eq!(tokens, 48),
        ended => assert!(ended == "end token" && tokens < 48, "{ended} after {tokens}"),
    }
    let one = object(&["generate", &fixture("mistral"), "--prompt", "The gull", "--tokens", "1"]);
    assert_eq!((one["tokens"].as_array().unwrap().len(), &one["ended_by"]), (1, &Value::from("length")));
}

#[test]
fn bad_usage_ends_with_code_2() {
    let (model, texts) = (fixture("llama"), fixture("llama/texts.json"));
    let usages: [(&[&str], &str); 9] = [
        (&["ppl", &model, "--text", &texts, "--window", "49"], "2 to 48 tokens"),
        (&["ppl", &model, "--text", &texts, "--window", "1"], "--window"),
        (&["ppl", &model, "--text", &texts, "--limit", "0"], "--limit"),
        (&["generate", &model, "--temperature", "-1"], "--temperature"),
        (&["generate", &model, "--top-p", "0"], "--top-p"),
        (&["generate", &model, "--top-k", "0"], "--top-k"),
        (&["generate", &model, "--tokens", "0"], "--tokens"),
        (&["generate", &model, "--prompt", &"tern ".repeat(50)], "1 to 47 tokens"),
        (&["generate", &fixture("qwen2")], "--prompt"),
    ];
    for (arguments, part) in usages {
        failed(&llm(arguments), 2, &[part]);
    }
    for arguments in [&["ppl", &model][..], &["ppl", &model, "--text", &texts, "--window", "9", "--documents"], &[]] {
        assert_eq!(llm(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let help = text(&llm(&["ppl", "--help"]).stdout);
    assert!(help.contains("Examples:") && help.contains("sterna llm ppl"), "{help}");
}

#[test]
fn files_that_do_not_fit_end_with_code_1() {
    let (model, texts) = (fixture("llama"), fixture("llama/texts.json"));
    let other = format!("{}/tokenizer.json", fixture("mistral"));
    let failures: [(&[&str], &[&str]); 6] = [
        (&["ppl", "no such model", "--text", &texts], &["no such model"]),
        (&["ppl", &model, "--text", "no such text"], &["no such text"]),
        (&["generate", &fixture("llama-linear")], &["--tokenizer", "tokenizer.json"]),
        (&["generate", &fixture("llama-linear"), "--tokenizer", &other], &["number of tokens", "at most 40"]),
        (&["generate", &model, "--tokenizer", &texts], &["texts.json", "tokenizer"]),
        (&["ppl", &model, "--text", &format!("{model}/config.json")], &["config.json", "list of texts"]),
    ];
    for (arguments, parts) in failures {
        failed(&llm(arguments), 1, parts);
    }
    let folder = tempfile::tempdir().unwrap();
    let short = folder.path().join("short.txt");
    fs::write(&short, "tern").unwrap();
    failed(&llm(&["ppl", &model, "--text", &short.display().to_string()]), 1, &["less than one window of 48"]);
}

#[test]
fn real_models_of_llama2c_predict_and_generate() {
    let Some(data) = data_folder().map(|data: PathBuf| data.join("llama")) else { return };
    let path = |name: &str| data.join(name).display().to_string();
    let (model, texts) = (path("stories260K/stories260K.bin"), path("jlens-corpora/tinystories_1000.json"));
    let report = object(&["ppl", &model, "--text", &texts, "--ascii", "--limit", "50", "--documents"]);
    assert_eq!(report["predictions"], 16_993);
    assert!((report["negative_log_likelihood"].as_f64().unwrap() - 1.31801).abs() < 1e-4);
    let shown = succeeded(&llm(&["generate", &model, "--prompt", "Once upon a time", "--tokens", "20"]));
    assert!(shown.starts_with("Once upon a time, there was a little girl named Lily."), "{shown}");
}

#[test]
fn a_spiked_model_is_made_measured_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (model, texts) = (fixture("qwen2"), fixture("llama/texts.json"));
    let (fine, coarse) = (place("fine"), place("coarse"));
    let spike = |out: &str, more: &[&str]| {
        object(&[&["spike", &model, "--text", &texts, "--documents", "--out", out, "--samples", "3"], more].concat())
    };
    let report = spike(&fine, &["--weights", "8", "--activations", "8", "--cache", "7", "--head", "8", "--steps", ""]);
    assert_eq!(report["spikes"]["steps"], 1.0);
    let chip = place("chip");
    let report = spike(&chip, &["--hardware", "adc7-a", "--no-plots"]);
    assert!(report["chip"]["energy_pj"].as_f64().unwrap() > report["chip"]["accumulate_only_pj"].as_f64().unwrap());
    assert!(report["chip"]["arrays"].as_u64().unwrap() >= 14);
    assert!(folder.path().join("chip/chip-adc7-a/report.md").is_file());
    let report = spike(&coarse, &["--weights", "3", "--activations", "3", "--steps", "4:0.1,2:0.2", "--no-plots"]);
    assert!(report["spikes"]["steps"].as_f64().unwrap() > 1.2);
    assert!(report["spikes"]["additions"].as_f64().unwrap() > 0.0);
    for name in
        ["spiked.safetensors", "tokenizer.json", "config.toml", "report.json", "plots/raster.png", "plots/spikes.png"]
    {
        assert!(folder.path().join("fine").join(name).is_file(), "{name}");
    }

    let likelihood = |model: &str, more: &[&str]| {
        let found = object(&[&["ppl", model, "--text", &texts, "--documents"], more].concat());
        found["negative_log_likelihood"].as_f64().unwrap()
    };
    let exact = likelihood(&model, &[]);
    let (spikes, floats) = (likelihood(&fine, &[]), likelihood(&fine, &["--execution", "floats"]));
    assert!((spikes - floats).abs() < 2e-3 && (spikes - exact).abs() < 0.05, "{spikes} {floats} {exact}");
    assert_eq!(likelihood(&coarse, &["--threads", "1"]), likelihood(&coarse, &["--threads", "2"]));
    let told = object(&["generate", &fine, "--prompt", "The tern", "--tokens", "5"]);
    assert_eq!(told["tokens"].as_array().unwrap().len(), 5);

    let plot = place("steps.png");
    let output = llm(&["compare", &model, &fine, &coarse, "--text", &texts, "--documents", "--plot", &plot]);
    let table = succeeded(&output);
    assert!(table.contains("perplexity") && table.contains("coarse") && Path::new(&plot).is_file(), "{table}");

    // A configuration that was written is a complete one.
    let again = place("again");
    let config = folder.path().join("coarse/config.toml").display().to_string();
    spike(&again, &["--config", &config, "--no-plots"]);
    let bytes = |name: &str| fs::read(folder.path().join(name).join("spiked.safetensors")).unwrap();
    assert!(bytes("again") == bytes("coarse"));
}

#[test]
fn linear_maps_run_on_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let (model, texts) = (fixture("llama"), fixture("llama/texts.json"));
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (grouped, wide, programs) = (place("grouped"), place("wide"), place("programs"));
    let spike = |out: &str, more: &[&str]| {
        succeeded(&llm(
            &[&["spike", &model, "--text", &texts, "--documents", "--out", out, "--no-plots"], more].concat()
        ))
    };
    spike(&grouped, &["--group", "16", "--steps", "2:0.2"]);
    spike(&wide, &["--weights", "8"]);
    let on = |model: &str, more: &[&str]| llm(&[&["ppl", model, "--text", &texts, "--documents"], more].concat());
    let likelihood = |more: &[&str]| {
        let found = object(&[&["ppl", &grouped, "--text", &texts, "--documents"], more].concat());
        found["negative_log_likelihood"].as_f64().unwrap()
    };
    // Exact columns give the bits of the integer kernels.
    let exact = likelihood(&[]);
    assert_eq!(likelihood(&["--hardware", "ideal"]), exact);
    assert_eq!(likelihood(&["--hardware", "ideal", "--calibrate-on", "1", "--threads", "1"]), exact);
    let fine = likelihood(&["--hardware", "adc7-a", "--programs", &programs]);
    let shown = succeeded(&sterna().args(["hardware", "show", "adc4-a"]).output().unwrap());
    let two_bits = shown.replace("kind = \"uniform\"\nbits = 4", "kind = \"uniform\"\nbits = 2");
    assert_ne!(two_bits, shown);
    let chip = place("two-bits.toml");
    fs::write(&chip, two_bits).unwrap();
    let coarse = likelihood(&["--hardware", &chip]);
    assert!((fine - exact).abs() < 0.05 && (coarse - exact).abs() > 0.05, "{exact}, {fine}, {coarse}");
    for file in ["crossbar.json", "tiles.safetensors"] {
        assert!(Path::new(&programs).join("block-0-query-1").join(file).is_file(), "{file}");
    }
    failed(&on(&grouped, &["--hardware", "hcim-a-ternary"]), 2, &["--hardware", "converters"]);
    failed(&on(&wide, &["--hardware", "ideal"]), 2, &["--hardware", "at most 7 bits"]);
    failed(&on(&model, &["--hardware", "ideal"]), 2, &["sterna llm spike"]);
    failed(&on(&grouped, &["--hardware", "ideal", "--execution", "floats"]), 2, &["--execution"]);
    failed(&on(&grouped, &["--programs", &programs]), 2, &["--hardware"]);
}

#[test]
fn what_cannot_be_spiked_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let (model, texts) = (fixture("llama"), fixture("llama/texts.json"));
    let spike = |more: &[&str]| {
        llm(&[&["spike", &model, "--text", &texts, "--documents", "--out", &out, "--no-plots"], more].concat())
    };
    succeeded(&spike(&[]));
    failed(&spike(&[]), 2, &["--overwrite"]);
    failed(&spike(&["--overwrite", "--weights", "9"]), 2, &["weights.bits"]);
    failed(&spike(&["--overwrite", "--steps", "65:0.1"]), 2, &["1 to 64"]);
    failed(&spike(&["--overwrite", "--steps", "2:1.5"]), 2, &["0 to 1"]);
    failed(&spike(&["--overwrite", "--steps", "two"]), 2, &["STEPS:SHARE"]);
    failed(&spike(&["--overwrite", "--hardware", "adc7-a", "--weights", "8"]), 2, &["at most 4 bits"]);
    failed(&spike(&["--overwrite", "--hardware", "nowhere"]), 2, &["nowhere"]);
    failed(&spike(&["--overwrite", "--config", "nowhere.toml"]), 1, &["nowhere.toml"]);
    failed(&llm(&["spike", &out, "--text", &texts, "--out", &out, "--overwrite"]), 2, &["as it was trained"]);
    let path = folder.path().join("out/spiked.safetensors");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    failed(&llm(&["ppl", &out, "--text", &texts]), 1, &["spiked.safetensors"]);
}

#[test]
fn kept_projections_take_their_format() {
    let folder = tempfile::tempdir().unwrap();
    let (model, texts) = (fixture("llama"), fixture("llama/texts.json"));
    let spike = |format: &str| {
        let out = folder.path().join(format).display().to_string();
        let how = ["--keep", "3", "--keep-format", format, "--weights", "8", "--activations", "8", "--no-plots"];
        let report = object(&[&["spike", &model, "--text", &texts, "--documents", "--out", &out][..], &how].concat());
        let likelihood = |execution: &str| {
            let found = object(&["ppl", &out, "--text", &texts, "--documents", "--execution", execution]);
            found["negative_log_likelihood"].as_f64().unwrap()
        };
        let (spikes, floats) = (likelihood("spikes"), likelihood("floats"));
        assert!((spikes - floats).abs() < 2e-3, "{format}: {spikes} {floats}");
        (report["spikes"]["bytes"].as_u64().unwrap(), report["spikes"]["effort"].as_f64().unwrap(), spikes)
    };
    let [f32, f16, f8] = ["f32", "f16", "f8-e4m3"].map(spike);
    assert!(f32.0 > f16.0 && f16.0 > f8.0, "{f32:?} {f16:?} {f8:?}");
    assert!(f32.1 == f16.1 && f16.1 > f8.1, "{f32:?} {f16:?} {f8:?}");
    assert!((f32.2 - f16.2).abs() < 1e-3 && (f32.2 - f8.2).abs() < 0.05, "{f32:?} {f16:?} {f8:?}");
}

#[test]
fn an_interrupted_model_is_finished_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let (model, texts) = (fixture("llama"), fixture("llama/texts.json"));
    let place = |name: &str| folder.path().join(name).display().to_string();
    let spike = |out: &str, more: &[&str]| {
        let how = ["spike", &model, "--text", &texts, "--documents", "--equalise", "0.5", "--no-plots", "--out", out];
        llm(&[&how[..], more].concat())
    };
    let (whole, parts) = (place("whole"), place("parts"));
    succeeded(&spike(&whole, &[]));
    let stopped = spike(&parts, &["--stop-after-blocks", "1"]);
    assert_eq!(stopped.status.code(), Some(130));
    assert!(text(&stopped.stdout).contains("--resume"), "{}", text(&stopped.stdout));
    let checkpoint = folder.path().join("parts/checkpoint.safetensors");
    assert!(checkpoint.is_file() && !folder.path().join("parts/spiked.safetensors").exists());
    failed(&spike(&parts, &["--resume", "--weights", "3"]), 1, &["begin anew"]);
    succeeded(&spike(&parts, &["--resume", "--threads", "1"]));
    assert!(!checkpoint.exists());
    let bytes = |name: &str| fs::read(folder.path().join(name).join("spiked.safetensors")).unwrap();
    assert!(bytes("whole") == bytes("parts"));
    failed(&spike(&parts, &["--resume"]), 2, &["--overwrite"]);
}

/// A signal in the middle of the work, wherever it comes.
#[cfg(unix)]
#[test]
fn a_signal_ends_spiking_with_a_checkpoint() {
    let Some(data) = data_folder().map(|data| data.join("llama")) else { return };
    let path = |name: &str| data.join(name).display().to_string();
    let (model, texts) = (path("stories260K/stories260K.bin"), path("jlens-corpora/tinystories_1000.json"));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let how = ["llm", "spike", &model, "--text", &texts, "--documents", "--ascii", "--samples", "24", "--no-plots"];
    let run = |more: &[&str]| common::run(&[&how[..], &["--out", out.to_str().unwrap()], more].concat());
    succeeded(&run(&[]));
    let spiked = out.join("spiked.safetensors");
    let expected = fs::read(&spiked).unwrap();
    let mut interrupted = 0;
    for pause in [50, 200, 500, 900] {
        fs::remove_file(&spiked).unwrap();
        let child = common::spawn(&[&how[..], &["--out", out.to_str().unwrap()]].concat());
        std::thread::sleep(std::time::Duration::from_millis(pause));
        let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        // A signal that comes before the handler or after the work is none of a run in progress.
        if sent.success() && output.status.code() == Some(130) {
            assert!(!spiked.exists() && text(&output.stdout).contains("interrupted"), "{}", text(&output.stdout));
            interrupted += 1;
        }
        if !spiked.exists() {
            succeeded(&run(&["--resume"]));
        }
        assert!(fs::read(&spiked).unwrap() == expected, "after {pause} ms");
    }
    assert!(interrupted > 0);
}
