//! `sterna compile`: plans, files, and what does not fit.

mod common;

use std::path::{Path, PathBuf};

use common::{failed, last_object, run, small, succeeded};
use compiler::Program;
use tempfile::TempDir;

/// A small network trained on the digits with counts of at most 15.
fn trained() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    succeeded(&small(&out, &["--max-spikes", "15"]));
    (folder, out)
}

fn compile(model: &Path, hardware: &str, more: &[&str]) -> std::process::Output {
    run(&[&["compile", model.to_str().unwrap(), "--hardware", hardware], more].concat())
}

/// A preset written to a file with one line replaced.
fn changed(folder: &Path, preset: &str, from: &str, to: &str) -> String {
    let text = succeeded(&run(&["hardware", "show", preset]));
    assert!(text.contains(from), "{from} is not in {text}");
    let path = folder.join("mine.toml");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn files_and_dry_run() {
    let (folder, model) = trained();
    let out = folder.path().join("compiled");
    let flags = ["--out", out.to_str().unwrap(), "--json"];
    let planned = compile(&model, "ideal", &[&["--dry-run"], &flags[..]].concat());
    succeeded(&planned);
    assert!(!out.exists(), "a dry run writes nothing");
    let written = compile(&model, "ideal", &flags);
    succeeded(&written);
    let (planned, written) = (last_object(&planned), last_object(&written));
    assert_eq!(planned["projections"], written["projections"]);
    let program = Program::read(&out).unwrap();
    assert_eq!(written["arrays"], program.layout.arrays.len());
    // 64 pixels to 24 neurons to 10 classes, a differential pair of 7 slices for each weight.
    let network = snn::model::load(&model.join("model.safetensors")).unwrap();
    for (index, projection) in network.projections().iter().enumerate() {
        let (layout, crossbar) = program.crossbar(index).unwrap();
        let Some(snn::Weights::I8(mantissas)) = &projection.weights else { panic!("i8 weights") };
        let expected: Vec<i32> = mantissas.iter().map(|&mantissa| mantissa.into()).collect();
        assert_eq!(crossbar.multipliers(layout, &program.layout.hardware), expected, "7 bits hold every weight");
    }
    let text = succeeded(&compile(&model, "ideal", &["--dry-run"]));
    assert!(text.contains("arrays") && text.contains("in use"), "{text}");
}

#[test]
fn existing_and_unusable_folders() {
    let (folder, model) = trained();
    let out = folder.path().join("compiled");
    let flags = ["--out", out.to_str().unwrap()];
    succeeded(&compile(&model, "ideal", &flags));
    let before = std::fs::read(out.join("crossbar.json")).unwrap();
    failed(&compile(&model, "ideal", &flags), 1, &["compiled", "already", "--overwrite"]);
    assert_eq!(std::fs::read(out.join("crossbar.json")).unwrap(), before);
    succeeded(&compile(&model, "ideal", &[&flags[..], &["--overwrite"]].concat()));
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    failed(&compile(&model, "ideal", &["--out", file.to_str().unwrap()]), 1, &["expected a folder, found a file"]);
    failed(&compile(&model, "ideal", &["--out", file.join("below").to_str().unwrap()]), 1, &["below", "--out"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[cfg(unix)]
#[test]
fn a_read_only_folder() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, model) = trained();
    let parent = folder.path().join("read-only");
    std::fs::create_dir(&parent).unwrap();
    std::fs::set_permissions(&parent, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(parent.join("probe"), "").is_ok() {
        eprintln!("skipped: permissions do not bind this user");
        return;
    }
    failed(&compile(&model, "ideal", &["--out", parent.to_str().unwrap()]), 1, &["read-only"]);
}

#[test]
fn models_that_cannot_be_read() {
    let (folder, model) = trained();
    let missing = folder.path().join("missing.safetensors");
    failed(&compile(&missing, "ideal", &["--dry-run"]), 1, &["missing.safetensors", "cannot be read"]);
    let bytes = std::fs::read(model.join("model.safetensors")).unwrap();
    let cut = folder.path().join("cut.safetensors");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    failed(&compile(&cut, "ideal", &["--dry-run"]), 1, &["cut.safetensors", "header"]);
}

#[test]
fn what_does_not_fit() {
    let (folder, model) = trained();
    let dry = |hardware: &str| compile(&model, hardware, &["--dry-run", "--json"]);
    let line = "largest_replication = 1";
    let full = changed(folder.path(), "ideal", line, &format!("{line}\narrays = 1"));
    let output = dry(&full);
    failed(&output, 1, &["arrays", "periphery.arrays"]);
    let plan = last_object(&output);
    assert_eq!(plan["spilled_arrays"].as_u64(), plan["arrays"].as_u64().map(|arrays| arrays - 1));
    assert!(!plan["problems"].as_array().unwrap().is_empty());
    let out = folder.path().join("compiled");
    failed(&compile(&model, &full, &["--out", out.to_str().unwrap()]), 1, &["periphery.arrays"]);
    assert!(!out.exists(), "nothing is written");
    // Hidden counts of up to 15 do not fit rows that take counts up to 7.
    let few = changed(folder.path(), "ideal", "bit-serial\"\nbits = 8", "bit-serial\"\nbits = 3\nimage_bits = 8");
    failed(&dry(&few), 1, &["--max-spikes 7", "input.bits = 4"]);
    // An array too small for one weight contradicts itself.
    let narrow = changed(folder.path(), "ideal", "columns = 256", "columns = 3");
    failed(&dry(&narrow), 1, &["array.columns"]);
    failed(&compile(&model, "nonsense", &["--dry-run"]), 2, &["nonsense", "ideal"]);
    failed(&compile(&model, "ideal", &[]), 2, &["--out"]);
    let other = folder.path().join("i16");
    succeeded(&small(&other, &["--weights", "i16"]));
    failed(&compile(&other, "ideal", &["--dry-run"]), 1, &["i16", "--weights i8"]);
}

#[test]
fn calibration_on_samples() {
    let (folder, model) = trained();
    let out = folder.path().join("compiled");
    let flags = ["--out", out.to_str().unwrap()];
    failed(&compile(&model, "hcim-a-ternary", &flags), 2, &["--calibrate-on", "500"]);
    assert!(!out.exists());
    succeeded(&compile(&model, "hcim-a-ternary", &[&flags[..], &["--calibrate-on", "100"]].concat()));
    let program = Program::read(&out).unwrap();
    let crossbar = program.crossbars.iter().flatten().next().unwrap();
    assert!(crossbar.scale_factors.values.iter().any(|&scale| scale > 0));
}
