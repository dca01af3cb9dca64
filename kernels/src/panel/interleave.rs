//! Four streams of bytes interleaved into groups of four.

/// `target[4 * i + j] = source[j][i]` for every `i` below the common length.
#[inline(always)]
pub(crate) fn interleave(sources: [&[u8]; 4], target: &mut [u8]) {
    let [first, second, third, fourth] = sources;
    let (groups, _) = target.as_chunks_mut::<4>();
    for ((((group, &a), &b), &c), &d) in groups.iter_mut().zip(first).zip(second).zip(third).zip(fourth) {
        *group = [a, b, c, d];
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
