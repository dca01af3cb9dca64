//! The smallest and the largest of some bytes.

use std::arch::x86_64::*;

/// Smallest and largest byte; `(0, 0)` of none.
///
/// # Safety
/// AVX2 must be available.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn range(bytes: &[u8]) -> (u8, u8) {
    let Some(&first) = bytes.first() else { return (0, 0) };
    let (chunks, rest) = bytes.as_chunks::<32>();
    let mut low = _mm256_set1_epi8(first as i8);
    let mut high = low;
    for chunk in chunks {
        // SAFETY: the chunk has 32 bytes.
        let values = unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) };
        low = _mm256_min_epu8(low, values);
        high = _mm256_max_epu8(high, values);
    }
    let (mut lows, mut highs) = ([0u8; 32], [0u8; 32]);
    // SAFETY: both arrays have 32 bytes.
    unsafe {
        _mm256_storeu_si256(lows.as_mut_ptr().cast(), low);
        _mm256_storeu_si256(highs.as_mut_ptr().cast(), high);
    }
    let low = lows.iter().chain(rest).fold(first, |low, &value| low.min(value));
    let high = highs.iter().chain(rest).fold(first, |high, &value| high.max(value));
    (low, high)
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_the_extremes_wherever_they_are() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        for length in [1usize, 31, 32, 33, 100] {
            for place in 0..length {
                let mut bytes = vec![100u8; length];
                bytes[place] = 7;
                bytes[length - 1 - place] = 201;
                let expected = (*bytes.iter().min().unwrap(), *bytes.iter().max().unwrap());
                // SAFETY: AVX2 was detected.
                assert_eq!(unsafe { super::range(&bytes) }, expected, "{length} {place}");
            }
        }
        // SAFETY: AVX2 was detected.
        assert_eq!(unsafe { super::range(&[]) }, (0, 0));
    }
}
