//! Some samples of a set.

use spikegrad::Samples;

/// Samples spread evenly over a set.
pub struct Subset<'a> {
    samples: &'a dyn Samples,
    count: usize,
}

impl<'a> Subset<'a> {
    /// `count` samples, or all where there are not so many.
    pub fn new(samples: &'a dyn Samples, count: usize) -> Self {
        Self { samples, count: count.min(samples.len()) }
    }

    fn place(&self, index: usize) -> usize {
        // The product of two numbers below 2^32 fits 64 bits.
        (index as u64 * self.samples.len() as u64 / self.count.max(1) as u64) as usize
    }
}

impl Samples for Subset<'_> {
    fn len(&self) -> usize {
        self.count
    }

    fn input_length(&self) -> usize {
        self.samples.input_length()
    }

    fn classes(&self) -> usize {
        self.samples.classes()
    }

    fn fill(&self, epoch: Option<u32>, index: usize, out: &mut [u8]) {
        self.samples.fill(epoch, self.place(index), out);
    }

    fn label(&self, index: usize) -> usize {
        self.samples.label(self.place(index))
    }

    fn order(&self, _epoch: u32) -> Vec<u32> {
        (0..self.count).map(|index| index as u32).collect()
    }
}
