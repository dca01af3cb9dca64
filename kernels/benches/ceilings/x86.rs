//! Loops of multiply instructions of x86-64.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;

use kernels::Isa;

use super::Loop;

/// Defines a function that repeats an instruction on twelve sums: `instruction sum, a, b`.
macro_rules! vector_loop {
    ($name:ident, $features:literal, $register:literal, [$($instruction:literal),+]) => {
        fn $name(passes: u64) {
            #[target_feature(enable = $features)]
            fn repeat(passes: u64) {
                let operand = [0x3f81_3f81u32; 16];
                // SAFETY: the operand has the 64 bytes that the first instruction reads at most; the loop touches
                // only the registers declared here.
                unsafe {
                    asm!(
                        concat!("vmovups ", $register, "13, [{operand}]"),
                        concat!("vmovups ", $register, "14, [{operand}]"),
                        "2:",
                        $(
                            concat!($instruction, $register, "0, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "1, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "2, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "3, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "4, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "5, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "6, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "7, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "8, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "9, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "10, ", $register, "13, ", $register, "14"),
                            concat!($instruction, $register, "11, ", $register, "13, ", $register, "14"),
                        )+
                        "dec {passes}",
                        "jnz 2b",
                        operand = in(reg) operand.as_ptr(),
                        passes = inout(reg) passes.max(1) => _,
                        out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _,
                        out("ymm6") _, out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _,
                        out("ymm13") _, out("ymm14") _,
                        options(nostack, readonly),
                    );
                }
            }
            // SAFETY: `loops` offers the function only where the processor has the features.
            unsafe { repeat(passes) }
        }
    };
}

vector_loop!(fma_256, "avx2,fma", "ymm", ["vfmadd231ps "]);
vector_loop!(fma_512, "avx512f", "zmm", ["vfmadd231ps "]);
vector_loop!(bf16_512, "avx512f,avx512bf16", "zmm", ["vdpbf16ps "]);
vector_loop!(int8_512, "avx512f,avx512vnni", "zmm", ["vpdpbusd "]);

/// Products of 16-bit pairs and the additions that accumulate them, as the AVX2 kernel uses them.
fn int16_256(passes: u64) {
    #[target_feature(enable = "avx2")]
    fn repeat(passes: u64) {
        let operand = [0x0003_0005u32; 8];
        // SAFETY: the operand has the 32 bytes that are read; only the declared registers are touched.
        unsafe {
            asm!(
                "vmovdqu ymm15, [{operand}]",
                "2:",
                "vpmaddwd ymm8, ymm15, ymm15",
                "vpaddd ymm0, ymm0, ymm8",
                "vpmaddwd ymm9, ymm15, ymm15",
                "vpaddd ymm1, ymm1, ymm9",
                "vpmaddwd ymm10, ymm15, ymm15",
                "vpaddd ymm2, ymm2, ymm10",
                "vpmaddwd ymm11, ymm15, ymm15",
                "vpaddd ymm3, ymm3, ymm11",
                "vpmaddwd ymm12, ymm15, ymm15",
                "vpaddd ymm4, ymm4, ymm12",
                "vpmaddwd ymm13, ymm15, ymm15",
                "vpaddd ymm5, ymm5, ymm13",
                "dec {passes}",
                "jnz 2b",
                operand = in(reg) operand.as_ptr(),
                passes = inout(reg) passes.max(1) => _,
                out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _,
                out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _, out("ymm12") _, out("ymm13") _,
                out("ymm15") _,
                options(nostack, readonly),
            );
        }
    }
    // SAFETY: `loops` offers the function only where the processor has the features.
    unsafe { repeat(passes) }
}

/// Palette 1: eight tiles of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct TileConfiguration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

/// Defines a function that repeats a tile product on six tiles of sums.
macro_rules! tile_loop {
    ($name:ident, $instruction:literal) => {
        fn $name(passes: u64) {
            let whole = |tile: usize| if tile < 8 { 64 } else { 0 };
            let configuration = TileConfiguration {
                palette: 1,
                start_row: 0,
                reserved: [0; 14],
                bytes_per_row: std::array::from_fn(|tile| whole(tile)),
                rows: std::array::from_fn(|tile| (whole(tile) / 4) as u8),
            };
            let operand = [[0x3f81_3f81u32; 16]; 16];
            // SAFETY: `loops` offers the function only where the processor has the tiles and the operating system
            // grants them; the configuration is valid, the operand has the 1024 bytes of a tile, and the tiles are
            // released.
            unsafe {
                asm!(
                    "ldtilecfg [{configuration}]",
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    "tilezero tmm4",
                    "tilezero tmm5",
                    "tileloadd tmm6, [{operand} + {row}]",
                    "tileloadd tmm7, [{operand} + {row}]",
                    "2:",
                    concat!($instruction, " tmm0, tmm6, tmm7"),
                    concat!($instruction, " tmm1, tmm6, tmm7"),
                    concat!($instruction, " tmm2, tmm6, tmm7"),
                    concat!($instruction, " tmm3, tmm6, tmm7"),
                    concat!($instruction, " tmm4, tmm6, tmm7"),
                    concat!($instruction, " tmm5, tmm6, tmm7"),
                    "dec {passes}",
                    "jnz 2b",
                    "tilerelease",
                    configuration = in(reg) &raw const configuration,
                    operand = in(reg) operand.as_ptr(),
                    row = in(reg) 64usize,
                    passes = inout(reg) (passes / 16).max(1) => _,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _,
                    out("tmm6") _, out("tmm7") _,
                    options(nostack, readonly),
                );
            }
        }
    };
}

tile_loop!(int8_tile, "tdpbusd");
tile_loop!(bf16_tile, "tdpbf16ps");

/// Sums of a vector loop.
const VECTORS: u64 = 12;
/// Sums of the loop of pairs.
const PAIRS: u64 = 6;
/// Sums of a tile loop, which makes a sixteenth of the passes.
const TILES: u64 = 6;

/// Every loop, those of missing instructions without a function.
pub fn loops() -> Vec<Loop> {
    let offer = |instruction, operations, available: bool, run: fn(u64)| Loop {
        instruction,
        operations,
        run: available.then_some(run),
    };
    let avx512 = is_x86_feature_detected!("avx512f");
    // Asking the kernels' detection also asks the operating system for the tiles.
    let tiles = "amx-int8".parse::<Isa>().is_ok_and(Isa::is_available);
    let tiles_bf16 = tiles && __cpuid_count(7, 0).edx & (1 << 22) != 0;
    let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    vec![
        offer("vfmadd231ps ymm (f32)", 16 * VECTORS, fma, fma_256),
        offer("vfmadd231ps zmm (f32)", 32 * VECTORS, avx512, fma_512),
        offer("vdpbf16ps zmm (bf16)", 64 * VECTORS, avx512 && is_x86_feature_detected!("avx512bf16"), bf16_512),
        offer("vpmaddwd + vpaddd ymm (int16)", 32 * PAIRS, is_x86_feature_detected!("avx2"), int16_256),
        offer("vpdpbusd zmm (int8)", 128 * VECTORS, avx512 && is_x86_feature_detected!("avx512vnni"), int8_512),
        offer("tdpbf16ps (bf16)", 16 * 16 * 64 * TILES / 16, tiles_bf16, bf16_tile),
        offer("tdpbusd (int8)", 16 * 16 * 128 * TILES / 16, tiles, int8_tile),
    ]
}
