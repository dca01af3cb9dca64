//! `sterna hardware spice`: the circuit of one array, and what is refused.

mod common;

use std::path::{Path, PathBuf};

use common::{failed, last_object, run, small, succeeded};
use compiler::hardware::{Spread, WireResistance, presets};
use compiler::mapping::{Calibration, compile};
use tempfile::TempDir;

/// A folder with a small compiled network on a chip with resistive wires and varying cells.
fn compiled() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeeded(&small(&run, &["--max-spikes", "15"]));
    let network = snn::model::load(&run.join("model.safetensors")).unwrap();
    let mut hardware = presets::Preset::named("ideal").unwrap().specification().unwrap();
    hardware.device.wire_resistance_ohm = 2.0;
    hardware.non_idealities.wires = Some(WireResistance::Exact);
    hardware.non_idealities.programming = Some(Spread::LogNormal { sigma: 0.1 });
    let out = folder.path().join("compiled");
    std::fs::create_dir(&out).unwrap();
    compile(&network, &hardware, &Calibration::none()).unwrap().write(&out).unwrap();
    (folder, out)
}

fn spice(folder: &Path, more: &[&str]) -> std::process::Output {
    run(&[&["hardware", "spice", folder.to_str().unwrap()], more].concat())
}

#[test]
fn a_circuit_is_written() {
    let (folder, compiled) = compiled();
    let text = succeeded(&spice(&compiled, &["0"]));
    assert!(text.starts_with("* hardware 'ideal', array 0"), "{text}");
    assert!(text.contains("\nRrow0_1 r0_0 r0_1 2e0\n") && text.trim_end().ends_with(".end"));
    let path = folder.path().join("tile.cir");
    let object = last_object(&spice(&compiled, &["0", "--out", path.to_str().unwrap(), "--json"]));
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim_end(), text.trim_end());
    assert_eq!((object["array"].as_u64(), object["rows"].as_u64()), (Some(0), Some(64)));
    assert_eq!(object["active_rows"], object["rows"]);
    let object = last_object(&spice(&compiled, &["0", "--rows", "0-3,10", "--json"]));
    assert_eq!(object["active_rows"], 5);
    assert_eq!(object["netlist"].as_str().unwrap().matches(": driven\n").count(), 5);
}

#[test]
fn compiling_writes_the_same_circuit() {
    let (folder, _) = compiled();
    let (model, out) = (folder.path().join("run"), folder.path().join("again"));
    let compile = |more: &[&str]| {
        let flags = ["compile", model.to_str().unwrap(), "--hardware", "adcless-rram-32", "--calibrate-on", "50"];
        run(&[&flags[..], more].concat())
    };
    let flags = ["--out", out.to_str().unwrap(), "--seed", "3"];
    failed(&compile(&[&flags[..], &["--spice", "4096"]].concat()), 2, &["--spice", "4096", "array from 0 to"]);
    assert!(!out.exists(), "nothing is written for an array that is not there");
    assert_eq!(compile(&["--dry-run", "--spice", "1"]).status.code(), Some(2));
    let object = last_object(&compile(&[&flags[..], &["--spice", "1", "--json"]].concat()));
    let path = out.join("tile-1.cir");
    assert_eq!(object["circuit"].as_str(), path.to_str());
    let circuit = std::fs::read_to_string(&path).unwrap();
    assert!(circuit.starts_with("* hardware 'adcless-rram-32', array 1"), "{circuit}");
    assert_eq!(circuit.trim_end(), succeeded(&spice(&out, &["1", "--seed", "3"])).trim_end());
    let text = succeeded(&compile(&[&flags[..], &["--overwrite", "--spice", "0"]].concat()));
    assert!(text.trim_end().ends_with("tile-0.cir"), "{text}");
    assert!(out.join("tile-0.cir").is_file());
}

#[test]
fn seed_and_chip_choose_the_cells() {
    let (_folder, compiled) = compiled();
    let cells = |more: &[&str]| {
        let text = succeeded(&spice(&compiled, &[&["0"], more].concat()));
        text.lines().filter(|line| line.starts_with("Rcell")).map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = cells(&[]);
    assert!(!plain.is_empty());
    assert_eq!(plain, cells(&["--seed", "0", "--chip", "0"]));
    assert_ne!(plain, cells(&["--chip", "1"]));
    assert_ne!(plain, cells(&["--seed", "1"]));
}

#[test]
fn what_is_not_there_is_refused() {
    let (folder, compiled) = compiled();
    failed(&spice(&compiled, &["99"]), 2, &["TILE", "99", "array from 0 to"]);
    failed(&spice(&compiled, &["0", "--rows", "0-64"]), 2, &["--rows", "64", "rows from 0 to 63"]);
    for rows in ["x", "3-1", "1-", "-1", ""] {
        assert_eq!(spice(&compiled, &["0", &format!("--rows={rows}")]).status.code(), Some(2), "{rows}");
    }
    failed(&spice(&compiled, &["0", "--stream", "99"]), 1, &["stream", "99"]);
    failed(&spice(&folder.path().join("nothing"), &["0"]), 1, &["crossbar.json"]);
    let path = compiled.join("tiles.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    failed(&spice(&compiled, &["0"]), 1, &["tiles.safetensors"]);
    std::fs::write(&path, bytes).unwrap();
    let place = folder.path().join("no/such/folder/tile.cir");
    failed(&spice(&compiled, &["0", "--out", place.to_str().unwrap()]), 1, &["tile.cir"]);
}
