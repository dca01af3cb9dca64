//! The tile configuration of a thread.

use std::arch::asm;

use super::{TILE, TILE_ROW};

/// The eight tiles in use, each of 16 rows of 64 bytes, until dropped.
pub(super) struct Configuration(());

/// The memory that `ldtilecfg` reads (Intel SDM, volume 1, 18.3, palette 1).
#[repr(C, align(64))]
struct ConfigurationBytes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static CONFIGURATION: ConfigurationBytes = {
    let mut bytes =
        ConfigurationBytes { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
    let mut tile = 0;
    while tile < 8 {
        bytes.row_bytes[tile] = TILE_ROW as u16;
        bytes.rows[tile] = TILE as u8;
        tile += 1;
    }
    bytes
};

impl Configuration {
    /// Configures the tiles of this thread.
    ///
    /// # Safety
    /// AMX-INT8 must be available.
    pub(super) unsafe fn load() -> Configuration {
        // SAFETY: the bytes are a valid configuration; the tiles are declared as overwritten.
        unsafe {
            asm!(
                "ldtilecfg [{configuration}]",
                configuration = in(reg) &raw const CONFIGURATION,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, readonly, preserves_flags),
            );
        }
        Configuration(())
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        // SAFETY: the tiles are in use; unused tiles make switches between threads cheap again.
        unsafe {
            asm!(
                "tilerelease",
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, nomem, preserves_flags),
            );
        }
    }
}
