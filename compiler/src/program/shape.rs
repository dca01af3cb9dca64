//! Sizes that follow from a layout.

use super::{CrossbarLayout, Geometry, PopulationLayout};
use crate::columns::Slicing;
use crate::hardware::{HardwareSpecification, SignedWeights};

/// Arrays that share a tile where the specification names no number.
const ARRAYS_PER_TILE: usize = 8;

impl HardwareSpecification {
    /// Outputs whose slices all lie in one array; 0 when the columns do not even hold one.
    pub fn outputs_per_array(&self) -> usize {
        let reference = usize::from(self.weights.signed == SignedWeights::ReferenceColumn);
        let columns = Slicing::of(self).count() * self.weights.columns_per_slice();
        self.array.columns.saturating_sub(reference) / columns.max(1)
    }

    /// Arrays that share buffers and a router: `cost.arrays_per_tile`, or 8 where that is 0.
    pub fn arrays_per_tile(&self) -> usize {
        if self.cost.arrays_per_tile == 0 { ARRAYS_PER_TILE } else { self.cost.arrays_per_tile }
    }
}

impl CrossbarLayout {
    /// Columns of one array that have a partial sum: `outputs_per_array * slices`, and one more
    /// with a reference column, which is the last. Column `(m - c * outputs_per_array) * slices + k`
    /// holds slice k of output m.
    pub fn columns(&self) -> usize {
        self.outputs_per_array * self.slices.len() + usize::from(self.reference_weight != 0)
    }

    /// Bytes of one row in [`super::Crossbar::cells`].
    pub fn row_bytes(&self, cell_bits: u32) -> usize {
        (self.columns() * cell_bits as usize).div_ceil(8)
    }

    /// Arrays of one copy.
    pub fn arrays(&self) -> usize {
        self.row_tiles * self.column_tiles
    }

    /// Rows in use of row tile `row_tile`, for arrays of `array_rows` rows.
    pub fn rows_in(&self, row_tile: usize, array_rows: usize) -> usize {
        self.fan_in.saturating_sub(row_tile * array_rows).min(array_rows)
    }

    /// Outputs in column tile `column_tile`.
    pub fn outputs_in(&self, column_tile: usize) -> usize {
        self.outputs.saturating_sub(column_tile * self.outputs_per_array).min(self.outputs_per_array)
    }

    /// Numbers of row tiles, slices, streams and outputs: the full size of a [`super::Broadcast`].
    pub fn sizes(&self) -> [usize; 4] {
        [self.row_tiles, self.slices.len(), self.streams.len(), self.outputs]
    }

    /// Output positions per example: 1 for a dense projection.
    pub fn positions(&self, target: &PopulationLayout) -> usize {
        match self.geometry {
            Geometry::Dense {} => 1,
            Geometry::Convolution { .. } => target.shape[1] * target.shape[2],
        }
    }
}

impl PopulationLayout {
    /// Number of neurons.
    pub fn neurons(&self) -> usize {
        self.shape.iter().product()
    }
}
