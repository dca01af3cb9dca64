//! A compiled network: everything someone needs to program a chip and to run it, without the
//! network behind it.
//!
//! `crossbar.json` holds the [`Layout`], `tiles.safetensors` the [`Crossbar`] tensors.

mod check;
mod decode;
mod files;
mod layout;
pub(crate) mod placement;
mod shape;
mod tensors;
#[cfg(test)]
mod tests;

pub use files::{Files, LAYOUT_FILE, TENSOR_FILE};
pub use layout::{
    ArrayPlacement, CrossbarLayout, DigitalKind, Geometry, Layout, PopulationLayout, ProjectionKind, ProjectionLayout,
    Route, StreamLayout,
};
pub use tensors::{Broadcast, Crossbar};

/// Version of the file format that this library reads and writes.
pub const FORMAT: u32 = 1;

/// A compiled network.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Populations, projections, arrays and routes.
    pub layout: Layout,
    /// Cells, scale factors and quantiser levels of each projection on crossbars, in the order of
    /// [`Layout::projections`]; `None` for digital projections.
    pub crossbars: Vec<Option<Crossbar>>,
}
