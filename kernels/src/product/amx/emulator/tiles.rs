//! The state of the tiles of a thread, and what instructions do to it.

use std::sync::atomic::Ordering;

use super::PRODUCTS;

/// The tiles of one thread.
pub(super) struct Tiles {
    pub(super) configured: bool,
    pub(super) rows: [usize; 8],
    pub(super) row_bytes: [usize; 8],
    pub(super) bytes: [[[u8; 64]; 16]; 8],
}

impl Tiles {
    /// Tiles that are not configured.
    pub(super) const NEW: Tiles =
        Tiles { configured: false, rows: [0; 8], row_bytes: [0; 8], bytes: [[[0; 64]; 16]; 8] };

    /// `ldtilecfg`.
    pub(super) fn configure(&mut self, bytes: &[u8; 64]) -> Option<()> {
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
    pub(super) fn check(&mut self, index: usize) -> Option<&mut Tiles> {
        (self.configured && index < 8 && self.rows[index] > 0).then_some(self)
    }

    /// `tdpb[su][su]d`: `sums += left * right`.
    pub(super) fn multiply(&mut self, sums: usize, left: usize, right: usize, signed: [bool; 2]) -> Option<()> {
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
