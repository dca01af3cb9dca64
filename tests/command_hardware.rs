//! `sterna hardware list | show`: presets, own files, and what is refused with which exit code.

mod common;

use std::path::{Path, PathBuf};

use common::{failed, last_object, run, succeeded};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with the TOML of a preset in it, one text replaced by another.
fn edited(preset: &str, old: &str, new: &str) -> (TempDir, PathBuf) {
    let text = succeeded(&run(&["hardware", "show", preset]));
    assert!(text.contains(old), "{old} is not in {text}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, text.replacen(old, new, 1)).unwrap();
    (folder, path)
}

fn shown(path: &Path) -> std::process::Output {
    run(&["hardware", "show", path.to_str().unwrap()])
}

#[test]
fn list_has_every_preset() {
    let text = succeeded(&run(&["hardware", "list"]));
    let objects = succeeded(&run(&["hardware", "list", "--json"]));
    let objects: Vec<Value> = objects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(text.lines().count(), 1 + objects.len());
    for name in ["adcless-rram-64", "adc5-rram-128", "hcim-a-ternary", "adc7-a", "adc4-b", "isaac", "ideal"] {
        assert!(objects.iter().any(|object| object["name"] == name), "{name} is missing");
        assert!(text.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name} is missing");
    }
    assert!(objects.iter().all(|object| !object["sources"].as_array().unwrap().is_empty()));
}

#[test]
fn show_writes_what_it_reads() {
    for preset in ["hcim-a-ternary", "isaac", "ideal"] {
        let text = succeeded(&run(&["hardware", "show", preset]));
        let (_folder, path) = edited(preset, "name = ", "name = ");
        assert_eq!(succeeded(&shown(&path)), text);
    }
    let object = last_object(&run(&["hardware", "show", "hcim-a-ternary", "--json"]));
    assert_eq!(object["array"]["rows"], 128);
    assert_eq!(object["quantiser"]["kind"], "ternary");
    assert_eq!(object["scale_factors"]["bits"], 4);
    let object = last_object(&run(&["hardware", "show", "ideal", "--json"]));
    assert!(object.get("scale_factors").is_none());
}

#[test]
fn wrong_files_are_refused_with_key_and_remedy() {
    let (_folder, path) = edited("adcless-rram-64", "rows = 64", "rows = 0");
    failed(&shown(&path), 1, &["mine.toml", "array.rows", "expected 1 to 8192", "found 0", "number of word lines"]);
    let (_folder, path) = edited("isaac", "columns = 129", "columns = 4");
    failed(&shown(&path), 1, &["array.columns", "at least 5", "found 4", "raise array.columns"]);
    let (_folder, path) = edited("adcless-rram-64", "rows = 64", "rowz = 64");
    failed(&shown(&path), 1, &["mine.toml, line ", "rowz", "rows"]);
    let (_folder, path) = edited("adcless-rram-64", "rows = 64", "rows = 6.5");
    failed(&shown(&path), 1, &["mine.toml, line ", "array.rows", "6.5"]);
    failed(&run(&["hardware", "show", "no-such-file.toml"]), 1, &["no-such-file.toml", "check that it exists"]);
}

#[test]
fn unknown_names_are_bad_usage() {
    failed(&run(&["hardware", "show", "hcim"]), 2, &["hcim", "hcim-a-ternary", "adcless-rram-32", "TOML file"]);
    assert_eq!(run(&["hardware", "show"]).status.code(), Some(2));
    assert_eq!(run(&["hardware", "list", "more"]).status.code(), Some(2));
}

#[test]
fn help_ends_with_examples() {
    for arguments in [&["hardware"][..], &["hardware", "list"], &["hardware", "show"]] {
        let text = succeeded(&run(&[arguments, &["--help"]].concat()));
        assert!(text.contains("Examples:\n  sterna hardware "), "{text}");
    }
}
