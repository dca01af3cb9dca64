//! What differs between a real chip and the ideal one. Each part is switched by its presence.

use serde::{Deserialize, Serialize};

/// Deviations of a chip; the default has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NonIdealities {
    /// Error of a cell when it is programmed, fixed from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub programming: Option<Spread>,
    /// Levels a cell can really be set to, evenly spaced, both ends included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conductance_levels: Option<u32>,
    /// Error of a column current, drawn anew at each read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<Spread>,
    /// Cells that cannot be programmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stuck: Option<StuckCells>,
    /// Change of conductances with time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// Voltage lost along rows and columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wires: Option<WireResistance>,
    /// Standard deviation of the offset of a comparator or converter, in units of the partial sum
    /// of one cell at its highest level; fixed for each column of a chip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sense_offset: Option<f64>,
}

/// Size of a random deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Spread {
    /// Normal, standard deviation a share of the on-off conductance difference (cells) or of the
    /// current of one cell at its highest level (reads).
    Absolute {
        /// That share.
        sigma: f64,
    },
    /// Normal, standard deviation a share of the conductance or current itself.
    Relative {
        /// That share.
        sigma: f64,
    },
    /// The value times `exp(sigma * n)`, n standard normal.
    LogNormal {
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

/// Cells that hold one level whatever is programmed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StuckCells {
    /// Share of cells at the highest level.
    pub on_share: f64,
    /// Share of cells at level 0.
    pub off_share: f64,
}

/// `G(t) = G(t0) * (t / t0)^-nu`, nu of a cell normal and at least 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Time since programming.
    pub time_s: f64,
    /// Time of the first read, t0.
    pub reference_time_s: f64,
    /// Mean exponent.
    pub exponent: f64,
    /// Standard deviation of the exponent between cells.
    pub exponent_sigma: f64,
}

/// How the resistance of wires enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WireResistance {
    /// Node voltages of every read are solved for.
    Exact,
    /// Each cell's contribution is scaled once, from a solution with average inputs.
    Approximate,
}
