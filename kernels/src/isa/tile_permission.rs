//! Permission to use the tile data registers, which Linux gives to a process on request.

/// Asks the kernel for the use of the tile data registers; whether it was granted.
///
/// The permission belongs to the process: it holds for threads that run already and for those started later. The
/// kernel refuses when it is older than 5.16, or when a thread has too small an alternate signal stack.
#[cfg(target_os = "linux")]
pub(super) fn request() -> bool {
    /// `arch_prctl`.
    const SYSTEM_CALL: u64 = 158;
    /// `ARCH_REQ_XCOMP_PERM`.
    const REQUEST_PERMISSION: u64 = 0x1023;
    /// `XFEATURE_XTILEDATA`.
    const TILE_DATA: u64 = 18;
    let result: i64;
    // SAFETY: the call changes nothing but the permission; the instruction overwrites rax, rcx and r11 only.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") SYSTEM_CALL => result,
            in("rdi") REQUEST_PERMISSION,
            in("rsi") TILE_DATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// Other systems have no such request; the tile registers stay unused there.
#[cfg(not(target_os = "linux"))]
pub(super) fn request() -> bool {
    false
}
