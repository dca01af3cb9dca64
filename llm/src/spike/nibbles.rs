//! Weights of at most 4 bits, two in a byte, and their products with the codes of a few tokens: every weight is read
//! once for a token, so that decoding moves half a byte for each.

use kernels::{Engine, Loop};

/// Bytes of a chunk: columns `0..32` of it are the low halves, `32..64` the high ones.
const CHUNK: usize = 32;

/// Rows of codes of 0 to 15.
#[derive(Debug)]
pub(super) struct Nibbles {
    columns: usize,
    /// Chunks of a row; columns behind the last are 0.
    chunks: usize,
    bytes: Vec<u8>,
}

impl Nibbles {
    /// Packs codes `[rows][columns]` of 0 to 15.
    pub fn new(columns: usize, codes: &[i8]) -> Self {
        let chunks = columns.div_ceil(2 * CHUNK);
        let mut bytes = Vec::with_capacity(codes.len() / columns.max(1) * chunks * CHUNK);
        for row in codes.chunks_exact(columns.max(1)) {
            for chunk in row.chunks(2 * CHUNK) {
                let code = |place: usize| chunk.get(place).map_or(0, |&code| code as u8 & 15);
                bytes.extend((0..CHUNK).map(|place| code(place) | code(place + CHUNK) << 4));
            }
        }
        Self { columns, chunks, bytes }
    }

    /// The codes again, `[rows][columns]`.
    pub fn unpacked(&self) -> Vec<i8> {
        let mut codes = Vec::with_capacity(self.bytes.len() * 2);
        for row in self.bytes.chunks_exact((self.chunks * CHUNK).max(1)) {
            let start = codes.len();
            for chunk in row.chunks_exact(CHUNK) {
                codes.extend(chunk.iter().map(|byte| (byte & 15) as i8));
                codes.extend(chunk.iter().map(|byte| (byte >> 4) as i8));
            }
            codes.truncate(start + self.columns);
        }
        codes
    }

    /// `totals[row] = sum over columns of code * count`, the counts at most `largest`.
    pub fn multiply(&self, engine: Engine, counts: &[u16], largest: u16, totals: &mut [i32]) {
        let mut padded = vec![0u16; self.chunks * 2 * CHUNK];
        padded[..counts.len()].copy_from_slice(counts);
        // Sums of so many products of a code and a count fit 16 bits.
        let run = u16::MAX as usize / (15 * usize::from(largest).max(1));
        engine.vectorised(Product { bytes: &self.bytes, counts: &padded, run, totals });
    }
}

struct Product<'a> {
    bytes: &'a [u8],
    /// `[chunks][low and high][CHUNK]`.
    counts: &'a [u16],
    run: usize,
    totals: &'a mut [i32],
}

impl Loop for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (counts, _) = self.counts.as_chunks::<{ 2 * CHUNK }>();
        let (bytes, _) = self.bytes.as_chunks::<CHUNK>();
        if counts.is_empty() {
            self.totals.fill(0);
            return;
        }
        if self.run == 0 {
            // Counts beyond 16 bits of products: 32 bits from the start.
            for (total, row) in self.totals.iter_mut().zip(bytes.chunks_exact(counts.len())) {
                let mut sum = 0u32;
                for (bytes, counts) in row.iter().zip(counts) {
                    for place in 0..CHUNK {
                        sum += u32::from(bytes[place] & 15) * u32::from(counts[place]);
                        sum += u32::from(bytes[place] >> 4) * u32::from(counts[place + CHUNK]);
                    }
                }
                *total = sum as i32;
            }
            return;
        }
        for (total, row) in self.totals.iter_mut().zip(bytes.chunks_exact(counts.len())) {
            let mut wide = [0u32; CHUNK];
            for (row, counts) in row.chunks(self.run).zip(counts.chunks(self.run)) {
                let (mut low, mut high) = ([0u16; CHUNK], [0u16; CHUNK]);
                for (bytes, counts) in row.iter().zip(counts) {
                    for place in 0..CHUNK {
                        low[place] = low[place].wrapping_add(u16::from(bytes[place] & 15).wrapping_mul(counts[place]));
                    }
                    for place in 0..CHUNK {
                        let code = u16::from(bytes[place] >> 4);
                        high[place] = high[place].wrapping_add(code.wrapping_mul(counts[place + CHUNK]));
                    }
                }
                for place in 0..CHUNK {
                    wide[place] += u32::from(low[place]) + u32::from(high[place]);
                }
            }
            *total = wide.iter().sum::<u32>() as i32;
        }
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Engine, Isa, Parallelism};

    use super::Nibbles;

    #[test]
    fn products_are_exact_for_every_instruction_set() {
        for (rows, columns, largest) in [
            (1usize, 1usize, 15u16),
            (3, 63, 15),
            (5, 64, 60),
            (2, 65, 255),
            (4, 700, 255),
            (3, 130, 1020),
            (2, 70, 5000),
        ] {
            let codes: Vec<i8> = (0..rows * columns).map(|index| (index * 7 % 16) as i8).collect();
            let counts: Vec<u16> =
                (0..columns).map(|index| if index % 3 == 0 { largest } else { (index % 7) as u16 }).collect();
            let nibbles = Nibbles::new(columns, &codes);
            assert_eq!(nibbles.unpacked(), codes);
            let expected: Vec<i32> = codes
                .chunks(columns)
                .map(|row| row.iter().zip(&counts).map(|(&code, &count)| i32::from(code) * i32::from(count)).sum())
                .collect();
            for isa in Isa::ALL {
                let Ok(engine) = Engine::new(isa, Parallelism::Serial) else { continue };
                let mut totals = vec![-1; rows];
                nibbles.multiply(engine, &counts, largest, &mut totals);
                assert_eq!(totals, expected, "{isa:?}");
            }
        }
    }
}
