//! Decodes the tile instructions.

use libc::c_int;

use super::tiles::Tiles;

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
pub(super) unsafe fn step(tiles: &mut Tiles, text: *const u8, registers: &[i64; 23]) -> Option<usize> {
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
