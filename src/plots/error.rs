use std::path::PathBuf;

/// Why a plot was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// Nothing to draw: no values, or none that is finite.
    #[error("{}: nothing to plot: expected {expected}, found {found}", path.display())]
    Empty {
        /// File that was to be written.
        path: PathBuf,
        /// What the plot needs.
        expected: &'static str,
        /// What it was given.
        found: String,
    },
    /// Sizes of the input that contradict each other, or an index outside its range.
    #[error("{}: cannot plot {field}: expected {expected}, found {found}; correct the numbers passed in", path.display())]
    Shape {
        /// File that was to be written.
        path: PathBuf,
        /// Part of the input that is wrong.
        field: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The drawing library refused an element.
    #[error("{}: drawing failed: {reason}; please report this with the input", path.display())]
    Draw {
        /// File that was to be written.
        path: PathBuf,
        /// The library's own words.
        reason: String,
    },
    /// The file could not be written; an older one of the same name stays.
    #[error("the plot was not saved; check that its folder exists, is writable and has space")]
    Write(#[from] snn::SnnError),
}
