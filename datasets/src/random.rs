//! Seeded random numbers whose values no library update changes.
//!
//! Words come from ChaCha8 (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008), a fixed
//! function. What is made of the words is written out here.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What random numbers are for; each purpose has its own key, so no two draws share words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Order of the samples in an epoch.
    Permutation,
    /// Crop and flip.
    Augmentation,
    /// Choice of validation and test samples.
    Split,
}

impl Purpose {
    const fn key(self) -> &'static [u8; 16] {
        match self {
            Self::Permutation => b"sterna permutate",
            Self::Augmentation => b"sterna augmentat",
            Self::Split => b"sterna splitting",
        }
    }
}

/// The generator keyed by `(seed, purpose)` at the start of `stream`.
pub(crate) fn generator(seed: u64, purpose: Purpose, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[16..].copy_from_slice(purpose.key());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(stream);
    generator
}

/// A number of `0..bound`, each equally likely; zero when `bound` is zero.
///
/// Words that would favour small numbers are drawn again (D. Lemire, "Fast random integer
/// generation in an interval", 2019).
pub(crate) fn below(generator: &mut ChaCha8Rng, bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    let threshold = bound.wrapping_neg() % bound;
    loop {
        let product = u128::from(generator.next_u64()) * u128::from(bound);
        if product as u64 >= threshold {
            return (product >> 64) as u64;
        }
    }
}

/// Shuffles `items` in place (Fisher-Yates from the last item down), all orders equally likely.
pub(crate) fn shuffle<T>(generator: &mut ChaCha8Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(generator, last as u64 + 1) as usize);
    }
}

/// The order of `count` samples in epoch `epoch`: a permutation of `0..count`, a pure function
/// of its arguments, with all orders equally likely.
///
/// The generator's key is `(seed, purpose)` and its stream is `epoch`, so any epoch can be
/// recreated without those before it.
pub fn permutation(seed: u64, epoch: u64, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    shuffle(&mut generator(seed, Purpose::Permutation, epoch), &mut order);
    order
}
