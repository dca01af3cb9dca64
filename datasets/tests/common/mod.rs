//! Fixtures shared by the tests.
#![allow(dead_code, reason = "each test file uses a part of this module")]

pub mod server;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// An IDX file: magic number, dimensions, payload.
pub fn idx(magic: u32, dimensions: &[u32], payload: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_be_bytes().to_vec();
    for dimension in dimensions {
        bytes.extend(dimension.to_be_bytes());
    }
    bytes.extend(payload);
    bytes
}

/// `bytes` compressed with gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("compress");
    encoder.finish().expect("compress")
}

/// Bytes without a pattern that gzip could use.
pub fn noise(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// The images and labels of a small MNIST part.
pub fn part(count: usize) -> (Vec<u8>, Vec<u8>) {
    let labels = (0..count).map(|index| (index % 10) as u8).collect();
    (noise(count * 784, count as u64), labels)
}

/// A folder `mnist` with 30 training and 20 test images.
pub struct MnistFixture {
    pub root: tempfile::TempDir,
}

impl MnistFixture {
    pub fn new(compressed: bool) -> Self {
        let fixture = Self { root: tempfile::tempdir().expect("temporary folder") };
        fs::create_dir(fixture.root.path().join("mnist")).expect("folder");
        for (name, count) in [("train", 30), ("t10k", 20)] {
            let (pixels, labels) = part(count);
            let images = idx(0x803, &[count as u32, 28, 28], &pixels);
            let labels = idx(0x801, &[count as u32], &labels);
            for (kind, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
                if compressed {
                    fixture.put(&format!("{name}-{kind}-ubyte.gz"), &gzip(&bytes));
                } else {
                    fixture.put(&format!("{name}-{kind}-ubyte"), &bytes);
                }
            }
        }
        fixture
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("mnist").join(name)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("write fixture");
    }

    pub fn load(&self) -> Result<datasets::Dataset, datasets::DatasetError> {
        datasets::load(&datasets::Source::Mnist, Some(self.root.path()))
    }
}

/// The data folder with the real data sets; prints why the test is passed over without it.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("STERNA_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("passed over: STERNA_DATA names no data folder");
    }
    folder
}

/// Names of the entries of `folder`, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Asserts that the text of `error` holds each of `parts`.
pub fn assert_says(error: &datasets::DatasetError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "\"{part}\" is not in: {text}");
    }
}
