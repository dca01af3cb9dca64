//! Adjacent blocks of columns, packed by one thread.

use std::array;

use super::layout::Layout;
use crate::Isa;
use crate::dispatch::{Loop, vectorised};
use crate::panel::{TILE, interleave};
use crate::product::{BLOCK, GROUP};
use crate::workspace::{LINE, Line, line_bytes};

/// Some blocks of columns.
pub(super) struct Strip<'a> {
    /// The first block.
    pub first: usize,
    /// The lines of every block.
    pub lines: &'a mut [Line],
    /// The column sums of every block and run.
    pub sums: &'a mut [i32],
}

/// Packs rows `[columns][runs][steps of a run]` into a strip of one block.
pub(super) fn pack_rows(layout: &Layout, weights: &[u8], strip: Strip<'_>) {
    let inner = layout.runs * layout.run;
    let sums = strip.sums.as_chunks_mut::<BLOCK>().0;
    for (run, (lines, sums)) in strip.lines.chunks_exact_mut(layout.groups()).zip(sums).enumerate() {
        let rows: [&[u8]; BLOCK] = array::from_fn(|lane| {
            let column = strip.first * BLOCK + lane;
            if column < layout.columns { &weights[column * inner + run * layout.run..][..layout.run] } else { &[] }
        });
        sums.fill(0);
        for (tile, lines) in lines.chunks_mut(TILE).enumerate() {
            pack_tile(layout.isa, rows.map(|row| row.get(tile * LINE..).unwrap_or(&[])), lines);
            vectorised(layout.isa, AddGroups { bytes: line_bytes(lines), sums });
        }
    }
}

/// Packs the beginning of 16 rows into a tile of up to 16 lines; what the rows lack counts as zeros.
fn pack_tile(isa: Isa, rows: [&[u8]; BLOCK], lines: &mut [Line]) {
    match isa {
        // SAFETY: an engine exists only for an available instruction set; both of these include AVX-512 F and BW.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni | Isa::AmxInt8 => unsafe { pack_wide_tile(rows, lines) },
        _ => {
            for (lane, row) in rows.into_iter().enumerate() {
                let (whole, rest) = row.as_chunks::<GROUP>();
                let mut last = [0; GROUP];
                last[..rest.len()].copy_from_slice(rest);
                let groups = whole.iter().chain([&last]).chain(std::iter::repeat(&[0; GROUP]));
                for (line, group) in lines.iter_mut().zip(groups) {
                    line.0[lane * GROUP..][..GROUP].copy_from_slice(group);
                }
            }
        }
    }
}

/// [`pack_tile`] with a register for every row.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
fn pack_wide_tile(rows: [&[u8]; BLOCK], lines: &mut [Line]) {
    use std::arch::x86_64::{_mm512_maskz_loadu_epi8, _mm512_store_si512};
    let read = rows.map(|row| {
        let mask = u64::MAX.checked_shr((LINE - row.len().min(LINE)) as u32).unwrap_or(0);
        // SAFETY: the mask keeps the read within the row.
        unsafe { _mm512_maskz_loadu_epi8(mask, row.as_ptr().cast()) }
    });
    for (line, packed) in lines.iter_mut().zip(crate::panel::exchange(read)) {
        // SAFETY: a line has 64 bytes and is aligned to them.
        unsafe { _mm512_store_si512(line.0.as_mut_ptr().cast(), packed) };
    }
}

/// Packs rows of one value for every column into a strip of up to `BLOCKS` blocks; `place(run, step)` is where the row
/// of a step begins.
pub(super) fn pack_steps<const BLOCKS: usize>(
    layout: &Layout,
    weights: &[u8],
    place: impl Fn(usize, usize) -> usize,
    strip: Strip<'_>,
) {
    let start = strip.first * BLOCK;
    let blocks = strip.sums.len() / (layout.runs * BLOCK);
    let width = (layout.columns - start).min(blocks * BLOCK);
    let zeros = [[0; BLOCK]; BLOCKS];
    let mut packed = [[0; LINE]; BLOCKS];
    for run in 0..layout.runs {
        let mut sums = [[0; BLOCK]; BLOCKS];
        for group in 0..layout.groups() {
            let sources = array::from_fn(|byte| match group * GROUP + byte {
                step if step < layout.run => &weights[place(run, step) + start..][..width],
                _ => &zeros.as_flattened()[..width],
            });
            interleave(layout.isa, sources, &mut packed.as_flattened_mut()[..width * GROUP]);
            let lines = strip.lines.iter_mut().skip(run * layout.groups() + group).step_by(layout.block_lines());
            lines.zip(&packed).for_each(|(line, packed)| line.0 = *packed);
            let (bytes, sums) = (packed[..blocks].as_flattened(), sums[..blocks].as_flattened_mut());
            vectorised(layout.isa, AddGroups { bytes, sums });
        }
        for (target, sums) in strip.sums.chunks_exact_mut(layout.runs * BLOCK).zip(&sums) {
            target[run * BLOCK..][..BLOCK].copy_from_slice(sums);
        }
    }
}

/// Adds the signed bytes of groups to the sums of their columns: the lines are those of `sums.len() / 16` blocks in
/// turn.
struct AddGroups<'a> {
    bytes: &'a [u8],
    sums: &'a mut [i32],
}

impl Loop for AddGroups<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for bytes in self.bytes.chunks_exact(self.sums.len() * GROUP) {
            let lines = bytes.as_chunks::<LINE>().0;
            for (sums, line) in self.sums.as_chunks_mut::<BLOCK>().0.iter_mut().zip(lines) {
                for (sum, &group) in sums.iter_mut().zip(line.as_chunks::<GROUP>().0) {
                    let group = i32::from_ne_bytes(group);
                    let signed = |byte: u32| (group << (24 - 8 * byte)) >> 24;
                    *sum = sum.wrapping_add(signed(0) + signed(1) + signed(2) + signed(3));
                }
            }
        }
    }
}
