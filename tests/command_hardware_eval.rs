//! `sterna hardware eval`: accuracy of compiled files, and what is refused with which exit code.

mod common;

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
