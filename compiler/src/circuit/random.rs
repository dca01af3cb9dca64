//! Random numbers of a chip, determined by its seed and a place.
//!
//! The generator is ChaCha with 8 rounds. Every number takes a fixed count of words, so number n of
//! a stream does not depend on the ones before it.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Which chip: all its deviations follow from these two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChipSeed {
    /// Seed of the whole study.
    pub seed: u64,
    /// Number of the chip in it.
    pub chip: u64,
}

/// Which cell of a differential pair; `Positive` where there are no pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// Adds to the partial sum.
    Positive,
    /// Is subtracted from it.
    Negative,
}

/// Where a group of cells lies on the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellPlace {
    /// Index of the array in the layout.
    pub array: usize,
    /// Which cells of its pairs.
    pub polarity: Polarity,
}

impl CellPlace {
    /// The positive, or only, cells of an array.
    pub fn positive(array: usize) -> Self {
        Self { array, polarity: Polarity::Positive }
    }

    /// The negative cells of an array.
    pub fn negative(array: usize) -> Self {
        Self { array, polarity: Polarity::Negative }
    }
}

/// What numbers are used for; different purposes never share any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Programming = 1,
    Stuck = 2,
    Drift = 3,
    Read = 4,
    SenseOffset = 5,
}

/// One stream of numbers.
pub(super) struct Draws {
    generator: ChaCha8Rng,
    second: Option<f64>,
}

impl Draws {
    /// The stream of a purpose at a place; `stream` tells reads apart.
    pub fn new(chip: ChipSeed, purpose: Purpose, place: CellPlace, stream: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&chip.seed.to_le_bytes());
        key[8..16].copy_from_slice(&chip.chip.to_le_bytes());
        key[16..24].copy_from_slice(&(place.array as u64).to_le_bytes());
        key[24] = purpose as u8;
        key[25] = place.polarity as u8;
        key[26..].copy_from_slice(b"sterna");
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Self { generator, second: None }
    }

    /// Goes on with number `index`, an even one: two numbers take four 32-bit words.
    #[cfg(test)]
    pub fn skip_to(mut self, index: usize) -> Self {
        self.generator.set_word_pos(index as u128 / 2 * 4);
        self.second = None;
        self
    }

    /// Uniform over [0, 1), on the grid of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 * (-53f64).exp2()
    }

    /// Standard normal: Box and Muller, "A note on the generation of random normal deviates", 1958.
    pub fn normal(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let (sine, cosine) = (TAU * self.uniform()).sin_cos();
        self.second = Some(radius * sine);
        radius * cosine
    }
}
