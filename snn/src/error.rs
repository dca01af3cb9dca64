//! What can go wrong when a network is described, built, simulated, read or written.

use std::path::PathBuf;

/// Errors of this crate; each message names the place, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnnError {
    /// A population of the description cannot exist as described.
    #[error("population '{population}': {problem}; {remedy}")]
    Population {
        /// Name of the population.
        population: String,
        /// What is wrong with it.
        problem: String,
        /// What to change.
        remedy: String,
    },
    /// Numbers of generalised integrate-and-fire neurons are out of range.
    #[error("generalised integrate-and-fire neuron, {field}: expected {expected}, found {found}")]
    Gif {
        /// Which number.
        field: &'static str,
        /// What it must be.
        expected: String,
        /// What it is; of codes the magnitude.
        found: u32,
    },
    /// A projection joins two populations whose shapes do not fit.
    #[error("projection '{projection}' from '{from}' {from_shape} to '{to}' {to_shape}: {problem}")]
    Projection {
        /// Name of the projection.
        projection: String,
        /// Name of the population it leaves.
        from: String,
        /// Shape of that population.
        from_shape: String,
        /// Name of the population it enters.
        to: String,
        /// Shape of that population.
        to_shape: String,
        /// Why the two do not fit, and what would.
        problem: String,
    },
    /// The description as a whole is wrong: names, cycles, missing parts.
    #[error("network description: {0}")]
    Description(String),
    /// A topology in shorthand could not be read.
    #[error("topology '{topology}', part {part} ('{text}'): {problem}")]
    Topology {
        /// The whole shorthand.
        topology: String,
        /// Number of the part, counted from 1.
        part: usize,
        /// The part's text.
        text: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A sum could exceed 32 bits.
    #[error(
        "population '{population}': neuron {neuron} could reach a total input of {bound}, beyond the 32-bit limit \
         of 2147483647; lower fraction_bits or the maximum_count of the populations before it"
    )]
    Overflow {
        /// Name of the population.
        population: String,
        /// Channels-last index of the neuron with the largest bound.
        neuron: usize,
        /// sum |weight| * max |spike count| + |bias| in grid units.
        bound: i128,
    },
    /// A parameter array has the wrong length or type.
    #[error("{what} of '{name}': expected {expected}, found {found}")]
    Parameters {
        /// Which parameters: weights, bias, thresholds.
        what: &'static str,
        /// Name of the projection or population.
        name: String,
        /// What the description asks for.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Input counts of an example do not fit the input population.
    #[error("input of population '{population}': expected {expected}, found {found}")]
    Input {
        /// Name of the population.
        population: String,
        /// What it takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A file could not be read or written.
    #[error("{path}: cannot be read or written; check that it exists, is a file, and that you may use it", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A model file's content is wrong.
    #[error("{path}, {field}: expected {expected}, found {found}", path = .path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Tensor or metadata field.
        field: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] kernels::KernelError),
}
