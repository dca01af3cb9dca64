//! Energy, latency and area of a compiled network.
//!
//! Everything is a count times a constant. Counts come from a simulation ([`RunStatistics`]), or,
//! for networks that are only known by their shapes, from an assumed density that every report
//! names. Constants come from [`crate::hardware::Cost`]. Per example and projection, with R row
//! tiles, C column tiles, M outputs, K slices, J streams, X output positions, D deliveries of sums
//! (X, or X times the time steps where neurons integrate each step):
//!
//! ```text
//! array          e_array * (active rows / (rows / 2)) * (columns in use / columns)
//! row drivers    e_row * active rows * C
//! converters     e_converter * conversions               conversions = X * J * R * M * K
//! scale factors  e_scale * conversions * curve(share of zero codes)
//! accumulators   e_add * conversions; with a digital scale-factor array e_add * D * R * M * K
//! buffers        e_bit * X * J * fan-in
//! interconnect   e_bit * (X * J * fan-in * C  +  D * R * M * accumulator bits)
//! tiles          e_tile * X * J * R * C / arrays per tile
//! neurons        e_neuron * updates
//! leakage        power * arrays * time between two examples of the pipeline
//!
//! physical       t_read = t_array + turns * (t_converter + t_scale)
//!                t_stage = ceil(X / replicas) * (J * t_read + D / X * (ceil(log2(R K)) * t_add + t_neuron + t_bit))
//! published      t_stage = ceil(X / replicas) * J * R * (turns + 17) * (t_array + t_converter)
//! ```
//!
//! `turns` columns share one converter. The published timing leaves the delay of a single
//! comparator out, as the published simulator does: its column takes 1 ns at most (see [`Timing`](crate::hardware::Timing)).
//! A pipeline delivers an example each slowest stage; one example alone takes the sum along the
//! longest path. An empty read costs its conversions: a comparator decides about zero as well.
//!
//! Not modelled: writing of weights, off-chip memory, clock tree, control and instruction fetch,
//! congestion of the interconnect, supply and temperature.

mod area;
mod breakdown;
mod converter;
mod energy;
mod evaluate;
mod language;
mod latency;
mod markdown;
pub mod published;
mod report;
mod shapes;
#[cfg(test)]
mod tests;
mod workload;

pub use breakdown::Breakdown;
pub use converter::{ConverterLaw, lossless_bits, with_converters_by_law, with_lossless_converters};
pub use evaluate::{cost, evaluate};
pub use language::{LinearMap, LinearPart};
pub use latency::Latency;
pub use report::{Comparison, CostReport, MatchedDesign, PartCost, REPORT_FORMAT, StageCost, write};
pub use shapes::{Assumption, LayerShape};
pub use workload::{Basis, CrossbarWork, DigitalWork, Stage, Workload};

#[cfg(doc)]
use crate::statistics::RunStatistics;
