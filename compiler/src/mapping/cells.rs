//! Weights packed into cell levels.

use rayon::prelude::*;

use crate::columns::Slicing;
use crate::hardware::{HardwareSpecification, SignedWeights};
use crate::program::CrossbarLayout;

/// Positive and negative cells of multipliers `[output][fan-in]`, as [`crate::program::Crossbar`]
/// holds them; the second is empty with a reference column.
pub(super) fn pack(
    multipliers: &[i8],
    layout: &CrossbarLayout,
    hardware: &HardwareSpecification,
) -> (Vec<u8>, Vec<u8>) {
    let slicing = Slicing::of(hardware);
    // A multiplier of another sign than the polarity has digits 0 there.
    let digits = |polarity: Polarity| -> Vec<u16> {
        let of_weight = |weight: i32| {
            (0..slicing.count()).fold(0u16, |bits, slice| {
                let (positive, negative) = slicing.levels(weight, slice);
                let level = if polarity == Polarity::Positive { positive } else { negative };
                bits | u16::from(level) << (slice as u32 * slicing.cell_bits)
            })
        };
        (0..=255u8).map(|byte| of_weight((byte as i8).into())).collect()
    };
    let cells = |polarity| pack_one(multipliers, &digits(polarity), layout, hardware);
    let negative = match slicing.signed {
        SignedWeights::DifferentialPair => cells(Polarity::Negative),
        SignedWeights::ReferenceColumn => Vec::new(),
    };
    (cells(Polarity::Positive), negative)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Polarity {
    Positive,
    Negative,
}

/// Cells of one polarity: `digits` holds the levels of all slices of each multiplier.
fn pack_one(multipliers: &[i8], digits: &[u16], layout: &CrossbarLayout, hardware: &HardwareSpecification) -> Vec<u8> {
    let (rows, cell_bits) = (hardware.array.rows, hardware.array.cell_bits as usize);
    let row_bytes = layout.row_bytes(hardware.array.cell_bits);
    let mut cells = vec![0u8; layout.arrays() * rows * row_bytes];
    cells.par_chunks_mut(rows * row_bytes).enumerate().for_each(|(array, cells)| {
        let (row_tile, column_tile) = (array / layout.column_tiles, array % layout.column_tiles);
        let (first_row, rows) = (row_tile * rows, layout.rows_in(row_tile, rows));
        for output in 0..layout.outputs_in(column_tile) {
            let start = (column_tile * layout.outputs_per_array + output) * layout.fan_in + first_row;
            let bit = output * layout.slices.len() * cell_bits;
            let column = &multipliers[start..start + rows];
            for (row, &multiplier) in cells.chunks_exact_mut(row_bytes).zip(column) {
                or_bits(row, bit, digits[usize::from(multiplier as u8)]);
            }
        }
        if layout.reference_weight != 0 {
            let bit = (layout.columns() - 1) * cell_bits;
            cells.chunks_exact_mut(row_bytes).take(rows).for_each(|row| or_bits(row, bit, 1));
        }
    });
    cells
}

/// Sets bits of a packed row from bit `bit` on.
fn or_bits(row: &mut [u8], bit: usize, bits: u16) {
    let mut rest = u32::from(bits) << (bit % 8);
    let mut byte = bit / 8;
    while rest != 0 {
        row[byte] |= rest as u8;
        rest >>= 8;
        byte += 1;
    }
}
