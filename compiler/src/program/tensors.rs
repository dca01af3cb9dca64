//! The numbers in a compiled projection: the content of `tiles.safetensors`.

/// A tensor over `[row tile, slice, stream, output]` whose sizes of 1 stand for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// Sizes; each 1 or the full size.
    pub shape: [usize; 4],
    /// Values, last dimension fastest.
    pub values: Vec<i32>,
}

/// Cells, scale factors and quantiser levels of one projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossbar {
    /// Levels `[row tile, column tile, row, byte]` of all `array.rows` rows, packed: the level of
    /// column l ([`super::CrossbarLayout::columns`]) occupies the bits `l * cell_bits ..`, least
    /// significant first, of a row of [`super::CrossbarLayout::row_bytes`] bytes; 0 where unused.
    /// Positive cells of differential pairs, or all cells. The last column of an array with a
    /// reference column holds level 1 in every row in use.
    pub cells: Vec<u8>,
    /// Negative cells of differential pairs, laid out alike; else empty.
    pub negative_cells: Vec<u8>,
    /// Scale factors, unsigned; all 1 where the quantiser takes none.
    pub scale_factors: Broadcast,
    /// Thresholds of a ternary quantiser, steps of a uniform one; all 1 for the others.
    pub quantiser_levels: Broadcast,
}

impl Broadcast {
    /// The same value everywhere.
    pub fn uniform(value: i32) -> Self {
        Self { shape: [1; 4], values: vec![value] }
    }

    /// The value at `[row tile, slice, stream, output]`.
    pub fn get(&self, index: [usize; 4]) -> i32 {
        let place = self.shape.iter().zip(index).fold(0, |place, (&size, index)| place * size + index.min(size - 1));
        self.values[place]
    }
}
