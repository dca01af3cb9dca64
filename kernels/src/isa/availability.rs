//! Whether an instruction set can be used here, and if not, why.

use std::fmt;

/// Whether an instruction set can be used by this process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Availability {
    /// It can be used.
    Available,
    /// It belongs to another processor architecture than the one that this program was compiled for.
    OtherArchitecture {
        /// The architecture it belongs to.
        architecture: &'static str,
    },
    /// The processor lacks some of its features.
    MissingFeatures {
        /// The names of the features that are missing.
        features: Vec<&'static str>,
    },
    /// The processor has it, but the operating system does not let this process use its registers.
    NotGranted {
        /// What the operating system withholds.
        what: &'static str,
    },
}

impl Availability {
    /// Whether the instruction set can be used.
    pub fn is_available(&self) -> bool {
        *self == Availability::Available
    }
}

impl fmt::Display for Availability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Availability::Available => formatter.write_str("available"),
            Availability::OtherArchitecture { architecture } => {
                write!(formatter, "not available: an instruction set of {architecture} processors")
            }
            Availability::MissingFeatures { features } => {
                write!(formatter, "not available: this processor lacks {}", features.join(", "))
            }
            Availability::NotGranted { what } => {
                write!(formatter, "not available: the operating system does not grant {what}")
            }
        }
    }
}
