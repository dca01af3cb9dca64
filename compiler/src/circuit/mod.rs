//! Arrays as circuits: conductances of one chip, wires, noise of a read, netlists.
//!
//! A chip is a [`ChipSeed`]; everything random about it follows from that seed, the place of the
//! array and the number of the cell, column or read, whatever is evaluated first. [`AnalogArray`]
//! bundles what a simulation needs of one array:
//!
//! ```text
//! P[c] = sum over the rows i: x[i] * contribution[c, i]  + noise[read, c] + offset[c]
//! ```
//!
//! in units of one level, x being 1 for rows that the input stream drives and 0 for the others,
//! which are held at 0 V. Without deviations the contributions are the integer levels, so P is the
//! exact partial sum.
//!
//! Both cells of a differential pair have their own bit line, positive one first, whether or not
//! the pair counts as one column; without pairs every column is one bit line.

mod analog;
mod conductances;
mod deviation;
mod effective;
mod levels;
pub mod netlist;
mod random;
mod read;
mod realise;
mod scale;
#[cfg(test)]
mod tests;
pub mod wires;

pub use analog::AnalogArray;
pub use conductances::Conductances;
pub use effective::EffectiveArray;
pub use levels::ArrayLevels;
pub use random::{CellPlace, ChipSeed, Polarity};
pub use read::{ReadNoise, sense_offsets};
pub use realise::{realise, realise_array};
pub use scale::LevelScale;
