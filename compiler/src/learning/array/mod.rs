//! Arrays whose weights are states of devices.
//!
//! A [`SynapseArray`] holds the weights of `inputs` times `outputs` synapses. Rows of the array are inputs, columns
//! are outputs, as in [`Devices`](super::device::Devices). A real weight is `gain` times what its device or its pair of
//! devices holds:
//!
//! ```text
//! reference:  W = gain * w             the reference column holds what state 0 stands for
//! pair:       W = gain * (w+ - w-)     pulses are shared by both devices, in opposite directions
//! ```

mod read;
mod settings;
mod state;
mod synapses;
#[cfg(test)]
pub(in crate::learning) mod tests;
mod tiki_taka;
mod updates;
mod write;

pub use read::Reader;
pub(in crate::learning) use read::product;
pub use settings::{ArraySettings, Pairing, ReadSettings, UpdateRule, Wires};
pub use synapses::SynapseArray;
pub use tiki_taka::{TikiTaka, TikiTakaSettings};
pub use updates::LearningArray;
pub use write::{Verification, Written};
