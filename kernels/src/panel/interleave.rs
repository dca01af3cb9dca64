//! Four streams of bytes interleaved into groups of four.

use crate::Isa;
use crate::workspace::LINE;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m512i;

/// Groups of four bytes in a line.
const GROUPS_OF_LINE: usize = LINE / 4;

/// `target[4 * i + j] = source[j][i]` for every `i` below the common length.
#[inline(always)]
pub(crate) fn interleave(isa: Isa, sources: [&[u8]; 4], target: &mut [u8]) {
    let [a, b, c, d] = sources;
    let length = (target.len() / 4).min(a.len()).min(b.len()).min(c.len()).min(d.len());
    let done = wide_blocks(isa, [&a[..length], &b[..length], &c[..length], &d[..length]], &mut target[..4 * length]);
    let ((a, a_rest), (b, b_rest)) = (a[done..length].as_chunks::<16>(), b[done..length].as_chunks::<16>());
    let ((c, c_rest), (d, d_rest)) = (c[done..length].as_chunks::<16>(), d[done..length].as_chunks::<16>());
    let (blocks, groups) = target[4 * done..4 * length].split_at_mut(64 * a.len());
    for ((((block, a), b), c), d) in blocks.as_chunks_mut::<64>().0.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        interleave_block([a, b, c, d], block);
    }
    let (groups, _) = groups.as_chunks_mut::<4>();
    for ((((group, &a), &b), &c), &d) in groups.iter_mut().zip(a_rest).zip(b_rest).zip(c_rest).zip(d_rest) {
        *group = [a, b, c, d];
    }
}

/// Interleaves as many blocks of 64 groups as there are, where the instruction set has 64-byte registers; returns the
/// number of groups done. All sources have the same length, the target four times as much.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn wide_blocks(isa: Isa, sources: [&[u8]; 4], target: &mut [u8]) -> usize {
    if sources[0].len() < 64 || !matches!(isa, Isa::Avx512Vnni | Isa::AmxInt8) {
        return 0;
    }
    // SAFETY: an engine exists only for an available instruction set, and both of these include AVX-512 F and BW.
    unsafe { interleave_wide(sources, target) }
}

/// No instruction set of this architecture has 64-byte registers.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn wide_blocks(_isa: Isa, _sources: [&[u8]; 4], _target: &mut [u8]) -> usize {
    0
}

/// Blocks of 64 groups: bytes and pairs interleaved within 16-byte lanes, then the lanes put in order.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
fn interleave_wide(sources: [&[u8]; 4], target: &mut [u8]) -> usize {
    use std::arch::x86_64::*;
    let [a, b, c, d] = sources;
    let (a, b, c, d) = (a.as_chunks::<64>().0, b.as_chunks::<64>().0, c.as_chunks::<64>().0, d.as_chunks::<64>().0);
    let blocks = target.as_chunks_mut::<256>().0;
    for ((((block, a), b), c), d) in blocks.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        // SAFETY: every load reads 64 bytes of an array of 64, and the four stores fill the array of 256.
        unsafe {
            let (a, b) = (_mm512_loadu_si512(a.as_ptr().cast()), _mm512_loadu_si512(b.as_ptr().cast()));
            let (c, d) = (_mm512_loadu_si512(c.as_ptr().cast()), _mm512_loadu_si512(d.as_ptr().cast()));
            for (line, value) in interleave_registers(a, b, c, d).into_iter().enumerate() {
                _mm512_storeu_si512(block.as_mut_ptr().add(line * LINE).cast(), value);
            }
        }
    }
    64 * blocks.len()
}

/// Four lines of 16 groups.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn interleave_registers(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> [__m512i; 4] {
    use std::arch::x86_64::*;
    let (low_ab, high_ab) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
    let (low_cd, high_cd) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
    let (first, second) = (_mm512_unpacklo_epi16(low_ab, low_cd), _mm512_unpackhi_epi16(low_ab, low_cd));
    let (third, fourth) = (_mm512_unpacklo_epi16(high_ab, high_cd), _mm512_unpackhi_epi16(high_ab, high_cd));
    let lower = _mm512_shuffle_i32x4::<0x44>(first, second);
    let upper = _mm512_shuffle_i32x4::<0xee>(first, second);
    let other_lower = _mm512_shuffle_i32x4::<0x44>(third, fourth);
    let other_upper = _mm512_shuffle_i32x4::<0xee>(third, fourth);
    [
        _mm512_shuffle_i32x4::<0x88>(lower, other_lower),
        _mm512_shuffle_i32x4::<0xdd>(lower, other_lower),
        _mm512_shuffle_i32x4::<0x88>(upper, other_upper),
        _mm512_shuffle_i32x4::<0xdd>(upper, other_upper),
    ]
}

/// Sixteen groups at once, with the instructions that every x86-64 processor has.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn interleave_block(sources: [&[u8; 16]; 4], target: &mut [u8; 64]) {
    use std::arch::x86_64::*;
    // SAFETY: SSE2 belongs to x86-64; every load reads 16 bytes of an array of 16, and the four stores fill the target.
    unsafe {
        let [a, b, c, d] = sources;
        let (a, b) = (_mm_loadu_si128(a.as_ptr().cast()), _mm_loadu_si128(b.as_ptr().cast()));
        let (c, d) = (_mm_loadu_si128(c.as_ptr().cast()), _mm_loadu_si128(d.as_ptr().cast()));
        let (low_ab, high_ab) = (_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b));
        let (low_cd, high_cd) = (_mm_unpacklo_epi8(c, d), _mm_unpackhi_epi8(c, d));
        let target = target.as_mut_ptr().cast::<__m128i>();
        _mm_storeu_si128(target, _mm_unpacklo_epi16(low_ab, low_cd));
        _mm_storeu_si128(target.add(1), _mm_unpackhi_epi16(low_ab, low_cd));
        _mm_storeu_si128(target.add(2), _mm_unpacklo_epi16(high_ab, high_cd));
        _mm_storeu_si128(target.add(3), _mm_unpackhi_epi16(high_ab, high_cd));
    }
}

/// Sixteen groups at once.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn interleave_block(sources: [&[u8; 16]; 4], target: &mut [u8; 64]) {
    for (index, group) in target.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *group = sources.map(|source| source[index]);
    }
}

/// `target[4 * i + j] = source[i + j * shift]` for every group of `target`.
///
/// `source` must hold `target.len() / 4 + 3 * shift` bytes.
pub(crate) fn interleave_shifted(isa: Isa, source: &[u8], shift: usize, target: &mut [u8]) {
    let length = target.len() / 4;
    let stream = |index: usize| &source[index * shift..][..length];
    interleave(isa, [stream(0), stream(1), stream(2), stream(3)], target);
}

/// [`interleave`] with a line of its own for every 16 groups: groups `16 * l ..` of the sources go to
/// `target[l * pitch ..]`. All sources have the same length. The last line is written to its end, with any bytes.
pub(crate) fn interleave_lines(isa: Isa, sources: [&[u8]; 4], target: &mut [u8], pitch: usize) {
    let length = sources[0].len();
    if length == 0 {
        return;
    }
    assert!(sources.iter().all(|source| source.len() == length), "sources differ in length");
    assert!((length - 1) / GROUPS_OF_LINE * pitch + LINE <= target.len(), "target exceeds its buffer");
    #[cfg(target_arch = "x86_64")]
    if matches!(isa, Isa::Avx512Vnni | Isa::AmxInt8) {
        // SAFETY: an engine exists only for an available instruction set, both of these include AVX-512 F and BW, and
        // the lengths were checked above.
        unsafe { interleave_lines_wide(sources.map(<[u8]>::as_ptr), length, target.as_mut_ptr(), pitch) };
        return;
    }
    let _ = isa;
    for first in (0..length).step_by(GROUPS_OF_LINE) {
        let Some(target) = target[first / GROUPS_OF_LINE * pitch..].first_chunk_mut::<LINE>() else { return };
        let mut rests = [[0; GROUPS_OF_LINE]; 4];
        let blocks: [&[u8; GROUPS_OF_LINE]; 4] = if first + GROUPS_OF_LINE <= length {
            std::array::from_fn(|source| sources[source][first..].first_chunk().unwrap_or(&[0; GROUPS_OF_LINE]))
        } else {
            for (rest, source) in rests.iter_mut().zip(sources) {
                rest[..length - first].copy_from_slice(&source[first..]);
            }
            rests.each_ref()
        };
        interleave_block(blocks, target);
    }
}

/// [`interleave_lines`] of up to 64 groups at a time.
///
/// # Safety
/// The sources hold `length` bytes; every line lies within the target.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn interleave_lines_wide(sources: [*const u8; 4], length: usize, target: *mut u8, pitch: usize) {
    use std::arch::x86_64::*;
    for first in (0..length).step_by(LINE) {
        let count = (length - first).min(LINE);
        let mask = u64::MAX >> (LINE - count);
        // SAFETY: the mask keeps reads within the sources, and only lines that hold groups are written.
        unsafe {
            let [a, b, c, d] = sources.map(|source| _mm512_maskz_loadu_epi8(mask, source.add(first).cast()));
            for (line, value) in
                interleave_registers(a, b, c, d).into_iter().take(count.div_ceil(GROUPS_OF_LINE)).enumerate()
            {
                _mm512_storeu_si512(target.add((first / GROUPS_OF_LINE + line) * pitch).cast(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_interleaved() {
        let streams: Vec<Vec<u8>> =
            (0..4).map(|stream| (0..300u32).map(|index| (index * 7 + stream * 61) as u8).collect()).collect();
        for isa in Isa::available() {
            for length in (0..80).chain([127, 128, 130, 255, 256, 299]) {
                let mut target = vec![0; 4 * length];
                interleave(isa, [0, 1, 2, 3].map(|stream: usize| &streams[stream][..]), &mut target);
                for (index, &byte) in target.iter().enumerate() {
                    assert_eq!(byte, streams[index % 4][index / 4], "{isa} {length} {index}");
                }
            }
        }
    }

    #[test]
    fn every_line_goes_to_its_place() {
        let streams: Vec<Vec<u8>> =
            (0..4).map(|stream| (0..700u32).map(|index| (index * 11 + stream * 67) as u8).collect()).collect();
        for isa in Isa::available() {
            for (length, pitch) in [(0, 64), (5, 64), (16, 100), (40, 128), (256, 64), (300, 72), (689, 192)] {
                let sources = [0, 1, 2, 3].map(|stream: usize| &streams[stream][..length]);
                let mut target = vec![99; length.div_ceil(16) * pitch + 64];
                interleave_lines(isa, sources, &mut target, pitch);
                for index in 0..4 * length {
                    let expected = streams[index % 4][index / 4];
                    assert_eq!(target[index / 64 * pitch + index % 64], expected, "{isa} {length} {pitch} {index}");
                }
                assert!(target[length.div_ceil(16) * pitch..].iter().all(|&byte| byte == 99), "{isa} {length}");
            }
        }
    }
}
