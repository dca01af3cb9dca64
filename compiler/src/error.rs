//! What can go wrong when hardware is described, a network mapped, a program read or simulated.

use std::path::PathBuf;

/// Errors of this crate; each message names the place, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompilerError {
    /// A hardware specification holds something other than it must.
    #[error("hardware {place}: {field}: expected {expected}, found {found}; {remedy}")]
    Hardware {
        /// The file, or the name of the preset.
        place: String,
        /// Key in the TOML, such as `array.rows`.
        field: String,
        /// What it must hold.
        expected: String,
        /// What it holds.
        found: String,
        /// What to change.
        remedy: String,
    },
    /// A specification is no TOML of this form.
    #[error("hardware {place}{}: {problem}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Syntax {
        /// The file, or the name of the preset.
        place: String,
        /// Line in the file, counted from 1, where it is known.
        line: Option<usize>,
        /// What the parser says.
        problem: String,
    },
    /// A device specification holds something other than it must.
    #[error("device {place}: {field}: expected {expected}, found {found}; {remedy}")]
    Device {
        /// The file, or the name of the preset.
        place: String,
        /// Key in the TOML, such as `step.size`.
        field: String,
        /// What it must hold.
        expected: String,
        /// What it holds.
        found: String,
        /// What to change.
        remedy: String,
    },
    /// A device specification is no TOML of this form.
    #[error("device {place}{}: {problem}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    DeviceSyntax {
        /// The file, or the name of the preset.
        place: String,
        /// Line in the file, counted from 1, where it is known.
        line: Option<usize>,
        /// What the parser says.
        problem: String,
    },
    /// Pulses, inputs or errors that do not fit an array of devices.
    #[error("{what}: expected {expected}, found {found}; {remedy}")]
    Pulses {
        /// Which quantity.
        what: String,
        /// What the array takes.
        expected: String,
        /// What was given.
        found: String,
        /// What to change.
        remedy: String,
    },
    /// A saved state does not fit what it is to continue.
    #[error("state '{name}': expected {expected}, found {found}; continue with the settings that it was saved with")]
    Record {
        /// Name of the numbers.
        name: String,
        /// What they must be.
        expected: String,
        /// What they are.
        found: String,
    },
    /// A part of the network does not fit the hardware.
    #[error("{part} '{name}' on hardware '{hardware}': {problem}; {remedy}")]
    Mapping {
        /// "population" or "projection".
        part: &'static str,
        /// Its name.
        name: String,
        /// Name of the specification.
        hardware: String,
        /// Why not.
        problem: String,
        /// What to change.
        remedy: String,
    },
    /// A file of a compiled network is not what it must be.
    #[error("{}, {field}: expected {expected}, found {found}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Tensor or field.
        field: String,
        /// What it must hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// Samples or counts do not fit the compiled network.
    #[error("{what}: expected {expected}, found {found}")]
    Samples {
        /// Which quantity.
        what: String,
        /// What the compiled network takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Weights, shapes or cells do not fit the columns they are to fill.
    #[error("{what}: expected {expected}, found {found}; compile the network again")]
    Columns {
        /// Which quantity.
        what: String,
        /// What the columns take.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Cells, voltages or wires that make up no circuit, or one that could not be solved.
    #[error("{what}: expected {expected}, found {found}; {remedy}")]
    Circuit {
        /// Which array, cell or quantity.
        what: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
        /// What to change.
        remedy: String,
    },
    /// A file could not be read or written.
    #[error("{path}: cannot be read or written; check that it exists, is a file, and that you may use it", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An error of the network crate.
    #[error(transparent)]
    Snn(#[from] snn::SnnError),
    /// An error of the training crate.
    #[error(transparent)]
    Spikegrad(#[from] spikegrad::SpikegradError),
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] kernels::KernelError),
}
