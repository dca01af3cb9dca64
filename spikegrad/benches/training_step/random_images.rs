//! Random images that fit the memory of a benchmark.

use snn::random::{Purpose, Stream};
use spikegrad::Samples;

/// Classes of every network that is measured.
const CLASSES: u32 = 10;
/// Samples of an epoch: the few images over and over.
const EPOCH: usize = 1 << 18;

/// Images of random pixels with random labels.
pub struct RandomImages {
    images: Vec<u8>,
    labels: Vec<u8>,
    length: usize,
    count: usize,
}

impl RandomImages {
    /// `count` images of `length` pixels, a share `density` of which is not zero.
    pub fn new(length: usize, density: f64, count: usize) -> Self {
        let mut stream = Stream::new(1, Purpose::Test, 0);
        let limit = (density.clamp(0.0, 1.0) * 1000.0) as u32;
        let pixel = |_| if stream.below(1000) < limit { 1 + stream.below(255) as u8 } else { 0 };
        let images = (0..length * count).map(pixel).collect();
        let labels = (0..count).map(|_| stream.below(CLASSES) as u8).collect();
        Self { images, labels, length, count: EPOCH }
    }

    /// The first image alone.
    pub fn first(&self) -> Self {
        Self { images: self.images[..self.length].to_vec(), labels: self.labels[..1].to_vec(), count: 1, ..*self }
    }
}

impl Samples for RandomImages {
    fn len(&self) -> usize {
        self.count
    }

    fn input_length(&self) -> usize {
        self.length
    }

    fn classes(&self) -> usize {
        CLASSES as usize
    }

    fn fill(&self, _epoch: Option<u32>, index: usize, out: &mut [u8]) {
        let index = index % self.labels.len();
        out.copy_from_slice(&self.images[index * self.length..][..self.length]);
    }

    fn label(&self, index: usize) -> usize {
        self.labels[index % self.labels.len()].into()
    }

    fn order(&self, _epoch: u32) -> Vec<u32> {
        (0..self.count as u32).collect()
    }
}
