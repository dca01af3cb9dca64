//! Shape of a population.

/// Channels, height and width of a population; units are channels of a 1 x 1 map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Feature maps, or units.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// The largest number of neurons in one population.
pub(crate) const LARGEST_POPULATION: usize = 1 << 28;

impl Shape {
    /// From `[channels, height, width]` or `[units]`; `None` if it is neither, if a size is zero
    /// or if it holds more than 2^28 neurons.
    pub fn from_sizes(sizes: &[usize]) -> Option<Self> {
        let shape = match *sizes {
            [channels] => Self { channels, height: 1, width: 1 },
            [channels, height, width] => Self { channels, height, width },
            _ => return None,
        };
        let neurons = shape.channels.checked_mul(shape.height)?.checked_mul(shape.width)?;
        (neurons > 0 && neurons <= LARGEST_POPULATION).then_some(shape)
    }

    /// Number of neurons.
    pub fn neurons(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Number of positions of each channel.
    pub fn positions(&self) -> usize {
        self.height * self.width
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.height == 1 && self.width == 1 {
            write!(f, "[{}]", self.channels)
        } else {
            write!(f, "[{}, {}, {}]", self.channels, self.height, self.width)
        }
    }
}
