//! One number for each component of the chip.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// One quantity (energy in pJ, or area in square micrometres) by component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breakdown {
    /// Cells of the crossbar arrays.
    pub array: f64,
    /// Drivers of the rows.
    pub row_drivers: f64,
    /// Converters or comparators of the columns.
    pub converters: f64,
    /// Digital arrays that add scale factors to partial sums.
    pub scale_factors: f64,
    /// Additions outside the arrays.
    pub accumulators: f64,
    /// Buffers of spike counts.
    pub buffers: f64,
    /// Movement between arrays and tiles.
    pub interconnect: f64,
    /// What a tile has beyond its arrays.
    pub tiles: f64,
    /// Comparison with the threshold and spike counts.
    pub neurons: f64,
    /// What flows without any event.
    pub leakage: f64,
}

impl Breakdown {
    /// Names of the components in the order of the fields.
    pub const NAMES: [&str; 10] = [
        "array",
        "row drivers",
        "converters",
        "scale factors",
        "accumulators",
        "buffers",
        "interconnect",
        "tiles",
        "neurons",
        "leakage",
    ];

    /// Values in the order of [`Breakdown::NAMES`].
    pub fn values(&self) -> [f64; 10] {
        [
            self.array,
            self.row_drivers,
            self.converters,
            self.scale_factors,
            self.accumulators,
            self.buffers,
            self.interconnect,
            self.tiles,
            self.neurons,
            self.leakage,
        ]
    }

    /// Name and value of every component.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, f64)> {
        Self::NAMES.into_iter().zip(self.values())
    }

    /// Sum of all components.
    pub fn total(&self) -> f64 {
        self.values().iter().sum()
    }
}

impl Add for Breakdown {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            array: self.array + other.array,
            row_drivers: self.row_drivers + other.row_drivers,
            converters: self.converters + other.converters,
            scale_factors: self.scale_factors + other.scale_factors,
            accumulators: self.accumulators + other.accumulators,
            buffers: self.buffers + other.buffers,
            interconnect: self.interconnect + other.interconnect,
            tiles: self.tiles + other.tiles,
            neurons: self.neurons + other.neurons,
            leakage: self.leakage + other.leakage,
        }
    }
}

impl AddAssign for Breakdown {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
