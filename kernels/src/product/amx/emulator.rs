//! Runs the tile instructions in software on processors that lack them, so that tests reach every line here.
//!
//! A handler of the signal for illegal instructions decodes the instructions that this crate uses, does what the Intel
//! Software Developer's Manual says (volume 2, "Intel AMX instruction set reference", palette 1), and steps over
//! them. Anything else, and any state for which the manual has an exception, ends the process.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::{c_int, siginfo_t, ucontext_t};

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

/// The tiles of one thread.
struct Tiles {
    configured: bool,
    rows: [usize; 8],
    row_bytes: [usize; 8],
    bytes: [[[u8; 64]; 16]; 8],
}

thread_local! {
    static TILES: UnsafeCell<Tiles> = const {
        UnsafeCell::new(Tiles { configured: false, rows: [0; 8], row_bytes: [0; 8], bytes: [[[0; 64]; 16]; 8] })
    };
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

/// The general registers in the order of their encoding.
const ENCODING: [c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// A memory operand: where it begins, and the scaled index, which is the distance of the rows of a tile.
struct Memory {
    address: usize,
    stride: usize,
    /// Bytes of the instruction after its ModRM byte.
    length: usize,
}

/// Decodes the memory operand whose ModRM byte is at `text[4]`.
///
/// # Safety
/// `text` must point to a whole instruction.
unsafe fn memory(text: *const u8, registers: &[i64; 23]) -> Option<Memory> {
    // SAFETY: passed on from the caller.
    unsafe {
        let (prefix, modrm) = (*text.add(1), *text.add(4));
        let extend = |bit: u8| if prefix & bit == 0 { 8 } else { 0 };
        let register = |number: usize| registers[ENCODING[number] as usize] as usize;
        let (base, stride, mut length) = if modrm & 7 == 4 {
            let sib = *text.add(5);
            let index = usize::from(sib >> 3 & 7) + extend(0x40);
            let stride = if index == 4 { 0 } else { register(index) << (sib >> 6) };
            (usize::from(sib & 7), stride, 1)
        } else {
            (usize::from(modrm & 7), 0, 0)
        };
        if modrm >> 6 == 0 && base == 5 {
            return None;
        }
        let displacement = text.add(5 + length);
        let displacement = match modrm >> 6 {
            0 => 0,
            1 => {
                length += 1;
                isize::from(displacement.cast::<i8>().read())
            }
            2 => {
                length += 4;
                displacement.cast::<i32>().read_unaligned() as isize
            }
            _ => return None,
        };
        Some(Memory { address: register(base + extend(0x20)).wrapping_add_signed(displacement), stride, length })
    }
}

/// Executes one instruction; its length, or nothing if it is unknown or must raise an exception.
///
/// # Safety
/// `text` must point to a whole instruction, and its memory operand be valid.
unsafe fn step(tiles: &mut Tiles, text: *const u8, registers: &[i64; 23]) -> Option<usize> {
    // SAFETY: passed on from the caller.
    unsafe {
        let [escape, prefix, suffix, opcode, modrm] = text.cast::<[u8; 5]>().read();
        // Three-byte VEX prefix, opcode map 0F38, W = 0, L = 0.
        if escape != 0xc4 || prefix & 0x1f != 2 || suffix & 0x84 != 0 {
            return None;
        }
        let (kind, is_register) = (suffix & 3, modrm >> 6 == 3);
        let first = usize::from(modrm >> 3 & 7);
        match (opcode, kind, is_register) {
            (0x49, 0, false) if first == 0 => {
                let memory = memory(text, registers)?;
                tiles.configure(&(memory.address as *const [u8; 64]).read())?;
                return Some(5 + memory.length);
            }
            (0x49, 0, true) if modrm == 0xc0 => tiles.configured = false,
            (0x49, 3, true) if modrm & 7 == 0 => tiles.check(first)?.bytes[first] = [[0; 64]; 16],
            (0x4b, 3, false) if modrm & 7 == 4 => {
                let memory = memory(text, registers)?;
                let tiles = tiles.check(first)?;
                let (rows, width) = (tiles.rows[first], tiles.row_bytes[first]);
                tiles.bytes[first] = [[0; 64]; 16];
                for (row, bytes) in tiles.bytes[first][..rows].iter_mut().enumerate() {
                    let source = memory.address.wrapping_add(row.wrapping_mul(memory.stride)) as *const u8;
                    source.copy_to_nonoverlapping(bytes.as_mut_ptr(), width);
                }
                return Some(5 + memory.length);
            }
            (0x4b, 2, false) if modrm & 7 == 4 => {
                let memory = memory(text, registers)?;
                let tiles = tiles.check(first)?;
                for (row, bytes) in tiles.bytes[first][..tiles.rows[first]].iter().enumerate() {
                    let target = memory.address.wrapping_add(row.wrapping_mul(memory.stride)) as *mut u8;
                    target.copy_from_nonoverlapping(bytes.as_ptr(), tiles.row_bytes[first]);
                }
                return Some(5 + memory.length);
            }
            (0x5e, _, true) => {
                let (left, right) = (usize::from(modrm & 7), usize::from(!suffix >> 3 & 15));
                tiles.multiply(first, left, right, [kind == 2 || kind == 3, kind == 1 || kind == 3])?;
            }
            _ => return None,
        }
        Some(5)
    }
}

impl Tiles {
    /// `ldtilecfg`.
    fn configure(&mut self, bytes: &[u8; 64]) -> Option<()> {
        let (palette, start_row) = (bytes[0], bytes[1]);
        let unused = bytes[2..16].iter().chain(&bytes[32..48]).chain(&bytes[56..64]);
        if palette != 1 || start_row != 0 || unused.copied().any(|byte| byte != 0) {
            return None;
        }
        for tile in 0..8 {
            let width = usize::from(u16::from_le_bytes([bytes[16 + 2 * tile], bytes[17 + 2 * tile]]));
            let rows = usize::from(bytes[48 + tile]);
            if rows > 16 || width > 64 || (rows == 0) != (width == 0) {
                return None;
            }
            (self.rows[tile], self.row_bytes[tile]) = (rows, width);
        }
        (self.configured, self.bytes) = (true, [[[0; 64]; 16]; 8]);
        Some(())
    }

    /// The tiles, if they are configured and tile `index` is in use.
    fn check(&mut self, index: usize) -> Option<&mut Tiles> {
        (self.configured && index < 8 && self.rows[index] > 0).then_some(self)
    }

    /// `tdpb[su][su]d`: `sums += left * right`.
    fn multiply(&mut self, sums: usize, left: usize, right: usize, signed: [bool; 2]) -> Option<()> {
        for index in [sums, left, right] {
            self.check(index)?;
        }
        let widths = [sums, left, right].map(|index| self.row_bytes[index]);
        let agree = self.rows[sums] == self.rows[left] && widths[0] == widths[2] && widths[1] / 4 == self.rows[right];
        if sums == left || sums == right || left == right || widths.iter().any(|width| width % 4 != 0) || !agree {
            return None;
        }
        let widen = |byte: u8, signed: bool| if signed { i32::from(byte as i8) } else { i32::from(byte) };
        for row in 0..self.rows[sums] {
            for column in 0..widths[0] / 4 {
                let place = 4 * column..4 * column + 4;
                let mut sum = i32::from_le_bytes(self.bytes[sums][row][place.clone()].try_into().ok()?);
                for group in 0..widths[1] / 4 {
                    for byte in 0..4 {
                        let factor = widen(self.bytes[left][row][4 * group + byte], signed[0]);
                        let other = widen(self.bytes[right][group][4 * column + byte], signed[1]);
                        sum = sum.wrapping_add(factor * other);
                    }
                }
                self.bytes[sums][row][place].copy_from_slice(&sum.to_le_bytes());
            }
        }
        PRODUCTS.fetch_add(1, Ordering::Relaxed);
        Some(())
    }
}
