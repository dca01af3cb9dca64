//! Checks of the array and of what its rows and columns hold.

use super::Checker;
use crate::CompilerError;
use crate::hardware::{HardwareSpecification, SignedWeights};

/// Most rows or columns of an array; far more than wires carry a signal along.
const LARGEST_SIDE: i64 = 8192;

impl Checker<'_> {
    pub(super) fn array(&self, specification: &HardwareSpecification) -> Result<(), CompilerError> {
        let array = &specification.array;
        self.whole("array.rows", array.rows, 1..=LARGEST_SIDE, "give the number of word lines of one array")?;
        self.whole("array.columns", array.columns, 1..=LARGEST_SIDE, "give the number of columns of one array")?;
        self.whole("array.cell_bits", array.cell_bits, 1..=8, "give the bits of one memory cell")
    }

    pub(super) fn weights(&self, specification: &HardwareSpecification) -> Result<(), CompilerError> {
        let (array, weights) = (&specification.array, &specification.weights);
        let (bits, is_reference) = match weights.signed {
            SignedWeights::DifferentialPair => (1..=8, false),
            SignedWeights::ReferenceColumn => (2..=8, true),
        };
        let remedy = if is_reference {
            "give the bits of a whole weight, sign included"
        } else {
            "give the bits of a weight's magnitude; 7 hold every weight of a network"
        };
        self.whole("weights.bits", weights.bits, bits, remedy)?;
        self.that(
            array.cell_bits <= weights.bits,
            "array.cell_bits",
            format_args!("at most weights.bits = {}", weights.bits),
            array.cell_bits,
            "lower array.cell_bits: levels above the largest weight are never used",
        )?;
        if let Some(largest) = weights.largest {
            let full = if is_reference { (1i64 << (weights.bits - 1)) - 1 } else { (1i64 << weights.bits) - 1 };
            let remedy = "lower weights.largest, raise weights.bits, or leave weights.largest out";
            self.whole("weights.largest", largest, 1..=full, remedy)?;
        }
        self.that(
            !(weights.pair_shares_column && is_reference),
            "weights.pair_shares_column",
            "false with weights.signed = \"reference-column\", which has no pairs",
            true,
            "remove weights.pair_shares_column, or choose weights.signed = \"differential-pair\"",
        )?;
        let slices = weights.slices(array.cell_bits) as usize;
        let of_output = slices * weights.columns_per_slice();
        let needed = of_output + usize::from(is_reference);
        let reference = if is_reference { " and the reference column" } else { "" };
        self.that(
            needed <= array.columns,
            "array.columns",
            format_args!("at least {needed}: {of_output} for the {slices} slices of one output{reference}"),
            array.columns,
            "raise array.columns or array.cell_bits, or lower weights.bits",
        )
    }

    pub(super) fn input(&self, specification: &HardwareSpecification) -> Result<(), CompilerError> {
        let input = &specification.input;
        self.whole("input.bits", input.bits, 1..=8, "a row takes spike counts up to 2^bits - 1")?;
        input.image_bits.map_or(Ok(()), |bits| {
            self.whole("input.image_bits", bits, 1..=8, "pixels have 8 bits; leave the key out to use input.bits")
        })
    }
}
