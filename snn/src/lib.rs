//! Integrate-and-fire networks whose spikes are integers.
//!
//! A [`NetworkDescription`] says which populations and projections exist; [`Network::build`]
//! checks it once and holds the parameters; [`simulator`] runs it event by event; [`model`]
//! stores it in one file.
//!
//! For a population p with projections from populations q, all quantities being integers:
//!
//! ```text
//! A = sum_q W_q * S_q + b                       total input in grid units of p
//! S = clamp(round_half_away(A / threshold), minimum_count, maximum_count)
//! gate = A > 0 for rectified populations, 1 otherwise
//! ```
//!
//! Neurons are numbered channels-last: neuron `(channel, y, x)` of a population of shape
//! `[channels, height, width]` has the index `(y * width + x) * channels + channel`.
#![forbid(unsafe_code)]

pub mod description;
pub mod error;
pub mod gif;
pub mod model;
pub mod network;
pub mod operations;
pub mod random;
pub mod simulator;
#[doc(hidden)]
pub mod testing;
pub mod trace;

pub use description::{
    NetworkDescription, NeuronKind, PopulationDescription, ProjectionDescription, ProjectionKindDescription, Shorthand,
    ShorthandPadding, Threshold, WeightFormat, default_fraction_bits,
};
pub use error::SnnError;
pub use network::{Bias, Connection, Network, Population, Projection, Shape, Weights};
pub use simulator::{EventOrder, InputEncoding, Simulation, SimulationOptions, Simulator, State};
pub use trace::Trace;
