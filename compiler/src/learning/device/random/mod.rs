//! Random numbers of an array of devices, determined by seed, place, row and update.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number
//! generators", 2021); each stream has a state of its own, mixed from what it is for by the finaliser
//! of splitmix64 (Steele, Lea and Flood, 2014). Normal numbers by the hundred are functions of a key from a stream.

mod normals;
mod threefry;

pub(super) use normals::{LANES, Lanes, Normals};

use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// What numbers are used for; different purposes never share any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Manufacture = 1,
    Pulses = 2,
    InputTrain = 3,
    ErrorTrain = 4,
    Read = 5,
    FirstLevel = 6,
}

/// Seed and place of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub seed: u64,
    pub place: u64,
}

/// One stream of numbers.
pub(super) struct Draws<R = Xoshiro256PlusPlus>(pub R);

impl Draws {
    /// The stream of a purpose for a row (or column) and an update.
    pub fn new(origin: Origin, purpose: Purpose, row: usize, stamp: u64) -> Self {
        let mut state = [0u8; 32];
        for (lane, bytes) in (1u64..).zip(state.chunks_exact_mut(8)) {
            let parts = [origin.seed, origin.place, purpose as u64, row as u64, stamp];
            let word = parts.into_iter().fold(lane, |word, part| mixed(word.wrapping_add(GOLDEN) ^ part));
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(Xoshiro256PlusPlus::from_seed(state))
    }
}

impl<R: Rng> Draws<R> {
    /// Standard normal, by the ziggurat method.
    #[inline]
    pub fn normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.0)
    }

    /// The same as f64.
    pub fn wide_normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Uniform over [0, 1), on the grid of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (-53f64).exp2()
    }

    /// A function to normal numbers, of the next 128 bits.
    pub fn normals(&mut self) -> Normals {
        let [low, high] = [self.bits(), self.bits()];
        Normals { key: [low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32] }
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A bijection of 64-bit words in which every bit of the result depends on every bit of the word.
fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
