//! What the tests share.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use kernels::{Engine, Parallelism};
use llm::Model;
use llm::forward::FloatExecution;

/// The folder of real models and texts; says so when there is none.
pub fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("STERNA_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: STERNA_DATA names no data folder");
    }
    folder.map(|folder| folder.join("llama"))
}

/// A committed model or text.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The float execution of a model.
pub fn float(path: &Path) -> FloatExecution {
    FloatExecution::new(Model::open(path).unwrap(), Engine::detect(Parallelism::Rayon))
}
