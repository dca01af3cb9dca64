//! Four streams of bytes interleaved into groups of four.

/// `target[4 * i + j] = source[j][i]` for every `i` below the common length.
#[inline]
pub(crate) fn interleave(sources: [&[u8]; 4], target: &mut [u8]) {
    let [first, second, third, fourth] = sources.map(<[u8]>::as_chunks::<16>);
    let (blocks, _) = target.as_chunks_mut::<64>();
    let whole = blocks.len().min(first.0.len()).min(second.0.len()).min(third.0.len()).min(fourth.0.len());
    for (index, block) in blocks.iter_mut().enumerate().take(whole) {
        interleave_block([&first.0[index], &second.0[index], &third.0[index], &fourth.0[index]], block);
    }
    let [first, second, third, fourth] = sources.map(|source| &source[16 * whole..]);
    let (groups, _) = target[64 * whole..].as_chunks_mut::<4>();
    for ((((group, &a), &b), &c), &d) in groups.iter_mut().zip(first).zip(second).zip(third).zip(fourth) {
        *group = [a, b, c, d];
    }
}

/// Sixteen groups at once, with the instructions that every x86-64 processor has.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn interleave_block(sources: [&[u8; 16]; 4], target: &mut [u8; 64]) {
    use std::arch::x86_64::*;
    // SAFETY: SSE2 belongs to x86-64; every load reads 16 bytes of an array of 16, and the four stores fill the target.
    unsafe {
        let [a, b, c, d] = sources.map(|source| _mm_loadu_si128(source.as_ptr().cast()));
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
pub(crate) fn interleave_shifted(source: &[u8], shift: usize, target: &mut [u8]) {
    let length = target.len() / 4;
    let stream = |index: usize| &source[index * shift..][..length];
    interleave([stream(0), stream(1), stream(2), stream(3)], target);
}
