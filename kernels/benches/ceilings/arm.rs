//! Loops of multiply instructions of 64-bit Arm.

use std::arch::asm;
use std::arch::is_aarch64_feature_detected;

use super::Loop;

/// Defines a function that repeats an instruction on twelve sums.
macro_rules! vector_loop {
    ($name:ident, $extension:literal, $instruction:literal, $sum:literal, $operand:literal) => {
        fn $name(passes: u64) {
            // SAFETY: `loops` offers the function only where the processor has the instruction; the loop touches only
            // the registers declared here.
            unsafe {
                asm!(
                    $extension,
                    "movi v30.16b, #3",
                    "movi v31.16b, #5",
                    "2:",
                    concat!($instruction, " v0", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v1", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v2", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v3", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v4", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v5", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v6", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v7", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v16", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v17", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v18", $sum, ", v30", $operand, ", v31", $operand),
                    concat!($instruction, " v19", $sum, ", v30", $operand, ", v31", $operand),
                    "subs {passes}, {passes}, #1",
                    "b.ne 2b",
                    passes = inout(reg) passes.max(1) => _,
                    out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _,
                    out("v7") _, out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v30") _, out("v31") _,
                    options(nostack, nomem),
                );
            }
        }
    };
}

vector_loop!(fma, "", "fmla", ".4s", ".4s");
vector_loop!(dot_product, ".arch_extension dotprod", "sdot", ".4s", ".16b");

/// Sums of a loop.
const VECTORS: u64 = 12;

/// Every loop, those of missing instructions without a function.
pub fn loops() -> Vec<Loop> {
    let dot: Option<fn(u64)> = is_aarch64_feature_detected!("dotprod").then_some(dot_product);
    vec![
        Loop { instruction: "fmla 4s (f32)", operations: 8 * VECTORS, run: Some(fma) },
        Loop { instruction: "sdot 4s (int8)", operations: 32 * VECTORS, run: dot },
    ]
}
