//! Bad flags and files: the message names the place, what was expected and what was found, the
//! exit code is 2 for flags and 1 for files, and nothing is written.

mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use common::{failed, run, small, sterna, succeeded};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

/// A folder with a configuration file in it.
fn configuration(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

/// Trains with a configuration that must be refused before a file is written.
fn refused(text: &str, parts: &[&str]) {
    let (folder, path) = configuration(text);
    let out = folder.path().join("run");
    let output = run(&["train", path.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    failed(&output, 1, &[&["bad.toml"], parts].concat());
    assert!(!out.exists(), "something was written");
}

#[test]
fn configuration_files() {
    let head = "[data]\nsource = \"digits\"\n[network]\n";
    let topology = format!("{head}topology = \"64-20-10\"\n");
    refused(&format!("{topology}[training]\nlerning_rate = 0.1\n"), &["line 6", "lerning_rate", "learning_rate"]);
    refused(&format!("{topology}[training]\nalpha = 0.0\n"), &["alpha", "above 0", "found 0"]);
    refused(&format!("{topology}[training]\nalpha = -3.0\n"), &["alpha", "above 0", "found -3"]);
    refused(&format!("{topology}[training]\nalpha = nan\n"), &["alpha", "above 0", "found NaN"]);
    refused(&format!("{topology}[training]\nbatch = -8\n"), &["line 6", "-8"]);
    refused(&format!("{topology}[training]\nbatch = 0\n"), &["batch", "1 to 65536", "found 0"]);
    refused(&format!("{topology}[training]\ndropout = {{ nobody = 0.5 }}\n"), &["nobody"]);
    refused(&format!("{topology}padding = \"wide\"\n"), &["line 5", "wide", "valid", "same"]);
    refused(&format!("{head}topology = \"8x8-4C3-10\"\n"), &["8x8-4C3-10", "4C3", "padding"]);
    refused(&format!("{head}topology = \"8x8-4C3p0-P2-P4-10\"\n"), &["part 4", "P4", "window of 4", "size 3"]);
    refused(&format!("{head}topology = \"8x8-4C99999999999999999p0-10\"\n"), &["part 2", "4C99999999999999999p0"]);
    refused(head, &["topology", "found neither"]);
    refused("[data]\nsource = \"imagenet\"\n[network]\ntopology = \"64-10\"\n", &["line 2", "imagenet", "mnist"]);
    refused("this is no toml", &["line 1"]);
    refused(&format!("{topology}[training]\nepochs = 5\n[data.split]\n"), &["split"]);
}

#[test]
fn populations_and_projections() {
    let network = |hidden: &str, kind: &str| {
        format!(
            "[data]\nsource = \"digits\"\n[[network.population]]\nname = \"input\"\nshape = [1, 8, 8]\nneuron = \"input\"\n\
             [[network.population]]\nname = \"hidden\"\nshape = {hidden}\nneuron = \"relu\"\nfraction_bits = 5\n\
             [[network.population]]\nname = \"readout\"\nshape = [10]\nneuron = \"readout\"\nfraction_bits = 5\n\
             [[network.projection]]\nname = \"first\"\nfrom = \"input\"\nto = \"hidden\"\n{kind}\n\
             [[network.projection]]\nname = \"second\"\nfrom = \"hidden\"\nto = \"readout\"\nkind = \"dense\"\n"
        )
    };
    let convolution = "kind = \"convolution\"\nkernel = [3, 3]\npadding = [0, 0]";
    refused(&network("[-4, 6, 6]", convolution), &["line 9", "-4"]);
    refused(&network("[4, 8, 8]", convolution), &["first", "input", "[1, 8, 8]", "hidden", "[4, 8, 8]"]);
    refused(&network("[4, 6, 6]", "kind = \"convolution\"\nkernel = [3, 3]"), &["first", "padding"]);
    refused(&network("[4, 6, 6]", "kind = \"dense\"\nkernel = [3, 3]"), &["first", "kernel"]);
    refused(&network("[0]", "kind = \"dense\""), &["hidden", "0"]);
    refused(&network("[99999999999]", "kind = \"dense\""), &["hidden", "99999999999"]);
    let (folder, path) = configuration(&network("[4, 6, 6]", convolution));
    let out = folder.path().join("run");
    let right = ["train", path.to_str().unwrap(), "--epochs", "1", "--no-plots", "--out", out.to_str().unwrap()];
    succeeded(&run(&right));
}

#[test]
fn flags() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let cases: [(&[&str], &[&str]); 14] = [
        (&["--threads", "0"], &["--threads", "found 0"]),
        (&["--threads", "-1"], &["--threads", "found -1"]),
        (&["--alpha", "0"], &["--alpha", "above 0", "found 0"]),
        (&["--alpha", "-2.5"], &["--alpha", "above 0", "found -2.5"]),
        (&["--alpha", "NaN"], &["--alpha", "above 0", "found NaN"]),
        (&["--alpha", "inf"], &["--alpha", "found inf"]),
        (&["--learning-rate", "0"], &["--learning-rate", "above 0"]),
        (&["--batch", "0"], &["--batch", "1..=65536"]),
        (&["--epochs", "0"], &["--epochs", "1..="]),
        (&["--weights", "i4"], &["--weights", "i4", "i16"]),
        (&["--schedule", "step:0:0.1"], &["--schedule", "step:EVERY:FACTOR", "step:0:0.1"]),
        (&["--dropout", "dense1"], &["--dropout", "NAME=SHARE"]),
        (&["--augment", "blur"], &["--augment", "crop:PADDING", "blur"]),
        (&["--warm-up-epochs", "9999"], &["warm_up_epochs", "9999"]),
    ];
    for (flags, parts) in cases {
        failed(&small(&out, flags), 2, parts);
        assert!(!out.exists(), "{flags:?} wrote something");
    }
    failed(&run(&["train", "mnits"]), 2, &["mnits", "fashion-mnist"]);
    failed(&run(&["train"]), 2, &["WHAT"]);
    failed(&small(&out, &["--dropout", "nobody=0.5"]), 1, &["nobody"]);
    failed(&small(&out, &["--augment", "crop:100"]), 1, &["padding", "100"]);
    failed(&small(&out, &["--validation", "0"]), 1, &["validation", "found 0"]);
    failed(&small(&out, &["--validation", "5000"]), 1, &["validation", "5000"]);
    failed(&small(&out, &["--topology", "64-20-5"]), 1, &["classes", "5", "10"]);
    failed(&small(&out, &["--topology", "63-20-10"]), 1, &["[63]", "[1, 8, 8]"]);
    assert!(!out.exists());
}

#[test]
fn environment() {
    let output = sterna().args(["inspect", "--machine"]).env("STERNA_ISA", "mmx").output().unwrap();
    failed(&output, 2, &["STERNA_ISA", "scalar", "mmx"]);
    let output = sterna().args(["inspect", "--machine", "--json"]).env("STERNA_ISA", "scalar").output().unwrap();
    assert_eq!(common::last_object(&output)["instruction_set"], "scalar");
}

#[test]
fn output_folders() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    failed(&small(&file, &[]), 1, &["file", "expected a folder, found a file", "--out"]);
    failed(&small(&file, &["--overwrite"]), 1, &["expected a folder, found a file"]);
    failed(&small(&file.join("below"), &[]), 1, &["below", "--out"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let full = folder.path().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("letter.txt"), "mine").unwrap();
    failed(&small(&full, &[]), 1, &["full", "found files in it", "--overwrite"]);
    assert_eq!(std::fs::read_dir(&full).unwrap().count(), 1);
    failed(&small(&folder.path().join("none"), &["--resume"]), 1, &["none", "config.toml", "--resume"]);
    assert!(!folder.path().join("none").exists());
}

#[cfg(unix)]
#[test]
fn a_read_only_folder() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let parent = folder.path().join("read-only");
    std::fs::create_dir(&parent).unwrap();
    std::fs::set_permissions(&parent, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(parent.join("probe"), "").is_ok() {
        eprintln!("skipped: permissions do not bind this user");
        return;
    }
    failed(&small(&parent.join("run"), &[]), 1, &["read-only", "--out"]);
}

#[test]
fn data_folders() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, out) = (folder.path().join("missing"), folder.path().join("run"));
    let arguments = ["train", "mnist", "--data-dir", missing.to_str().unwrap(), "--out", out.to_str().unwrap()];
    failed(&run(&arguments), 2, &["--data-dir", "missing", "no such folder"]);
    let output = sterna().args(["train", "mnist", "--out"]).arg(&out).env("STERNA_DATA", &missing).output().unwrap();
    failed(&output, 1, &["missing", "train-images", "sterna data fetch mnist"]);
    let mnist = folder.path().join("data/mnist");
    std::fs::create_dir_all(&mnist).unwrap();
    for name in
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
    {
        std::fs::write(mnist.join(name), [0, 0, 8, 4, 0, 0, 0, 1]).unwrap();
    }
    let data = folder.path().join("data");
    let arguments = ["train", "mnist", "--data-dir", data.to_str().unwrap(), "--out", out.to_str().unwrap()];
    failed(&run(&arguments), 1, &["-ubyte", "magic number", "expected 0x0000080", "found 0x00000804"]);
    assert!(!out.exists());
    let verify = run(&["data", "verify", "mnist", "--data-dir", data.to_str().unwrap()]);
    failed(&verify, 1, &["4 of 4", "sterna data fetch mnist"]);
    assert!(common::text(&verify.stdout).contains("expected"));
}

#[test]
fn fetching_without_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    // The port is reserved and nothing listens on it.
    let mirror = ["--mirror", "http://127.0.0.1:1/", "--mirrors-only"];
    let output = run(&[&["data", "fetch", "mnist", "--data-dir", path], &mirror[..]].concat());
    failed(&output, 1, &["mnist", "http://127.0.0.1:1/"]);
    failed(&run(&["data", "fetch", "digits", "--data-dir", path]), 1, &["digits", "embedded"]);
    failed(&run(&["data", "fetch", "mnist", "--mirror", "ftp://x"]), 2, &["--mirror", "http://", "ftp://x"]);
}

/// A small model, and the same with changed tensors or description.
struct Models {
    folder: TempDir,
    bytes: Vec<u8>,
}

impl Models {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        succeeded(&small(&out, &["--epochs", "1"]));
        let bytes = common::model(&out);
        Self { folder, bytes }
    }

    fn refused(&self, bytes: &[u8], parts: &[&str]) {
        let path = self.folder.path().join("bad.safetensors");
        std::fs::write(&path, bytes).unwrap();
        let path = path.to_str().unwrap();
        for arguments in [&["eval", path, "--data", "digits"][..], &["inspect", path]] {
            failed(&run(arguments), 1, &[&["bad.safetensors"], parts].concat());
        }
    }

    /// The model with `change` applied to each tensor and `edit` to its description.
    fn changed(&self, change: impl Fn(&str, &mut Vec<u8>) -> bool, edit: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&self.bytes).unwrap();
        let text = &metadata.metadata().as_ref().unwrap()["sterna"];
        let mut description: serde_json::Value = serde_json::from_str(text).unwrap();
        edit(&mut description);
        let mut kept = Vec::new();
        for (name, view) in tensors.tensors() {
            let mut data = view.data().to_vec();
            if change(&name, &mut data) {
                kept.push((name, view.dtype(), view.shape().to_vec(), data));
            }
        }
        let views = kept
            .iter()
            .map(|(name, dtype, shape, data)| (name.clone(), TensorView::new(*dtype, shape.clone(), data).unwrap()));
        let metadata = HashMap::from([("sterna".to_owned(), description.to_string())]);
        safetensors::serialize(views, Some(metadata)).unwrap()
    }
}

#[test]
fn models() {
    let models = Models::new();
    for length in [0, 4, 100, models.bytes.len() / 2, models.bytes.len() - 1] {
        models.refused(&models.bytes[..length], &["expected", "found"]);
    }
    let version = models.changed(|_, _| true, |description| description["format"] = 99.into());
    models.refused(&version, &["format", "expected version 1", "found 99"]);
    let missing = models.changed(|name, _| name != "dense1.weight", |_| ());
    models.refused(&missing, &["dense1.weight", "expected 1536 weights", "found none"]);
    let zero = |name: &str, data: &mut Vec<u8>| {
        if name == "dense1.threshold" {
            data.fill(0);
        }
        true
    };
    models.refused(&models.changed(zero, |_| ()), &["dense1.threshold", "at least 1", "found 0"]);
    let huge = models.changed(
        |_, _| true,
        |description| {
            let populations = description["population"].as_array_mut().unwrap();
            let hidden = populations.iter_mut().find(|population| population["name"] == "dense1").unwrap();
            hidden["shape"] = serde_json::json!([200_000_000]);
        },
    );
    models.refused(&huge, &["dense1"]);
    let path = Path::new("/nonexistent/model.safetensors");
    failed(&run(&["eval", path.to_str().unwrap(), "--data", "digits"]), 1, &["/nonexistent/model.safetensors"]);
}

#[test]
fn models_and_data_that_do_not_fit() {
    let models = Models::new();
    let model = models.folder.path().join("run/model.safetensors");
    let copy = models.folder.path().join("alone.safetensors");
    std::fs::copy(&model, &copy).unwrap();
    failed(&run(&["eval", copy.to_str().unwrap()]), 2, &["--data"]);
    failed(
        &run(&["simulate", copy.to_str().unwrap(), "--data", "digits", "--sample", "599"]),
        2,
        &["--sample", "0 to 598"],
    );
    failed(&run(&["eval", copy.to_str().unwrap(), "--data", "digit"]), 2, &["digit", "mnist"]);
}

#[test]
fn damaged_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    small(&out, &["--stop-after-batches", "3"]);
    let checkpoint = out.join("checkpoint.safetensors");
    let bytes = std::fs::read(&checkpoint).unwrap();
    std::fs::write(&checkpoint, &bytes[..bytes.len() - 7]).unwrap();
    failed(&small(&out, &["--resume"]), 1, &["checkpoint.safetensors", "expected", "found"]);
    std::fs::write(&checkpoint, &bytes).unwrap();
    std::fs::write(out.join("config.toml"), "[data]\nsource = 3\n").unwrap();
    failed(&small(&out, &["--resume"]), 1, &["config.toml", "line 2"]);
}

#[test]
fn unknown_files() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("letter.txt", &b"Dear reader"[..]),
        ("empty", b""),
        ("table.csv", b"a,b\n1,2\n"),
        ("other.json", b"{}"),
        ("cut.gz", &[0x1f, 0x8b, 8]),
        ("batch.bin", &[0; 3072]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        failed(&run(&["inspect", path.to_str().unwrap()]), 1, &[name, "expected", "found"]);
    }
    failed(&run(&["inspect", folder.path().to_str().unwrap()]), 1, &["config.toml"]);
    failed(&run(&["inspect"]), 2, &["FILE"]);
}
