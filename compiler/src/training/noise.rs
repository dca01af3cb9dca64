//! Noise of training: programming variation and read noise, drawn anew for every batch.
//!
//! Digits are taken to a finer grid, `1 / grid` of a level, and their deviations rounded to it, so
//! that noisy partial sums are exact integers too and no order of summation matters.

use kernels::Engine;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::columns::{ColumnInput, ColumnOperator, Digits, Slicing};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, NonIdealities, SignedWeights, Spread};

/// Numbers in the table that read noise is taken from, a power of two.
const TABLE: usize = 1 << 14;

/// Columns with deviating digits, and the noise of their reads.
#[derive(Debug)]
pub(super) struct NoisyColumns {
    pub operator: ColumnOperator,
    /// Partial sums are in units of 1 / grid of a level.
    pub grid: i32,
    /// Read noise as a share of a sum (`Some(true)`) or in its units.
    is_relative: bool,
    table: Vec<i32>,
    key: u64,
}

/// What determines a draw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub seed: u64,
    pub epoch: u32,
    pub batch: u64,
    pub projection: u64,
}

impl Draw {
    fn generator(self, purpose: u8) -> ChaCha8Rng {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&self.batch.to_le_bytes());
        key[16..20].copy_from_slice(&self.epoch.to_le_bytes());
        key[20..28].copy_from_slice(&self.projection.to_le_bytes());
        key[28..].copy_from_slice(&[b'c', b'o', b'l', purpose]);
        ChaCha8Rng::from_seed(key)
    }
}

impl NoisyColumns {
    /// Draws the deviations of a chip for multipliers `[outputs][fan-in]`.
    pub fn draw(
        multipliers: &[i8],
        fan_in: usize,
        input: ColumnInput,
        hardware: &HardwareSpecification,
        draw: Draw,
        engine: Engine,
    ) -> Result<Self, CompilerError> {
        let slicing = Slicing::of(hardware);
        let top = f64::from((1u32 << slicing.cell_bits) - 1);
        let grid = (96.0 / top).floor().max(1.0);
        let NonIdealities { programming, read, .. } = &hardware.non_idealities;
        let mut digits = Digits::of_multipliers(multipliers, fan_in, slicing, hardware.array.rows)?;
        let mut generator = draw.generator(1);
        let mut cell = |level: f64| -> f64 {
            let normal: f64 = StandardNormal.sample(&mut generator);
            match programming {
                None => level,
                Some(Spread::Absolute { sigma }) => level + sigma * top * normal,
                Some(Spread::Relative { sigma }) => level * (1.0 + sigma * normal),
                Some(Spread::LogNormal { sigma }) => level * (sigma * normal).exp(),
            }
        };
        for digit in &mut digits.values {
            let level = f64::from(*digit);
            let (positive, negative) = match slicing.signed {
                SignedWeights::DifferentialPair => (cell(level.max(0.0)), cell((-level).max(0.0))),
                SignedWeights::ReferenceColumn => (cell(level), 0.0),
            };
            *digit = ((positive - negative) * grid).round().clamp(-32000.0, 32000.0) as i16;
        }
        let (sigma, is_relative) = match *read {
            None => (0.0, false),
            Some(Spread::Absolute { sigma }) => (sigma * top * grid, false),
            // To first order the exponential is 1 + sigma * n.
            Some(Spread::Relative { sigma } | Spread::LogNormal { sigma }) => (sigma * 65536.0, true),
        };
        let mut generator = draw.generator(2);
        let normal = |_| {
            let normal: f64 = StandardNormal.sample(&mut generator);
            (sigma * normal).round().clamp(-1e6, 1e6) as i32
        };
        let table = if sigma > 0.0 { (0..TABLE).map(normal).collect() } else { Vec::new() };
        let operator = ColumnOperator::from_digits(&digits, input, engine)?;
        let key = draw.seed ^ draw.batch.rotate_left(20) ^ u64::from(draw.epoch).rotate_left(44) ^ draw.projection;
        Ok(Self { operator, grid: grid as i32, is_relative, table, key })
    }

    pub fn has_read_noise(&self) -> bool {
        !self.table.is_empty()
    }

    /// Adds the noise of one read; `place` says of which: sample, position, row tile, stream.
    pub fn disturb(&self, sums: &mut [i32], place: [u32; 4]) {
        let mut start = place.iter().fold(self.key, |key, &part| mix(key ^ u64::from(part)));
        for sums in sums.chunks_mut(64) {
            start = mix(start);
            let offset = start as usize % TABLE;
            for (index, sum) in sums.iter_mut().enumerate() {
                let noise = self.table[(offset + index) % TABLE];
                *sum += if self.is_relative { ((i64::from(*sum) * i64::from(noise)) >> 16) as i32 } else { noise };
            }
        }
    }
}

/// One step of splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
fn mix(key: u64) -> u64 {
    let key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}
