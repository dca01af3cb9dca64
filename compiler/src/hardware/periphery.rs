//! From the analog partial sum of a column to a digital number.

use serde::{Deserialize, Serialize};

/// What turns a partial sum P into the number that is accumulated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Quantiser {
    /// `Q(P) = P`.
    Ideal {},
    /// A converter of `bits` bits: `Q(P) = step * clamp(round_half_away(P / step), low, high)` with
    /// `-2^(bits-1) ..= 2^(bits-1) - 1` for differential pairs and `0 ..= 2^bits - 1` for
    /// reference columns.
    Uniform {
        /// Resolution.
        bits: u32,
        /// How the integer step is chosen.
        range: Range,
    },
    /// One comparator: `Q(P) = 1` if `P > 0`, -1 if `P < 0`; ties by [`crate::columns::comparator_levels`].
    Sign {},
    /// Two comparators: `Q(P) = sign(P)` if `|P| >= threshold`, else 0; thresholds are integers of
    /// at least 1 that calibration sets and retraining moves.
    Ternary {},
}

/// How the step of a uniform converter is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Range {
    /// The smallest step that clips no possible partial sum of an array.
    Full,
    /// Step 1: partial sums beyond the codes are clipped.
    Unit,
    /// The smallest power of two that clips at most one in a thousand partial sums of calibration data.
    Calibrated,
}

/// Numbers that quantised partial sums are multiplied with. The default where the quantiser takes
/// none ([`Quantiser::has_scale_factors`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScaleFactors {
    /// Which columns share one.
    pub granularity: Granularity,
    /// Bits of an unsigned fixed-point scale factor; one further factor per projection makes up for
    /// the common scale.
    pub bits: u32,
}

impl Default for ScaleFactors {
    fn default() -> Self {
        Self { granularity: Granularity::default(), bits: 8 }
    }
}

/// Which partial sums share a scale factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granularity {
    /// All of a projection.
    Layer,
    /// All of an output channel.
    Channel,
    /// Those of a column: row tile, slice and output channel.
    Column,
    /// Each on its own: column and input stream.
    #[default]
    ColumnStream,
}

/// Converters and digital parts of the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Periphery {
    /// Columns that take turns at one converter or comparator.
    pub columns_per_converter: usize,
    /// Bits of the partial-sum registers; the report says when sums exceed them.
    pub accumulator_bits: u32,
    /// Arrays on the chip; mapping says what does not fit. No limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrays: Option<usize>,
    /// Copies of the arrays of early populations, so that positions of a convolution are computed
    /// side by side: at most this many.
    pub largest_replication: usize,
}

impl Quantiser {
    /// Whether its codes are multiplied with scale factors: those of comparators are.
    pub fn has_scale_factors(&self) -> bool {
        matches!(self, Self::Sign {} | Self::Ternary {})
    }
}

impl Default for Periphery {
    fn default() -> Self {
        Self { columns_per_converter: 1, accumulator_bits: 16, arrays: None, largest_replication: 1 }
    }
}
