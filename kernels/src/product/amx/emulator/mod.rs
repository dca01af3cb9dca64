//! Runs the tile instructions in software on processors that lack them, so that tests reach every line here.
//!
//! A handler of the signal for illegal instructions decodes the instructions that this crate uses, does what the Intel
//! Software Developer's Manual says (volume 2, "Intel AMX instruction set reference", palette 1), and steps over
//! them. Anything else, and any state for which the manual has an exception, ends the process.

mod decode;
mod tiles;

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::{c_int, siginfo_t, ucontext_t};

use decode::step;
use tiles::Tiles;

/// Products of tiles that were emulated.
static PRODUCTS: AtomicU64 = AtomicU64::new(0);

/// Installs the emulator for the process.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the structure is plain data; the handler has the signature that SA_SIGINFO asks for.
        let result = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = handle;
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGILL, &action, std::ptr::null_mut())
        };
        assert_eq!(result, 0, "the handler of illegal instructions cannot be installed");
    });
}

/// Products of tiles emulated so far in this process.
pub(super) fn products() -> u64 {
    PRODUCTS.load(Ordering::Relaxed)
}

thread_local! {
    static TILES: UnsafeCell<Tiles> = const { UnsafeCell::new(Tiles::NEW) };
}

/// The signal handler.
extern "C" fn handle(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes the context of the interrupted thread; the instruction pointer points to the illegal
    // instruction, at least 5 bytes of which belong to the program text.
    let done = unsafe {
        let registers = &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs;
        let text = registers[libc::REG_RIP as usize] as *const u8;
        TILES.with(|tiles| step(&mut *tiles.get(), text, registers)).map(|length| {
            registers[libc::REG_RIP as usize] += length as i64;
        })
    };
    if done.is_none() {
        let message = b"tile emulator: illegal instruction or state\n";
        // SAFETY: both calls are allowed in a signal handler.
        unsafe {
            libc::write(2, message.as_ptr().cast(), message.len());
            libc::signal(libc::SIGILL, libc::SIG_DFL);
        }
    }
}
