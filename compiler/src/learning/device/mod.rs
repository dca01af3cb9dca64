//! Devices that learn: how one memory cell answers to write pulses, and arrays of such cells.
//!
//! A device holds a state w in normalised units, about -1..1. One pulse upwards or downwards changes
//! it by
//!
//! ```text
//! w <- clamp( w + step_up   * f_up(w)   * (1 + cycle_spread * normal), lower, upper )
//! w <- clamp( w - step_down * f_down(w) * (1 + cycle_spread * normal), lower, upper )
//! ```
//!
//! with steps and bounds of each device and f of the family ([`Model`]). A [`DeviceSpecification`]
//! says what devices are like, [`Devices`] is an array of them, drawn from a specification, a seed
//! and a place. Rows of the array are inputs, columns are outputs.
//!
//! Every random number is determined by (seed, place, row, number of the update), so results do not
//! depend on the number of threads.
//!
//! Sources: Gokmen and Vlasov, Frontiers in Neuroscience 10:333 (2016), for pulse trains and device
//! spreads; Rasch et al., AICAS 2021 (arXiv 2104.02184), for the families; see each family.

mod amounts;
mod apply;
mod check;
mod devices;
mod draw;
mod families;
mod figures;
mod functions;
mod levels;
pub mod netlist;
mod presets;
mod random;
mod relax;
mod response;
mod row;
mod rule;
mod single;
mod specification;
mod state;
mod statistics;
mod stochastic;
#[cfg(test)]
mod tests;
mod text;

pub use devices::Devices;
pub(in crate::learning) use devices::finite;
pub use families::{
    CycleNoise, DomainWall, ExponentialStep, LinearStep, Mosfet, Piecewise, PowerStep, SlopeReference, SoftBounds,
};
pub use figures::DeviceFigures;
pub use presets::{PRESETS, Preset, names};
pub use relax::Elapsed;
pub use response::{MOST_PULSES, PulseResponse};
pub use single::Device;
pub use specification::{Bounds, DeviceSpecification, Distribution, Energy, Model, Pair, Retention, Step, Stuck};
pub use statistics::DeviceStatistics;
pub use stochastic::{LONGEST_TRAIN, PulseTrains};
