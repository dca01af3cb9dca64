//! Relational inference: variables tied by a relation, any of which may be missing.
//!
//! Populations of inputs show the variables that are known; shared relation populations join them; one population of
//! outputs for each variable becomes the spike counts that would stand for it. All directions are one network, trained
//! by error spikes from the distance of counts,
//!
//! ```text
//! E_n = round_half_away(alpha * clamp((S_n - T_n) / largest, -1, 1))     of the variables that are asked for
//! ```
//!
//! with S the counts of an output, T those of its code. A [`RelationDescription`] says what a task consists of, a
//! [`Task`] draws its examples, and [`Judge`] reads values out of counts.
//!
//! Source: Thiele, Bichler, Dupret, Solinas, Indiveri, "A Spiking Network for Inference of Relations Trained with
//! Neuromorphic Backpropagation" (2019): L2 loss on the missing population, error spikes through symmetric synapses.
//! The topology is our reconstruction; that of the paper is not known to us.

mod bayes;
mod code;
mod description;
mod evaluate;
mod expression;
mod images;
mod judge;
mod network;
mod scene;
mod task;
#[cfg(test)]
mod tests;

pub use bayes::Posterior;
pub use code::{Code, Decoder};
pub use description::{
    Noise, Observation, Presentation, RelationDescription, RelationSection, Targets, VariableDescription,
};
pub use evaluate::{CueWeight, Direction, Estimate};
pub use images::ImageBank;
pub use judge::Judge;
pub use scene::{Cue, Scene, Split};
pub use task::{RelationSamples, Task};
