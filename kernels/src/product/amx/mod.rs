//! AMX-INT8: `tdpbusd` and `tdpbsud` on tiles of 16 rows of 64 bytes.
//!
//! Four tiles accumulate 32 rows x 32 columns, two hold the left operand (16 rows x 16 groups of the reduction), two
//! the right one (16 groups x 16 columns). A tile is read in place where its rows lie at one distance in the operand;
//! where they do not (reductions in short runs, row groups of fewer than 16 rows, transposed operands), a panel of the
//! operand is copied first. Sums are taken over 16 tiles of the reduction at a time, so that what is reused stays in
//! the nearest cache; in between they rest in the output.

mod configuration;
mod finish;
mod job;
mod left_panel;
mod reduction;
mod right_panel;
mod rows;
mod sweep;

#[cfg(all(test, target_os = "linux"))]
mod emulator;
#[cfg(all(test, target_os = "linux"))]
mod emulator_test;

use super::{GROUP, Output, Product, avx512};
use configuration::Configuration;
use sweep::Sweep;

/// Rows of a tile, and groups of the reduction in a tile.
const TILE: usize = 16;
/// Bytes of a row of a tile.
const TILE_ROW: usize = TILE * GROUP;
/// Rows whose copies are kept while the columns pass.
const PANEL_ROWS: usize = 128;
/// Multiply-accumulates below which loading the tile configuration costs more than it gains.
const LEAST_WORK: usize = 1 << 16;
/// Rows or columns below which most of a tile would be empty.
const LEAST_SIDE: usize = 8;

/// Whether tiles beat `vpdpbusd`: they need most of their rows, columns and groups filled.
fn fills_tiles(product: &Product<'_>) -> bool {
    let rows = product.row_groups.saturating_mul(product.rows);
    let groups = product.counts.iter().fold(1, |all: usize, &count| all.saturating_mul(count));
    let work = rows.saturating_mul(product.columns).saturating_mul(groups).saturating_mul(GROUP);
    rows >= LEAST_SIDE && product.columns >= LEAST_SIDE && groups >= TILE && work >= LEAST_WORK
}

/// Computes the product.
///
/// # Safety
/// AMX-INT8 and AVX-512 F, BW, DQ, VL and VNNI must be available, and `Product::check` must have passed for `out`.
pub(super) unsafe fn multiply(product: &Product<'_>, out: Output<'_>) {
    // SAFETY: passed on from the caller; the reduction is not empty, as it fills a tile.
    unsafe {
        if fills_tiles(product) {
            multiply_tiles(product, out);
        } else {
            avx512::multiply(product, out);
        }
    }
}

/// Computes the product with tiles, whatever its shape. Not inlined, lest other paths pay for its large stack frame.
///
/// # Safety
/// As for [`multiply`]; the reduction must not be empty.
#[inline(never)]
unsafe fn multiply_tiles(product: &Product<'_>, out: Output<'_>) {
    // SAFETY: passed on from the caller.
    unsafe {
        let configuration = Configuration::load();
        Sweep::new(product, out).run();
        drop(configuration);
    }
}
