//! Instruction sets and their detection.

mod availability;
#[cfg(target_arch = "x86_64")]
mod tile_permission;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

pub use availability::Availability;

use crate::KernelError;

/// An instruction set with an implementation of the product kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// Portable Rust; the twin that every other path equals bit for bit.
    Scalar,
    /// The dot product of 64-bit Arm: `sdot`, and `usdot` where the processor has it.
    NeonDotProduct,
    /// AVX2: bytes widened to 16 bits, then `vpmaddwd`.
    Avx2,
    /// AVX-512 with VNNI: `vpdpbusd`.
    Avx512Vnni,
    /// AMX: tiles of 16 rows of 64 bytes, `tdpbusd` and `tdpbsud`. Small products, and all that is not a product, use
    /// AVX-512 with VNNI, which must be there too.
    AmxInt8,
}

impl Isa {
    /// All instruction sets known to the crate, slowest first.
    pub const ALL: [Isa; 5] = [Isa::Scalar, Isa::NeonDotProduct, Isa::Avx2, Isa::Avx512Vnni, Isa::AmxInt8];

    /// The fastest instruction set of this processor.
    pub fn detect() -> Isa {
        *Isa::ALL.iter().rev().find(|isa| isa.is_available()).unwrap_or(&Isa::Scalar)
    }

    /// All instruction sets of this processor, slowest first; never empty.
    pub fn available() -> Vec<Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// Whether this processor (and its operating system) supports the instruction set.
    pub fn is_available(self) -> bool {
        self.availability().is_available()
    }

    /// Whether this process can use the instruction set, and why not.
    ///
    /// On Linux the first question about AMX asks the kernel for the use of the tile registers; the answer is kept.
    pub fn availability(self) -> &'static Availability {
        static ANSWERS: [OnceLock<Availability>; Isa::ALL.len()] = [const { OnceLock::new() }; Isa::ALL.len()];
        ANSWERS[self as usize].get_or_init(|| self.ask())
    }

    /// Asks the processor and the operating system.
    fn ask(self) -> Availability {
        match self {
            Isa::Scalar => Availability::Available,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::avx2(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => x86::avx512_vnni(),
            #[cfg(target_arch = "x86_64")]
            Isa::AmxInt8 => x86::amx_int8(),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512Vnni | Isa::AmxInt8 => Availability::OtherArchitecture { architecture: "x86-64" },
            #[cfg(target_arch = "aarch64")]
            Isa::NeonDotProduct if std::arch::is_aarch64_feature_detected!("dotprod") => Availability::Available,
            #[cfg(target_arch = "aarch64")]
            Isa::NeonDotProduct => Availability::MissingFeatures { features: vec!["dotprod"] },
            #[cfg(not(target_arch = "aarch64"))]
            Isa::NeonDotProduct => Availability::OtherArchitecture { architecture: "64-bit Arm" },
        }
    }

    /// The name that [`FromStr`] accepts.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::NeonDotProduct => "neon-dotprod",
            Isa::Avx2 => "avx2",
            Isa::Avx512Vnni => "avx512-vnni",
            Isa::AmxInt8 => "amx-int8",
        }
    }

    /// Comma-separated names.
    pub(crate) fn names(list: &[Isa]) -> String {
        list.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = KernelError;

    fn from_str(name: &str) -> Result<Isa, KernelError> {
        Isa::ALL
            .into_iter()
            .find(|isa| isa.name() == name)
            .ok_or_else(|| KernelError::UnknownIsa { name: name.to_owned(), valid: Isa::names(&Isa::ALL) })
    }
}
