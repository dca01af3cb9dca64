//! Compiles portable loops for each instruction set, so that the compiler may vectorise them.

use crate::Isa;

/// A loop that is compiled once for each instruction set, for the compiler to vectorise: see
/// [`Engine::vectorised`](crate::Engine::vectorised). The result is that of `run` whatever the instruction set.
///
/// Only what is inlined into `run` profits: `run` and all it calls must be `#[inline(always)]`.
pub trait Loop {
    /// The result.
    type Output;
    /// Runs the loop.
    fn run(self) -> Self::Output;
}

/// Runs `work`, inlined into a function with the features of `isa`, which must be available.
pub(crate) fn vectorised<Work: Loop>(isa: Isa, work: Work) -> Work::Output {
    match isa {
        // SAFETY: an engine exists only for an available instruction set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2(work) },
        // SAFETY: as above; AMX-INT8 is offered only where AVX-512 is.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni | Isa::AmxInt8 => unsafe { avx512(work) },
        // The vector instructions of 64-bit Arm are part of its baseline, which the compiler uses anyway.
        _ => work.run(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<Work: Loop>(work: Work) -> Work::Output {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avx512<Work: Loop>(work: Work) -> Work::Output {
    work.run()
}
