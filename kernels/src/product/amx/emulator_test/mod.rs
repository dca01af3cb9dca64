//! Products by tiles equal the scalar twin, on the processor's tiles or on emulated ones.

mod operations;
mod products;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::emulator;
use crate::{Isa, Store};

/// Makes tiles usable. Without AVX-512 VNNI the path cannot run at all; the test says so and passes.
fn prepare() -> bool {
    if !Isa::Avx512Vnni.is_available() {
        eprintln!("skipped: amx-int8 needs AVX-512, which is {}", Isa::Avx512Vnni.availability());
        return false;
    }
    if !Isa::AmxInt8.is_available() {
        emulator::install();
    }
    true
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(0x57e2), ..ProptestConfig::default() }
}

/// Bytes drawn from a seed: anything, or extremes only.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let value = (state >> 32) as u8;
            if seed.is_multiple_of(3) { [0, 127, 128, 255][usize::from(value) % 4] } else { value }
        })
        .collect()
}

fn integers(seed: u64, length: usize) -> Vec<i32> {
    bytes(seed, 4 * length).chunks(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn store() -> impl Strategy<Value = Store> {
    (any::<bool>(), prop_oneof![3 => Just(1), 1 => Just(256), 1 => any::<i32>()])
        .prop_map(|(accumulate, scale)| Store { accumulate, scale })
}
