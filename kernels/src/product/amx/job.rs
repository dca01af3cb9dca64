//! The products of tiles, as assembly: the compiler has no stable intrinsics for them.

use std::arch::asm;
use std::mem::MaybeUninit;
use std::ptr;

use super::TILE;
use super::reduction::Offsets;
use crate::product::{BLOCK, UnsignedSide};

/// Values from row to row of [`Sums`].
pub(super) const SUMS_PITCH: usize = 2 * BLOCK;

/// Room for the sums of 32 rows and 32 columns.
#[repr(C, align(64))]
pub(super) struct Sums([MaybeUninit<i32>; 2 * TILE * SUMS_PITCH]);

impl Sums {
    /// Room without values.
    pub(super) fn new() -> Sums {
        Sums([MaybeUninit::uninit(); 2 * TILE * SUMS_PITCH])
    }

    /// The first value.
    pub(super) fn as_ptr(&self) -> *const i32 {
        self.0.as_ptr().cast()
    }

    /// The first value, to write.
    pub(super) fn as_mut_ptr(&mut self) -> *mut i32 {
        self.0.as_mut_ptr().cast()
    }
}

/// How many tiles a job has, and which operand is unsigned.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) two_rows: bool,
    pub(super) two_columns: bool,
    pub(super) unsigned: UnsignedSide,
}

/// `sums = (accumulate ? sums : 0) + sum over the tiles of left * right`.
pub(super) struct Job<'a> {
    /// Where each tile lies relative to `left` and to `right`; never empty.
    pub(super) offsets: &'a [Offsets],
    /// The first and the second row tile, and bytes from row to row.
    pub(super) left: [*const u8; 2],
    pub(super) left_stride: usize,
    /// The first and the second block of columns, and bytes from group to group.
    pub(super) right: [*const u8; 2],
    pub(super) right_stride: usize,
    /// The sums of the first row and column, and bytes from row to row. The second block follows the first one, the
    /// second row tile the first one.
    pub(super) sums: *mut i32,
    pub(super) sums_stride: usize,
    pub(super) accumulate: bool,
}

impl Default for Job<'_> {
    fn default() -> Self {
        Job {
            offsets: &[],
            left: [ptr::null(); 2],
            left_stride: 0,
            right: [ptr::null(); 2],
            right_stride: 0,
            sums: ptr::null_mut(),
            sums_stride: 0,
            accumulate: false,
        }
    }
}

/// Runs a job with the instructions of one shape: the sums set to zero, read, added to, and written.
///
/// Tiles 0 and 1 hold the sums of the first row tile, 2 and 3 those of the second one; 4 and 5 hold rows, 6 and 7
/// columns. For `$step`, r15 and rax hold the addresses of the first left and the first right tile, r9 and r12 the
/// distances to the second ones. For `$load` and `$store`, rdx and r14 hold the addresses of the two rows of sums.
macro_rules! run {
    ($job:expr, $zero:expr, $load:expr, $step:expr, $store:expr) => {{
        let job: &Job<'_> = $job;
        let offsets = job.offsets.as_ptr_range();
        asm!(
            "mov r14, rcx",
            "shl r14, 4",
            "add r14, rdx",
            "test eax, eax",
            "jnz 3f",
            $zero,
            "jmp 2f",
            "3:",
            $load,
            "2:",
            "mov r15, [rdi]",
            "mov rax, [rdi + 8]",
            "add r15, r8",
            "add rax, r11",
            $step,
            "add rdi, 16",
            "cmp rdi, rsi",
            "jne 2b",
            $store,
            inout("rdi") offsets.start => _,
            in("rsi") offsets.end,
            in("r8") job.left[0],
            in("r9") job.left[1].addr().wrapping_sub(job.left[0].addr()),
            in("r10") job.left_stride,
            in("r11") job.right[0],
            in("r12") job.right[1].addr().wrapping_sub(job.right[0].addr()),
            in("r13") job.right_stride,
            in("rdx") job.sums,
            in("rcx") job.sums_stride,
            inout("eax") u32::from(job.accumulate) => _,
            out("r14") _,
            out("r15") _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }};
}

/// Runs a job of any shape with the dot product `$dot` (sums, rows, columns).
macro_rules! run_shape {
    ($job:expr, $shape:expr, $dot:literal) => {
        match ($shape.two_rows, $shape.two_columns) {
            (true, true) => run!(
                $job,
                "tilezero tmm0\n tilezero tmm1\n tilezero tmm2\n tilezero tmm3",
                "tileloadd tmm0, [rdx + rcx]\n tileloadd tmm1, [rdx + rcx + 64]\n \
                 tileloadd tmm2, [r14 + rcx]\n tileloadd tmm3, [r14 + rcx + 64]",
                concat!(
                    "tileloadd tmm4, [r15 + r10]\n tileloadd tmm6, [rax + r13]\n ",
                    "add r15, r9\n add rax, r12\n",
                    $dot,
                    " tmm0, tmm4, tmm6\n tileloadd tmm5, [r15 + r10]\n",
                    $dot,
                    " tmm2, tmm5, tmm6\n tileloadd tmm7, [rax + r13]\n",
                    $dot,
                    " tmm1, tmm4, tmm7\n",
                    $dot,
                    " tmm3, tmm5, tmm7",
                ),
                "tilestored [rdx + rcx], tmm0\n tilestored [rdx + rcx + 64], tmm1\n \
                 tilestored [r14 + rcx], tmm2\n tilestored [r14 + rcx + 64], tmm3"
            ),
            (true, false) => run!(
                $job,
                "tilezero tmm0\n tilezero tmm2",
                "tileloadd tmm0, [rdx + rcx]\n tileloadd tmm2, [r14 + rcx]",
                concat!(
                    "tileloadd tmm4, [r15 + r10]\n tileloadd tmm6, [rax + r13]\n add r15, r9\n",
                    $dot,
                    " tmm0, tmm4, tmm6\n tileloadd tmm5, [r15 + r10]\n",
                    $dot,
                    " tmm2, tmm5, tmm6",
                ),
                "tilestored [rdx + rcx], tmm0\n tilestored [r14 + rcx], tmm2"
            ),
            (false, true) => run!(
                $job,
                "tilezero tmm0\n tilezero tmm1",
                "tileloadd tmm0, [rdx + rcx]\n tileloadd tmm1, [rdx + rcx + 64]",
                concat!(
                    "tileloadd tmm4, [r15 + r10]\n tileloadd tmm6, [rax + r13]\n add rax, r12\n",
                    $dot,
                    " tmm0, tmm4, tmm6\n tileloadd tmm7, [rax + r13]\n",
                    $dot,
                    " tmm1, tmm4, tmm7",
                ),
                "tilestored [rdx + rcx], tmm0\n tilestored [rdx + rcx + 64], tmm1"
            ),
            (false, false) => run!(
                $job,
                "tilezero tmm0",
                "tileloadd tmm0, [rdx + rcx]",
                concat!("tileloadd tmm4, [r15 + r10]\n tileloadd tmm6, [rax + r13]\n", $dot, " tmm0, tmm4, tmm6"),
                "tilestored [rdx + rcx], tmm0"
            ),
        }
    };
}

impl Job<'_> {
    /// Runs the job.
    ///
    /// # Safety
    /// The tiles must be configured; there must be at least one tile, and all must lie in readable memory, the sums in
    /// writable memory.
    pub(super) unsafe fn run(&self, shape: Shape) {
        // SAFETY: passed on from the caller.
        unsafe {
            match shape.unsigned {
                UnsignedSide::Left => run_shape!(self, shape, "tdpbusd"),
                UnsignedSide::Right => run_shape!(self, shape, "tdpbsud"),
            }
        }
    }
}
