//! Partial sums of reads with few active rows: the digits of those rows alone are added.

use kernels::Loop;

use super::mask::WORD;

/// Columns that are added together in 8 bits.
const LANES: usize = 32;
/// Columns whose sums stay in registers while rows are added.
const BLOCK: usize = 4 * LANES;
/// Reads of a group are summed row by row where fewer than one row in so many is active, by a product otherwise.
const SPARSE: usize = 4;
/// Fewer rows than this between two widenings of 8-bit sums are not worth it.
const FEWEST_ROWS: usize = 8;

/// The digits of a row tile, row by row.
#[derive(Clone, Debug)]
pub(super) struct DrivenRows {
    columns: usize,
    /// Columns padded with zeros to whole blocks of lanes.
    pitch: usize,
    /// Rows whose digits can be added in 8 bits.
    rows_at_once: usize,
    digits: Vec<i8>,
}

impl DrivenRows {
    /// Of digits `[column][row]`; `None` where there are none, or so large ones that few sums of them fit 8 bits.
    pub fn new(digits: &[i16], rows: usize) -> Option<Self> {
        let largest = digits.iter().fold(1, |largest, digit| digit.unsigned_abs().max(largest));
        let rows_at_once = usize::from(127 / largest);
        if rows_at_once < FEWEST_ROWS || digits.is_empty() {
            return None;
        }
        let columns = digits.len() / rows;
        let pitch = columns.next_multiple_of(LANES);
        let mut by_row = vec![0; rows * pitch];
        for (column, digits) in digits.chunks_exact(rows).enumerate() {
            for (row, &digit) in digits.iter().enumerate() {
                by_row[row * pitch + column] = digit as i8;
            }
        }
        Some(Self { columns, pitch, rows_at_once, digits: by_row })
    }

    /// Whether reads with so many active rows among all are summed row by row.
    pub fn suits(active: &[u32], pitch: usize) -> bool {
        let rows: u64 = active.iter().map(|&rows| u64::from(rows)).sum();
        rows * (SPARSE as u64) < (active.len() * pitch) as u64
    }
}

/// Writes the sums `[place][column]` of rows `[place][row_pitch]` of 0 and 1.
pub(super) struct DrivenSums<'a> {
    pub digits: &'a DrivenRows,
    pub rows: &'a [u8],
    pub row_pitch: usize,
    pub sums: &'a mut [i32],
}

impl Loop for DrivenSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { digits: tile, rows, row_pitch, sums } = self;
        let mut starts = Vec::with_capacity(row_pitch);
        for (rows, sums) in rows.chunks_exact(row_pitch).zip(sums.chunks_exact_mut(tile.columns)) {
            starts.clear();
            for (index, word) in rows.as_chunks::<WORD>().0.iter().enumerate() {
                let mut word = u64::from_le_bytes(*word);
                while word != 0 {
                    starts.push((index * WORD + word.trailing_zeros() as usize / 8) * tile.pitch);
                    word &= word - 1;
                }
            }
            let mut first = 0;
            while first < tile.pitch {
                let target = &mut sums[first.min(tile.columns)..];
                first += if tile.pitch - first >= BLOCK {
                    tile.add::<BLOCK>(&starts, first, target)
                } else {
                    tile.add::<LANES>(&starts, first, target)
                };
            }
        }
    }
}

impl DrivenRows {
    /// Writes the sums of `WIDTH` columns from `first` on over rows that begin at `starts`; returns `WIDTH`.
    #[inline(always)]
    fn add<const WIDTH: usize>(&self, starts: &[usize], first: usize, sums: &mut [i32]) -> usize {
        for (part, starts) in starts.chunks(self.rows_at_once).enumerate() {
            let mut parts = [0i8; WIDTH];
            for start in starts {
                if let Some(digits) = self.digits[start + first..].first_chunk::<WIDTH>() {
                    parts.iter_mut().zip(digits).for_each(|(part, &digit)| *part = part.wrapping_add(digit));
                }
            }
            let all = sums.iter_mut().zip(parts);
            if part == 0 {
                all.for_each(|(sum, part)| *sum = part.into());
            } else {
                all.for_each(|(sum, part)| *sum += i32::from(part));
            }
        }
        WIDTH
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Engine, Parallelism};
    use snn::random::{Purpose, Stream};

    use super::*;

    #[test]
    fn sums_of_driven_rows_equal_one_product_after_the_other() {
        let mut random = Stream::new(1, Purpose::Test, 7);
        for (largest, rows, columns, one_in) in
            [(1u32, 300usize, 1usize, 1), (15, 64, 40, 1), (3, 130, 300, 2), (1, 9, 160, 5)]
        {
            let digits: Vec<i16> =
                (0..rows * columns).map(|_| random.below(2 * largest + 1) as i16 - largest as i16).collect();
            let driven = DrivenRows::new(&digits, rows).unwrap();
            let pitch = rows.next_multiple_of(WORD);
            let mut active = vec![0u8; 3 * pitch];
            for place in active.chunks_exact_mut(pitch) {
                place[0] = 1;
                place[1..rows].iter_mut().for_each(|row| *row = u8::from(random.below(one_in) == 0));
            }
            let mut sums = vec![7; 3 * columns];
            Engine::detect(Parallelism::Serial).vectorised(DrivenSums {
                digits: &driven,
                rows: &active,
                row_pitch: pitch,
                sums: &mut sums,
            });
            for (place, sums) in active.chunks_exact(pitch).zip(sums.chunks_exact(columns)) {
                for (digits, &sum) in digits.chunks_exact(rows).zip(sums) {
                    let exact: i32 =
                        digits.iter().zip(place).map(|(&digit, &row)| i32::from(digit) * i32::from(row)).sum();
                    assert_eq!(sum, exact, "{rows} rows of at most {largest}, {columns} columns");
                }
            }
        }
    }

    #[test]
    fn large_digits_are_left_to_products() {
        assert!(DrivenRows::new(&[15, -15], 2).is_some());
        assert!(DrivenRows::new(&[16, 0], 2).is_none());
        assert!(DrivenRows::new(&[-255], 1).is_none());
        assert!(DrivenRows::new(&[], 2).is_none());
    }
}
