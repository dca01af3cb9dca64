//! What a chip offers: one specification serves training, mapping, simulation and cost.

mod array;
mod check;
mod cost;
mod device;
mod display;
mod non_ideality;
mod periphery;
pub mod presets;
mod text;

pub use array::{Array, InputCoding, Inputs, SignedWeights, WeightCells};
pub use cost::{Component, Cost, Curve, Timing};
pub use device::Device;
pub use non_ideality::{Drift, NonIdealities, Spread, StuckCells, WireResistance};
pub use periphery::{Granularity, Periphery, Quantiser, Range, ScaleFactors};
pub use text::LARGEST_FILE;
pub(crate) use text::{line_of, problem};

use serde::{Deserialize, Serialize};

/// A crossbar chip. Written as TOML; units are part of the key names, and `docs/hardware.md` explains
/// each. Fields that no reader has checked are checked by [`HardwareSpecification::check`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareSpecification {
    /// Short name, such as `hcim-a-ternary`.
    pub name: String,
    /// One sentence for `sterna hardware list`.
    pub description: String,
    /// Publications and data that the numbers come from.
    pub sources: Vec<String>,
    /// Size and cells of one crossbar array.
    pub array: Array,
    /// How weights become cells.
    pub weights: WeightCells,
    /// How spike counts reach the rows.
    pub input: Inputs,
    /// What happens to the partial sum of a column.
    pub quantiser: Quantiser,
    /// Scale factors on quantised partial sums.
    #[serde(default)]
    pub scale_factors: ScaleFactors,
    /// Converters, accumulators and arrays of the chip.
    #[serde(default)]
    pub periphery: Periphery,
    /// The memory cell and the wires between cells.
    pub device: Device,
    /// What differs from the ideal chip; everything off when absent.
    #[serde(default)]
    pub non_idealities: NonIdealities,
    /// Energy, latency and area of the components; nothing is counted when absent.
    #[serde(default)]
    pub cost: Cost,
}
