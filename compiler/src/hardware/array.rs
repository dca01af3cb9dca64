//! Arrays, cells, and the coding of weights and inputs.

use serde::{Deserialize, Serialize};

/// One crossbar array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// Word lines: synapses of one column.
    pub rows: usize,
    /// Columns that are read: each has one partial sum per input stream. A differential pair of
    /// bit lines counts as one column when [`WeightCells::pair_shares_column`] is set, else as two.
    pub columns: usize,
    /// Bits of one memory cell: it has `2^cell_bits` levels.
    pub cell_bits: u32,
}

/// How a signed weight is held by cells that only know levels from zero up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedWeights {
    /// Slice k holds `digit_k(max(w, 0))` in the positive and `digit_k(max(-w, 0))` in the negative
    /// cell of a pair; a partial sum is the difference (Saxena and Roy, ISLPED 2023).
    DifferentialPair,
    /// Slices hold the digits of `w + 2^(bits - 1)`; a column of each array whose cells all hold
    /// the digit 1 counts the active rows, so that the offset is taken off exactly (ISAAC).
    ReferenceColumn,
}

/// How weights become cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightCells {
    /// Bits that the slices of a weight hold together: of the magnitude for differential pairs, of
    /// the whole weight for a reference column. `ceil(bits / cell_bits)` slices.
    pub bits: u32,
    /// Representation of the sign.
    pub signed: SignedWeights,
    /// Largest magnitude that mapping uses; the largest that the bits can hold when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest: Option<i32>,
    /// Whether the two cells of a differential pair lie in one column that is read as one.
    #[serde(default)]
    pub pair_shares_column: bool,
}

/// How spike counts reach the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Coding in time.
    pub coding: InputCoding,
    /// A row can be given spike counts up to `2^bits - 1`, as that many bits or as so many spikes.
    pub bits: u32,
    /// The same for the populations that hold the input of the network, such as pixels of 8 bits;
    /// `bits` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_bits: Option<u32>,
}

/// Coding of a spike count in time. A signed count has a second set of streams for negative counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputCoding {
    /// Stream j is bit j of the count and weighs `2^j`: one read per bit.
    BitSerial,
    /// Stream t is 1 while t is below the count and weighs 1: one read per spike.
    Spikes,
}

impl WeightCells {
    /// Number of bit slices of a weight.
    pub fn slices(&self, cell_bits: u32) -> u32 {
        self.bits.div_ceil(cell_bits)
    }

    /// Largest weight magnitude that mapping may use.
    pub fn largest(&self) -> i32 {
        let full = match self.signed {
            SignedWeights::DifferentialPair => (1i32 << self.bits) - 1,
            SignedWeights::ReferenceColumn => (1i32 << (self.bits - 1)) - 1,
        };
        self.largest.map_or(full, |largest| largest.min(full))
    }

    /// Columns of the array that one slice of one output takes.
    pub fn columns_per_slice(&self) -> usize {
        match self.signed {
            SignedWeights::DifferentialPair if !self.pair_shares_column => 2,
            SignedWeights::DifferentialPair | SignedWeights::ReferenceColumn => 1,
        }
    }
}

impl Inputs {
    /// Bits for counts of the network's input (`is_image`) or of another population.
    pub fn bits_for(&self, is_image: bool) -> u32 {
        if is_image { self.image_bits.unwrap_or(self.bits) } else { self.bits }
    }
}
