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

mod converter;
mod lines;
mod read;
mod reading;
mod settings;
mod state;
mod synapses;
#[cfg(test)]
pub(in crate::learning) mod tests;
mod tiki_taka;
mod updates;
mod write;

pub(in crate::learning) use converter::Codes;
pub use converter::{InputConverter, OutputConverter};
pub use read::Reader;
pub(in crate::learning) use read::product;
pub use reading::{ErrorReadSettings, ReadSettings, Wires};
pub use settings::{ArraySettings, Pairing, UpdateRule};
pub use synapses::SynapseArray;
pub use tiki_taka::{TikiTaka, TikiTakaSettings};
pub use updates::LearningArray;
pub use write::{Verification, Written};
