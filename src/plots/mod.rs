//! Plots of a run, of a simulated example and of a chip's cost, as PNG files.
//!
//! Every function takes finished numbers, draws one figure and writes it atomically. Values that
//! are not finite are left out of a figure; a figure with nothing left to draw is an error.

mod axis;
mod canvas;
mod confusion_matrix;
mod cost_breakdown;
mod curves;
mod energy_accuracy;
mod epochs;
mod error;
mod error_spikes;
mod figure;
mod floor_plan;
mod image_rows;
mod inferred;
mod kernels;
mod learning_curves;
mod membrane;
mod panel;
mod pulse_response;
mod quantity;
mod raster;
mod spikes_per_population;
mod style;
#[cfg(test)]
mod tests;

pub use confusion_matrix::{LARGEST_CLASS_COUNT, confusion_matrix};
pub use cost_breakdown::cost_breakdown;
pub use curves::{Curves, curves, points};
pub use energy_accuracy::{SweepPoint, energy_accuracy};
pub use error::PlotError;
pub use error_spikes::error_spikes;
pub use floor_plan::{LARGEST_ARRAY_COUNT, floor_plan};
pub use image_rows::{ImageColumn, image_rows};
pub use inferred::{InferredPanel, Series, cue_weights, error_by_neurons, inferred};
pub use kernels::kernels;
pub use learning_curves::learning_curves;
pub use membrane::{MembraneTrace, membrane};
pub use pulse_response::pulse_response;
pub use raster::{RasterRow, RasterSpike, raster, raster_over};
pub use spikes_per_population::spikes_per_population;
