//! Random numbers that a seed, a purpose and a position determine.
//!
//! The generator is ChaCha with 8 rounds; its stream of 32-bit words is fixed by definition, and
//! all derived numbers are made here, so results stay the same across library versions, thread
//! counts and batch splits.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a random number is used for; different purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// Initial weights.
    Initialisation = 1,
    /// Which neurons are dropped.
    Dropout = 2,
    /// The order in which pending events are processed.
    EventOrder = 3,
    /// Random networks and inputs of tests.
    Test = 4,
    /// Examples of relational tasks.
    Relation = 5,
    /// Rounding of pulse numbers by chance.
    Rounding = 6,
    /// Noise and offsets of reads.
    Read = 7,
    /// The order of examples that are learned one by one.
    ExampleOrder = 8,
}

/// A reproducible stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream number `position` of a purpose under a seed.
    pub fn new(seed: u64, purpose: Purpose, position: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose as u8;
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(position);
        Self(generator)
    }

    /// A uniform 32-bit word.
    pub fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A uniform integer in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 {
            return 0;
        }
        let limit = u32::MAX - (u32::MAX % bound + 1) % bound;
        loop {
            let word = self.word();
            if word <= limit {
                return word % bound;
            }
        }
    }

    /// The generator itself, for distributions of other crates.
    pub fn generator(&mut self) -> &mut ChaCha8Rng {
        &mut self.0
    }
}
