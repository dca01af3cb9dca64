//! Counts of published mappings, from a specification.

use crate::columns::Slicing;
use crate::hardware::HardwareSpecification;

/// Arrays of a convolution as the ADC-less study counts them: `ceil(ceil(fan_in / rows) * outputs *
/// slices * columns_per_slice / columns)` (public simulator configuration of Apolinario et al., IEEE
/// TETC 2023).
///
/// Row tiles share an array there when their columns fit side by side. In a [`crate::Program`] an
/// array holds one row tile and whole outputs, so that a plan takes as many arrays where the columns
/// of the outputs fill whole arrays, else more.
pub fn arrays(hardware: &HardwareSpecification, fan_in: usize, outputs: usize) -> usize {
    let columns = outputs * Slicing::of(hardware).count() * hardware.weights.columns_per_slice();
    (fan_in.div_ceil(hardware.array.rows) * columns).div_ceil(hardware.array.columns)
}

/// The digital array beside a crossbar that holds scale factors and partial sums (HCiM, Negi et al.,
/// section on the macro's architecture): as wide as the crossbar, words along a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleFactorArray {
    /// Rows that hold scale factors: one scale factor per stream and column.
    pub scale_factor_rows: usize,
    /// Rows that hold one partial sum per column.
    pub partial_sum_rows: usize,
    /// Its columns.
    pub columns: usize,
    /// Additions of a scale-factor row to a partial-sum row for one input stream: every row of the
    /// stream's scale factors, once for each part of a partial sum as wide as a scale factor.
    pub operations_per_stream: usize,
    /// Cycles of those operations in the pipeline read, compute, store: two more than operations.
    pub cycles_per_stream: usize,
}

impl ScaleFactorArray {
    /// The array for crossbars of a specification that are read in `streams` input streams.
    pub fn of(hardware: &HardwareSpecification, streams: usize) -> Self {
        let columns = hardware.array.columns;
        let scale_bits = hardware.scale_factors.bits as usize;
        let sum_bits = hardware.periphery.accumulator_bits as usize;
        let rows = |words: usize, bits: usize| (words * bits).div_ceil(columns);
        let operations_per_stream = rows(columns, scale_bits) * sum_bits.div_ceil(scale_bits);
        Self {
            scale_factor_rows: rows(streams * columns, scale_bits),
            partial_sum_rows: rows(columns, sum_bits),
            columns,
            operations_per_stream,
            cycles_per_stream: operations_per_stream + 2,
        }
    }

    /// Rows in all.
    pub fn rows(&self) -> usize {
        self.scale_factor_rows + self.partial_sum_rows
    }
}
