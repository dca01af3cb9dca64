//! Compiles portable loops for each instruction set, so that the compiler may vectorise them.

use crate::Isa;

/// Runs `work`, inlined into a function with the features of `isa`, which must be available.
#[inline(always)]
pub(crate) fn vectorised<Output>(isa: Isa, work: impl FnOnce() -> Output) -> Output {
    match isa {
        Isa::Scalar => work(),
        // SAFETY: an engine exists only for an available instruction set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => unsafe { avx512(work) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => work(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<Output>(work: impl FnOnce() -> Output) -> Output {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avx512<Output>(work: impl FnOnce() -> Output) -> Output {
    work()
}
