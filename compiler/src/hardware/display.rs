//! Parts of a specification in a few words, for tables and messages.

use std::fmt;

use super::{InputCoding, Inputs, Quantiser};

impl fmt::Display for Quantiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ideal {} => f.write_str("ideal"),
            Self::Uniform { bits, .. } => write!(f, "uniform {bits}-bit"),
            Self::Sign {} => f.write_str("sign"),
            Self::Ternary {} => f.write_str("ternary"),
        }
    }
}

impl fmt::Display for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coding = match self.coding {
            InputCoding::BitSerial => "bit-serial",
            InputCoding::Spikes => "spikes",
        };
        write!(f, "{coding} {}-bit", self.bits)
    }
}
