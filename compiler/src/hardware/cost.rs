//! Energy, latency and area of the components of a chip.

use serde::{Deserialize, Serialize};

/// Constants of the cost model. A component that is absent costs nothing, and reports say so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cost {
    /// Node that all constants below hold for.
    pub technology_nm: f64,
    /// How latencies are combined.
    pub timing: Timing,
    /// One read of a whole array (all rows, all columns) at half of its rows active.
    pub array: Component,
    /// One row driven in one read.
    pub row_driver: Component,
    /// One conversion of one column: converter or comparators.
    pub converter: Component,
    /// One use of one scale factor: add or subtract it to the partial sum of a column.
    pub scale_factor: Component,
    /// Energy of [`Cost::scale_factor`] against the share of zeros among ternary codes, relative
    /// to no zeros.
    pub zero_share_energy: Curve,
    /// One addition outside the arrays: shift-and-add of codes, sums over row tiles.
    pub accumulator: Component,
    /// One bit written to and read from a buffer.
    pub buffer_bit: Component,
    /// One bit moved between arrays or tiles.
    pub interconnect_bit: Component,
    /// One update of one neuron: comparison with the threshold, spike count.
    pub neuron: Component,
    /// Power of everything that leaks, per array.
    pub leakage_nw: f64,
    /// Arrays that share buffers and routers.
    pub arrays_per_tile: usize,
    /// What one group of [`Cost::arrays_per_tile`] arrays takes beyond them: buffers, routers.
    pub tile: Component,
}

/// One component. Energies and latencies are per use, areas per instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Component {
    /// Energy of one use.
    pub energy_pj: f64,
    /// Time of one use.
    pub latency_ns: f64,
    /// Area of one instance.
    pub area_um2: f64,
    /// Where the numbers come from.
    pub source: String,
}

/// Points of a curve, first coordinate rising; linear in between and constant outside. Empty: 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Curve {
    /// `[x, y]`.
    pub points: Vec<[f64; 2]>,
}

/// How the time of a read comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// Array settling and conversion both counted.
    #[default]
    Physical,
    /// As the published simulator does: no delay of a single comparator.
    Published,
}

impl Component {
    /// Whether any of its numbers is above 0.
    pub fn is_counted(&self) -> bool {
        self.energy_pj > 0.0 || self.latency_ns > 0.0 || self.area_um2 > 0.0
    }
}

impl Curve {
    /// The value at x.
    pub fn at(&self, x: f64) -> f64 {
        let after = self.points.partition_point(|point| point[0] <= x);
        match (self.points.get(after.wrapping_sub(1)), self.points.get(after)) {
            (Some(&[x0, y0]), Some(&[x1, y1])) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
            (Some(&[_, y]), None) | (None, Some(&[_, y])) => y,
            (None, None) => 1.0,
        }
    }
}
