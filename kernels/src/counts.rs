//! Spike counts as bytes, signed or unsigned.

/// An 8-bit operand: spike counts, pixels or error counts.
#[derive(Debug, Clone, Copy)]
pub enum Counts<'a> {
    /// Values 0..=255, such as pixels or rectified spike counts.
    Unsigned(&'a [u8]),
    /// Values -128..=127.
    Signed(&'a [i8]),
}

impl<'a> Counts<'a> {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// The raw bytes; two's complement for signed values.
    pub fn bytes(&self) -> &'a [u8] {
        match *self {
            Counts::Unsigned(bytes) => bytes,
            Counts::Signed(values) => as_unsigned(values),
        }
    }

    /// The mask that maps the bytes to unsigned bytes: 0, or 0x80 which adds 128 to a signed value.
    pub(crate) fn flip(&self) -> u8 {
        match self {
            Counts::Unsigned(_) => 0,
            Counts::Signed(_) => 0x80,
        }
    }
}

/// Rows of counts 0..=255 in a larger buffer: row `r` begins at `bytes[r * pitch]`.
#[derive(Debug, Clone, Copy)]
pub struct CountRows<'a> {
    /// All rows. Products read whole groups of 4 counts, so the last row needs as many bytes.
    pub bytes: &'a [u8],
    /// Bytes from the begin of a row to that of the next.
    pub pitch: usize,
    /// Rows.
    pub count: usize,
}

/// The same bytes read as two's complement.
pub fn as_signed(bytes: &[u8]) -> &[i8] {
    // SAFETY: u8 and i8 have the same size and alignment, and every bit pattern is valid for both.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

/// The same bytes, mutable, as two's complement.
pub fn as_signed_mut(bytes: &mut [u8]) -> &mut [i8] {
    // SAFETY: as for `as_signed`; the exclusive borrow is passed on.
    unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len()) }
}

/// The two's complement bytes of signed values.
pub fn as_unsigned(values: &[i8]) -> &[u8] {
    // SAFETY: as for `as_signed`.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
}
