//! `sterna hardware eval`: accuracy of compiled files, and what is refused with which exit code.

mod common;

use std::path::{Path, PathBuf};

use common::{failed, last_object, run, succeeded};
use compiler::Program;
use compiler::calibration::calibrate;
use compiler::cost::{CostReport, cost};
use compiler::hardware::presets::Preset;
use compiler::hardware::{HardwareSpecification, Spread};
use compiler::mapping::{Calibration, compile};
use compiler::simulation::{SimulationOptions, Simulator, evaluate_with};
use datasets::Augmentation;
use snn::{Network, NetworkDescription, Weights};
use spikegrad::{Resources, Samples as _};
use sterna::configuration::DataSection;
use sterna::samples::{ImageFormat, ImageSamples};
use tempfile::TempDir;

/// A readout over the pixels of the digits that compares them with the mean image of each class.
fn network() -> (Network, ImageSamples) {
    let text = "[[population]]\nname = 'input'\nshape = [1, 8, 8]\nneuron = 'input'\nmaximum_count = 16\n\
        [[population]]\nname = 'out'\nshape = [10]\nneuron = 'readout'\nfraction_bits = 6\n\
        [[projection]]\nname = 'all'\nfrom = 'input'\nto = 'out'\nkind = 'dense'\n";
    let mut network = Network::build(&NetworkDescription::from_toml(text).unwrap()).unwrap();
    let dataset = datasets::load(&"digits".parse().unwrap(), None).unwrap();
    let format = ImageFormat::of(&dataset);
    let splits = dataset.split(&DataSection::new("digits".parse().unwrap()).split_options()).unwrap();
    let mut sums = vec![[0i64; 64]; 10];
    let mut counts = [0i64; 10];
    for index in 0..splits.train.len() {
        let class = usize::from(splits.train.label(index));
        counts[class] += 1;
        sums[class].iter_mut().zip(splits.train.image(index)).for_each(|(sum, &pixel)| *sum += i64::from(pixel));
    }
    let all: Vec<f64> = (0..64)
        .map(|pixel| (0..10).map(|class| sums[class][pixel] as f64 / counts[class] as f64).sum::<f64>() / 10.0)
        .collect();
    let weights = (0..640).map(|place| {
        let (class, pixel) = (place / 64, place % 64);
        (1.6 * (sums[class][pixel] as f64 / counts[class] as f64 - all[pixel])).round().clamp(-15.0, 15.0) as i8
    });
    network.set_weights(0, Weights::I8(weights.collect())).unwrap();
    let samples = ImageSamples::new(splits.test, &format, &network, Augmentation::default(), 0).unwrap();
    (network, samples)
}

fn written(hardware: &HardwareSpecification, calibration: &Calibration) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    compile(&network().0, hardware, calibration).unwrap().write(folder.path()).unwrap();
    folder
}

#[test]
fn an_ideal_chip_has_the_accuracy_of_the_network() {
    let (network, samples) = network();
    let hardware = Preset::named("ideal").unwrap().specification().unwrap();
    let folder = written(&hardware, &Calibration::none());
    let output = run(&["hardware", "eval", folder.path().to_str().unwrap(), "--data", "digits", "--json"]);
    succeeded(&output);
    let report = last_object(&output);
    let resources = Resources { threads: 1, isa: kernels::Isa::detect() };
    let expected = spikegrad::evaluate(&network, &samples, resources).unwrap();
    assert!(expected.score.accuracy > 0.6, "{}", expected.score.accuracy);
    assert_eq!(report["accuracy"].as_f64().unwrap(), expected.score.accuracy);
    assert_eq!(report["images"].as_u64().unwrap() as usize, expected.predictions.len());
    assert!(report["projections"][0]["reads_per_example"].as_f64().unwrap() > 0.0);
    assert_eq!(report["populations"][0]["spikes_per_example"].as_f64().unwrap(), expected.spikes_per_example[0]);
}

/// A network with hidden counts, trained on the digits, and its file.
fn trained() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let topology = ["--topology", "8x8-6C3-P2-20-10", "--max-spikes", "15", "--epochs", "6", "--no-plots"];
    succeeded(&run(&[&["train", "digits", "--out", out.to_str().unwrap()], &topology[..]].concat()));
    let model = out.join("model.safetensors");
    (folder, model)
}

#[test]
fn ideal_columns_have_the_counts_of_the_integer_pass_on_every_digit() {
    let (folder, model) = trained();
    let out = folder.path().join("compiled");
    let (model, out) = (model.to_str().unwrap(), out.to_str().unwrap());
    let compare = |model: &str, more: &[&str]| {
        let flags = ["hardware", "eval", out, "--data", "digits", "--compare", model, "--json"];
        run(&[&flags[..], more].concat())
    };
    let compile = |hardware: &str, more: &[&str]| {
        let flags = ["compile", model, "--hardware", hardware, "--out", out, "--overwrite"];
        succeeded(&run(&[&flags[..], more].concat()))
    };
    compile("ideal", &[]);
    let output = compare(model, &[]);
    succeeded(&output);
    let report = last_object(&output);
    // 6 x 8 x 8 counts, 6 x 4 x 4 of the pooling, 20, and 10 logits.
    assert_eq!(report["compared_counts"], 599 * (384 + 96 + 20 + 10));
    assert_eq!(report["mismatched_counts"], 0);
    assert_eq!(report["mismatched_predictions"], 0);
    assert_eq!(report["rounded_weights"], 0, "7 bits hold every weight");
    assert_eq!(report["integer_accuracy"], report["accuracy"]);
    assert!(report["accuracy"].as_f64().unwrap() > 0.5);
    assert_eq!(last_object(&compare(model, &["--threads", "1"]))["mismatched_counts"], 0);
    // Cells of another weight, or columns that lose something, show.
    let mut network = snn::model::load(Path::new(model)).unwrap();
    let Some(Weights::I8(mut weights)) = network.projections()[0].weights.clone() else { panic!("i8 weights") };
    weights[0] = if weights[0] > 0 { -127 } else { 127 };
    network.set_weights(0, Weights::I8(weights)).unwrap();
    let other = folder.path().join("other.safetensors");
    snn::model::save(&network, &other).unwrap();
    let output = compare(other.to_str().unwrap(), &["--limit", "50"]);
    assert!(last_object(&output)["mismatched_counts"].as_u64() > Some(0));
    compile("hcim-a-ternary", &["--calibrate-on", "50", "--data", "digits"]);
    let report = last_object(&compare(model, &["--limit", "50"]));
    assert!(report["mismatched_counts"].as_u64() > Some(0));
    assert!(report["rounded_weights"].as_u64() > Some(0), "3 bits and a sign hold few weights");
}

#[test]
fn models_that_do_not_belong_to_the_folder_are_refused() {
    let folder = written(&Preset::named("ideal").unwrap().specification().unwrap(), &Calibration::none());
    let path = folder.path().to_str().unwrap();
    let (_other, model) = trained();
    let compare = |model: &str| run(&["hardware", "eval", path, "--data", "digits", "--compare", model]);
    failed(&compare(model.to_str().unwrap()), 2, &["--compare", "compiled from", "other populations"]);
    failed(&compare("nothing.safetensors"), 1, &["nothing.safetensors"]);
    assert!(!folder.path().join("report.json").exists(), "nothing is written");
}

#[test]
fn a_limit_takes_the_first_images() {
    let (network, samples) = network();
    let hardware = Preset::named("ideal").unwrap().specification().unwrap();
    let folder = written(&hardware, &Calibration::none());
    let resources = Resources { threads: 1, isa: kernels::Isa::detect() };
    let predictions = spikegrad::evaluate(&network, &samples, resources).unwrap().predictions;
    let path = folder.path().to_str().unwrap();
    for (flag, count) in [("--limit", 37), ("--samples", 61)] {
        let output = run(&["hardware", "eval", path, "--data", "digits", flag, &count.to_string(), "--json"]);
        succeeded(&output);
        let report = last_object(&output);
        let right = (0..count).filter(|&index| usize::from(predictions[index]) == samples.label(index)).count();
        assert_eq!(report["images"], count);
        assert_eq!(report["accuracy"].as_f64().unwrap(), right as f64 / count as f64, "{flag}");
    }
    failed(&run(&["hardware", "eval", path, "--data", "digits", "--limit", "0"]), 2, &["--limit"]);
}

#[test]
fn chips_differ_by_seed_alone() {
    let (network, samples) = network();
    let mut hardware = Preset::named("adcless-rram-32").unwrap().specification().unwrap();
    hardware.non_idealities.programming = Some(Spread::Absolute { sigma: 0.3 });
    let resources = Resources { threads: 1, isa: kernels::Isa::detect() };
    let calibrated = calibrate(&network, &hardware, &samples, resources).unwrap();
    let folder = written(&hardware, &calibrated.calibration);
    let folder = folder.path().to_str().unwrap();
    let evaluate = |seed: &str, threads: &str| {
        let arguments = ["hardware", "eval", folder, "--data", "digits", "--limit", "60", "--chips", "3"];
        let output = run(&[&arguments[..], &["--seed", seed, "--threads", threads, "--json"]].concat());
        succeeded(&output);
        last_object(&output)
    };
    let one = evaluate("1", "1");
    assert_eq!(one["chips"]["accuracies"], evaluate("1", "2")["chips"]["accuracies"]);
    assert_ne!(one["chips"]["accuracies"], evaluate("2", "1")["chips"]["accuracies"]);
    assert_eq!(one["images"], 60);
    let interval = one["chips"]["confidence_95"].as_array().unwrap();
    assert!(interval[0].as_f64().unwrap() <= one["chips"]["mean"].as_f64().unwrap());
}

#[test]
fn costs_follow_from_the_counts_of_the_simulation() {
    let (network, samples) = network();
    let hardware = Preset::named("hcim-a-ternary").unwrap().specification().unwrap();
    let resources = Resources { threads: 1, isa: kernels::Isa::detect() };
    let calibrated = calibrate(&network, &hardware, &samples, resources).unwrap();
    let folder = written(&hardware, &calibrated.calibration);
    let path = folder.path().to_str().unwrap();
    let output = run(&["hardware", "eval", path, "--data", "digits", "--json"]);
    succeeded(&output);
    let found = last_object(&output)["cost"].clone();
    let program = Program::read(folder.path()).unwrap();
    let simulator = Simulator::new(&program, SimulationOptions::new(resources.isa)).unwrap();
    let evaluation = evaluate_with(&simulator, &samples, 1, &|_| {}).unwrap();
    let expected = cost(&program.layout, &evaluation.statistics).unwrap();
    let number = |key: &str| found[key].as_f64().unwrap();
    assert!(number("energy_pj") > 0.0 && number("energy_pj") < number("lossless_converters_pj"));
    assert_eq!(number("energy_pj"), expected.energy_pj.total());
    assert_eq!(number("accumulate_only_pj"), expected.comparison.accumulate_only_pj);
    assert_eq!(number("area_um2"), expected.area_um2.total());
    assert_eq!(number("pipeline_ns"), expected.latency.pipeline_ns);
    let report = std::fs::read(folder.path().join("report.json")).unwrap();
    assert_eq!(serde_json::from_slice::<CostReport>(&report).unwrap(), expected);
    for name in ["report.md", "breakdown.png", "floor_plan.png"] {
        assert!(folder.path().join(name).metadata().unwrap().len() > 200, "{name}");
    }
    let elsewhere = folder.path().join("costs/deep");
    let arguments = ["hardware", "eval", path, "--data", "digits", "--limit", "9", "--report"];
    let text = succeeded(&run(&[&arguments[..], &[elsewhere.to_str().unwrap()]].concat()));
    for line in ["energy of an example: ", "latency (physical timing): ", "area: "] {
        assert_eq!(text.lines().filter(|other| other.starts_with(line)).count(), 1, "{line}: {text}");
    }
    assert!(elsewhere.join("report.json").is_file());
    assert_eq!(std::fs::read(folder.path().join("report.json")).unwrap(), report, "--report spares the folder");
    let file = folder.path().join("crossbar.json");
    failed(&run(&[&arguments[..], &[file.to_str().unwrap()]].concat()), 2, &["--report"]);
}

#[test]
fn wrong_folders_and_data_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    failed(&run(&["hardware", "eval", path, "--data", "digits"]), 1, &["crossbar.json"]);
    let hardware = Preset::named("ideal").unwrap().specification().unwrap();
    let folder = written(&hardware, &Calibration::none());
    let path = folder.path().to_str().unwrap();
    failed(&run(&["hardware", "eval", path, "--data", "nothing"]), 2, &["digits"]);
    failed(&run(&["hardware", "eval", path]), 2, &["--data"]);
    let file = folder.path().join("tiles.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    failed(&run(&["hardware", "eval", path, "--data", "digits"]), 1, &["tiles.safetensors"]);
}
