//! Four streams of bytes interleaved into groups of four.

/// `target[4 * i + j] = source[j][i]` for every `i` below the common length.
#[inline]
pub(crate) fn interleave(sources: [&[u8]; 4], target: &mut [u8]) {
    let [a, b, c, d] = sources;
    let length = (target.len() / 4).min(a.len()).min(b.len()).min(c.len()).min(d.len());
    let ((a, a_rest), (b, b_rest)) = (a[..length].as_chunks::<16>(), b[..length].as_chunks::<16>());
    let ((c, c_rest), (d, d_rest)) = (c[..length].as_chunks::<16>(), d[..length].as_chunks::<16>());
    let (blocks, groups) = target[..4 * length].split_at_mut(64 * a.len());
    for ((((block, a), b), c), d) in blocks.as_chunks_mut::<64>().0.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        interleave_block([a, b, c, d], block);
    }
    let (groups, _) = groups.as_chunks_mut::<4>();
    for ((((group, &a), &b), &c), &d) in groups.iter_mut().zip(a_rest).zip(b_rest).zip(c_rest).zip(d_rest) {
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
pub(crate) fn interleave_shifted(source: &[u8], shift: usize, target: &mut [u8]) {
    let length = target.len() / 4;
    let stream = |index: usize| &source[index * shift..][..length];
    interleave([stream(0), stream(1), stream(2), stream(3)], target);
}
