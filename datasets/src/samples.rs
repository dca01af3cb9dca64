//! Labelled images held in memory.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::DatasetError;

/// Size of one image; its bytes are ordered `[height, width, channels]`, channels last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels: 1 for greyscale, 3 for red, green, blue.
    pub channels: usize,
}

impl ImageShape {
    /// Bytes of one image, `height * width * channels`; `None` when that overflows.
    pub fn checked_len(self) -> Option<usize> {
        self.height.checked_mul(self.width)?.checked_mul(self.channels)
    }
}

/// `n` images as bytes `[n, height, width, channels]` with `n` labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    shape: ImageShape,
    image_len: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Samples {
    /// Joins `pixels`, `[labels.len(), height, width, channels]`, and `labels`.
    ///
    /// # Errors
    /// [`DatasetError::Invalid`] when a side of `shape` is zero or the lengths do not agree.
    pub fn new(shape: ImageShape, pixels: Vec<u8>, labels: Vec<u8>) -> Result<Self, DatasetError> {
        let image_len = match shape.checked_len() {
            Some(len) if len > 0 => len,
            _ => {
                return Err(DatasetError::parameter(
                    "samples",
                    "shape",
                    "three sizes above zero whose product fits in memory",
                    format!("{}x{}x{}", shape.height, shape.width, shape.channels),
                    "give the size of one image",
                ));
            }
        };
        if labels.len().checked_mul(image_len) != Some(pixels.len()) {
            return Err(DatasetError::parameter(
                "samples",
                "pixels",
                format!("{} images of {image_len} bytes", labels.len()),
                format!("{} bytes", pixels.len()),
                "give one label for each image",
            ));
        }
        Ok(Self { shape, image_len, pixels, labels })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Size of each image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Bytes of one image.
    pub fn image_len(&self) -> usize {
        self.image_len
    }

    /// Image `index`, `[height, width, channels]`.
    ///
    /// # Panics
    /// When `index` is not below [`Samples::len`], as slice indexing does.
    pub fn image(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.image_len..(index + 1) * self.image_len]
    }

    /// Label of sample `index`.
    ///
    /// # Panics
    /// When `index` is not below [`Samples::len`], as slice indexing does.
    pub fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }

    /// All labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// All pixels, `[n, height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// A copy of the samples of `range`.
    ///
    /// # Panics
    /// When the range ends beyond [`Samples::len`], as slice indexing does.
    pub fn range(&self, range: Range<usize>) -> Self {
        Self {
            shape: self.shape,
            image_len: self.image_len,
            pixels: self.pixels[range.start * self.image_len..range.end * self.image_len].to_vec(),
            labels: self.labels[range].to_vec(),
        }
    }

    /// A copy of the samples at `indices`, in their order.
    ///
    /// # Panics
    /// When an index is not below [`Samples::len`], as slice indexing does.
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * self.image_len);
        for &index in indices {
            pixels.extend_from_slice(self.image(index));
        }
        Self {
            shape: self.shape,
            image_len: self.image_len,
            pixels,
            labels: indices.iter().map(|&index| self.labels[index]).collect(),
        }
    }

    /// Cuts off the samples from `start` on and returns them; `start` beyond the end cuts nothing.
    pub fn split_off(&mut self, start: usize) -> Self {
        let start = start.min(self.len());
        let labels = self.labels.split_off(start);
        let pixels = self.pixels.split_off(start * self.image_len);
        // `split_off` leaves the old capacity behind; the memory belongs to the cut part.
        self.pixels.shrink_to_fit();
        Self { shape: self.shape, image_len: self.image_len, pixels, labels }
    }

    /// Samples of each label, `[256]`-indexed by label and cut to `classes` entries.
    pub fn label_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; 256];
        for &label in &self.labels {
            counts[usize::from(label)] += 1;
        }
        counts.resize(classes, 0);
        counts
    }

    /// Mean pixel value of each channel over all samples; zeros when there is none.
    pub fn channel_means(&self) -> Vec<f64> {
        let channels = self.shape.channels;
        let mut sums = vec![0u64; channels];
        for pixel in self.pixels.chunks_exact(channels) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(value);
            }
        }
        let count = (self.pixels.len() / channels).max(1) as f64;
        sums.into_iter().map(|sum| sum as f64 / count).collect()
    }
}
