//! Random words that are a function of a key and a counter: Threefry with four words of 32 bits.
//!
//! Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Twelve rounds are the
//! least that pass all of BigCrush.

const PARITY: u32 = 0x1bd1_1bda;

/// Words on their way through the rounds.
type Words = [u32; 4];

/// The words of a counter, after twelve rounds.
#[inline(always)]
pub(super) fn words(key: Words, counter: Words) -> Words {
    let words = keyed::<0>(counter, key);
    let words = keyed::<1>(first_rounds(words), key);
    let words = keyed::<2>(last_rounds(words), key);
    keyed::<3>(first_rounds(words), key)
}

/// Adds the key for the turn-th time.
#[inline(always)]
fn keyed<const TURN: usize>([x, y, z, w]: Words, [a, b, c, d]: Words) -> Words {
    let keys = [a, b, c, d, PARITY ^ a ^ b ^ c ^ d];
    let key = |place: usize| keys[(TURN + place) % 5];
    [
        x.wrapping_add(key(0)),
        y.wrapping_add(key(1)),
        z.wrapping_add(key(2)),
        w.wrapping_add(key(3)).wrapping_add(TURN as u32),
    ]
}

/// Rounds 0 to 3 of every eight.
#[inline(always)]
fn first_rounds(words: Words) -> Words {
    two_rounds::<13, 27, 23, 5>(two_rounds::<10, 26, 11, 21>(words))
}

/// Rounds 4 to 7 of every eight.
#[inline(always)]
fn last_rounds(words: Words) -> Words {
    two_rounds::<25, 10, 18, 20>(two_rounds::<6, 20, 17, 11>(words))
}

/// Mixes each word with one neighbour and then with the other.
#[inline(always)]
fn two_rounds<const A: u32, const B: u32, const C: u32, const D: u32>([x, y, z, w]: Words) -> Words {
    let (x, y) = mixed::<A>(x, y);
    let (z, w) = mixed::<B>(z, w);
    let (x, w) = mixed::<C>(x, w);
    let (z, y) = mixed::<D>(z, y);
    [x, y, z, w]
}

#[inline(always)]
fn mixed<const ROTATION: u32>(sum: u32, word: u32) -> (u32, u32) {
    let sum = sum.wrapping_add(word);
    (sum, word.rotate_left(ROTATION) ^ sum)
}

#[cfg(test)]
mod tests {
    use super::{Words, first_rounds, keyed, last_rounds, words};

    fn twenty_rounds(key: Words, counter: Words) -> Words {
        let words = keyed::<1>(first_rounds(keyed::<0>(counter, key)), key);
        let words = keyed::<3>(first_rounds(keyed::<2>(last_rounds(words), key)), key);
        keyed::<5>(first_rounds(keyed::<4>(last_rounds(words), key)), key)
    }

    /// Known answers that come with the authors' Random123.
    #[test]
    fn words_are_the_published_ones() {
        assert_eq!(twenty_rounds([0; 4], [0; 4]), [0x9c6c_a96a, 0xe17e_ae66, 0xfc10_ecd4, 0x5256_a7d8]);
        let ones = [u32::MAX; 4];
        assert_eq!(twenty_rounds(ones, ones), [0x2a88_1696, 0x5701_2287, 0xf6c7_446e, 0xa16a_6732]);
        // The published answer has thirteen rounds.
        let [x, y, z, w] = words([0; 4], [0; 4]);
        let (x, y) = super::mixed::<6>(x, y);
        let (z, w) = super::mixed::<20>(z, w);
        assert_eq!([x, y, z, w], [0x531c_7e4f, 0x3949_1ee5, 0x2c85_5a92, 0x3d6a_bf9a]);
    }
}
