//! What an x86-64 processor has, from CPUID, and what its operating system grants, from the register XCR0.

use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv, CpuidResult};

use super::Availability;

/// Bits of XCR0: SSE and AVX registers.
const AVX_STATE: u64 = 0x06;
/// Bits of XCR0: those, mask registers, and both halves of the 512-bit registers.
const AVX512_STATE: u64 = 0xe6;
/// Bits of XCR0: tile configuration and tile data.
const TILE_STATE: u64 = 0x6_0000;

/// A feature flag in a register of CPUID leaf 7, subleaf 0.
struct Feature {
    name: &'static str,
    register: Register,
    bit: u32,
}

#[derive(Clone, Copy)]
enum Register {
    Ebx,
    Ecx,
    Edx,
}

const fn feature(name: &'static str, register: Register, bit: u32) -> Feature {
    Feature { name, register, bit }
}

const AVX2: [Feature; 1] = [feature("avx2", Register::Ebx, 5)];
const AVX512_VNNI: [Feature; 5] = [
    feature("avx512f", Register::Ebx, 16),
    feature("avx512dq", Register::Ebx, 17),
    feature("avx512bw", Register::Ebx, 30),
    feature("avx512vl", Register::Ebx, 31),
    feature("avx512vnni", Register::Ecx, 11),
];
const AMX_INT8: [Feature; 2] = [feature("amx-tile", Register::Edx, 24), feature("amx-int8", Register::Edx, 25)];

/// AVX2.
pub(super) fn avx2() -> Availability {
    check(&[&AVX2], AVX_STATE, "the AVX registers")
}

/// AVX-512 F, DQ, BW, VL and VNNI, beside AVX2.
pub(super) fn avx512_vnni() -> Availability {
    check(&[&AVX2, &AVX512_VNNI], AVX512_STATE, "the AVX-512 registers")
}

/// AMX-INT8, and what [`avx512_vnni`] asks for. Asks the operating system for the tile registers.
pub(super) fn amx_int8() -> Availability {
    let present = check(&[&AVX2, &AVX512_VNNI, &AMX_INT8], AVX512_STATE | TILE_STATE, "the tile registers");
    if present.is_available() && !super::tile_permission::request() {
        return Availability::NotGranted { what: "the tile registers" };
    }
    present
}

/// Compares CPUID with `sets` and XCR0 with the bits `state`.
fn check(sets: &[&[Feature]], state: u64, registers: &'static str) -> Availability {
    let (leaf1, leaf7) = leaves();
    let has = |feature: &Feature| {
        let register = match feature.register {
            Register::Ebx => leaf7.ebx,
            Register::Ecx => leaf7.ecx,
            Register::Edx => leaf7.edx,
        };
        register >> feature.bit & 1 == 1
    };
    let features: Vec<&str> =
        sets.iter().flat_map(|set| set.iter()).filter(|feature| !has(feature)).map(|feature| feature.name).collect();
    if !features.is_empty() {
        return Availability::MissingFeatures { features };
    }
    // SAFETY: CPUID says that the operating system has enabled XGETBV.
    if leaf1.ecx & OSXSAVE == 0 || unsafe { control_register() } & state != state {
        return Availability::NotGranted { what: registers };
    }
    Availability::Available
}

/// Bit of leaf 1, ECX: the operating system saves extended registers, and XGETBV may be used.
const OSXSAVE: u32 = 1 << 27;

/// CPUID leaves 1 and 7; an absent leaf 7 counts as empty.
#[allow(unused_unsafe, reason = "CPUID is safe to call in newer compilers, not in the oldest one supported")]
fn leaves() -> (CpuidResult, CpuidResult) {
    // SAFETY: every x86-64 processor has CPUID.
    let (highest, leaf1, mut leaf7) = unsafe { (__cpuid(0).eax, __cpuid(1), __cpuid_count(7, 0)) };
    if highest < 7 {
        (leaf7.ebx, leaf7.ecx, leaf7.edx) = (0, 0, 0);
    }
    (leaf1, leaf7)
}

/// The register XCR0.
///
/// # Safety
/// CPUID must report [`OSXSAVE`].
#[target_feature(enable = "xsave")]
unsafe fn control_register() -> u64 {
    // SAFETY: the caller has checked that XGETBV may be used; register 0 always exists.
    unsafe { _xgetbv(0) }
}
