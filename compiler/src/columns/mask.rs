//! The binary rows of an input stream.

use crate::hardware::InputCoding;

/// Rows are padded to whole words of this many bytes.
pub(super) const WORD: usize = 8;

const ONES: u64 = 0x0101_0101_0101_0101;

/// Writes 1 where the magnitude drives its row in stream `index`, else 0; returns how many are
/// driven. Both slices have the same whole number of words.
pub(super) fn mask(coding: InputCoding, index: u32, magnitudes: &[u8], out: &mut [u8]) -> u32 {
    match coding {
        InputCoding::BitSerial => {
            let (from, _) = magnitudes.as_chunks::<WORD>();
            let (to, _) = out.as_chunks_mut::<WORD>();
            for (from, to) in from.iter().zip(to) {
                *to = ((u64::from_le_bytes(*from) >> index) & ONES).to_le_bytes();
            }
        }
        InputCoding::Spikes => {
            let before = index.min(255) as u8;
            for (from, to) in magnitudes.iter().zip(out.iter_mut()) {
                *to = u8::from(*from > before);
            }
        }
    }
    ones(out)
}

/// The sum of bytes of 0 and 1.
fn ones(bytes: &[u8]) -> u32 {
    let (words, _) = bytes.as_chunks::<WORD>();
    // A byte of a word holds the sum of 255 ones.
    let parts = words.chunks(255).map(|words| {
        let sums = words.iter().fold(0u64, |sums, word| sums + u64::from_le_bytes(*word));
        let pairs = (sums & 0x00ff_00ff_00ff_00ff) + ((sums >> 8) & 0x00ff_00ff_00ff_00ff);
        (pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48) as u32
    });
    parts.sum()
}

/// Magnitudes of the counts of one sign, from bytes in two's complement.
pub(super) fn split_signs(counts: &[u8], positive: &mut [u8], negative: &mut [u8]) {
    for ((&count, positive), negative) in counts.iter().zip(positive).zip(negative) {
        let count = i16::from(count as i8);
        *positive = count.max(0) as u8;
        *negative = (-count).max(0) as u8;
    }
}
