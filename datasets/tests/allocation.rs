//! Headers that promise much do not make readers reserve much.
#![cfg(target_os = "linux")]

mod common;

use std::fs;

use common::{MnistFixture, gzip, idx};

/// Largest address space so far in kibibytes, reserved memory included.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).expect("number")
}

#[test]
fn a_promise_of_800_megabytes_reserves_next_to_nothing() {
    const PROMISED: u32 = 1 << 20;
    for compressed in [true, false] {
        let fixture = MnistFixture::new(true);
        let images = idx(0x803, &[PROMISED, 28, 28], &[7; 1000]);
        let labels = idx(0x801, &[PROMISED], &vec![3; PROMISED as usize]);
        fixture.put("train-labels-idx1-ubyte.gz", &gzip(&labels));
        let images = if compressed { gzip(&images) } else { images };
        fixture.put("train-images-idx3-ubyte.gz", &images);
        drop(labels);
        let before = peak();
        assert!(fixture.load().is_err());
        let grown = peak() - before;
        assert!(grown < 16 * 1024, "{grown} KiB for a file of {} bytes", images.len());
    }
}
