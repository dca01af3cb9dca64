//! Weights as digits of base `2^cell_bits`.

use crate::hardware::{HardwareSpecification, SignedWeights};

/// How a weight is cut into slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slicing {
    /// Representation of the sign.
    pub signed: SignedWeights,
    /// Bits of all slices together.
    pub bits: u32,
    /// Bits of one slice, which are those of a cell.
    pub cell_bits: u32,
}

impl Slicing {
    /// That of a chip.
    pub fn of(hardware: &HardwareSpecification) -> Self {
        Self { signed: hardware.weights.signed, bits: hardware.weights.bits, cell_bits: hardware.array.cell_bits }
    }

    /// Number of slices.
    pub fn count(&self) -> usize {
        self.bits.div_ceil(self.cell_bits) as usize
    }

    /// What each slice weighs, `2^(cell_bits * k)`.
    pub fn weights(&self) -> Vec<i64> {
        (0..self.count()).map(|slice| 1i64 << (slice as u32 * self.cell_bits)).collect()
    }

    /// Weight of the count of active rows: what takes the offset of a reference column off.
    pub fn reference_weight(&self) -> i64 {
        match self.signed {
            SignedWeights::DifferentialPair => 0,
            SignedWeights::ReferenceColumn => -(1i64 << (self.bits - 1)),
        }
    }

    /// Levels of the positive and the negative cell that slice `slice` of `weight` needs; the
    /// second is 0 with a reference column.
    pub fn levels(&self, weight: i32, slice: usize) -> (u8, u8) {
        let digit = |value: i64| ((value >> (slice as u32 * self.cell_bits)) & ((1 << self.cell_bits) - 1)) as u8;
        match self.signed {
            SignedWeights::DifferentialPair => (digit(weight.max(0).into()), digit((-i64::from(weight)).max(0))),
            SignedWeights::ReferenceColumn => (digit(i64::from(weight) - self.reference_weight()), 0),
        }
    }
}
