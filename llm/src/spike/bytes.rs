//! Sums over codes that the compiler can vectorise.

use kernels::{CountRows, Loop};

/// Partial sums.
const LANES: usize = 64;
/// Codes of a lane whose sum fits 16 bits: 4 codes of at most 64 steps of 8 bits.
const RUN: usize = 4;

/// `sum of f(code)`; `f` is at most 16,383, and 0 for the code 0.
#[inline(always)]
pub(super) fn sum<Code: Copy + Default>(codes: &[Code], f: impl Fn(Code) -> u16) -> u32 {
    let (chunks, rest) = codes.as_chunks::<LANES>();
    let mut last = [Code::default(); LANES];
    last[..rest.len()].copy_from_slice(rest);
    let mut wide = [0u32; LANES];
    for chunks in chunks.chunks(RUN) {
        let mut lanes = [0u16; LANES];
        for chunk in chunks {
            for lane in 0..LANES {
                lanes[lane] += f(chunk[lane]);
            }
        }
        for lane in 0..LANES {
            wide[lane] += u32::from(lanes[lane]);
        }
    }
    for lane in 0..LANES {
        wide[lane] += u32::from(f(last[lane]));
    }
    wide.iter().sum()
}

/// Adds the sum of the first `width` counts of every row.
pub(super) struct Sums<'a> {
    pub rows: CountRows<'a>,
    pub width: usize,
    pub sums: &'a mut [i32],
}

impl Loop for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (row, total) in self.sums.iter_mut().enumerate() {
            *total += sum(&self.rows.bytes[row * self.rows.pitch..][..self.width], u16::from) as i32;
        }
    }
}

#[cfg(test)]
mod tests {
    use kernels::{CountRows, Engine, Isa, Parallelism};

    use super::{Sums, sum};

    #[test]
    fn sums_are_exact() {
        for length in [0, 1, 63, 64, 65, 255, 256, 257, 1000] {
            let codes: Vec<u16> =
                (0..length).map(|index| if index % 5 == 0 { 16_320 } else { index * 7 % 300 }).collect();
            assert_eq!(sum(&codes, |code| code), codes.iter().map(|&code| u32::from(code)).sum::<u32>());
            let bytes = vec![255u8; length.into()];
            assert_eq!(sum(&bytes, |byte| byte.count_ones() as u16), 8 * u32::from(length));
            for isa in Isa::available() {
                let mut sums = [5];
                let rows = CountRows { bytes: &bytes, pitch: 0, count: 1 };
                let engine = Engine::new(isa, Parallelism::Serial).unwrap();
                engine.vectorised(Sums { rows, width: length.into(), sums: &mut sums });
                assert_eq!(sums, [5 + 255 * i32::from(length)]);
            }
        }
    }
}
