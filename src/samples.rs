//! Images of `datasets` as the samples that `spikegrad` trains on.

use datasets::{Augmentation, Dataset, DatasetError, SplitOptions, augment, permutation};
use snn::{Network, Population};
use spikegrad::relation::ImageBank;

use crate::CommandError;

/// What the images of a data set have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFormat {
    /// Name of the data set.
    pub data: String,
    /// Names of the classes; a label is an index into them.
    pub classes: Vec<String>,
    /// `[channels, height, width]` of each image.
    pub shape: [usize; 3],
    /// Greatest value of a pixel.
    pub pixel_maximum: u8,
}

impl ImageFormat {
    /// The format of a data set's images.
    pub fn of(dataset: &Dataset) -> Self {
        Self {
            data: dataset.name.clone(),
            classes: dataset.classes.clone(),
            shape: [dataset.channels, dataset.height, dataset.width],
            pixel_maximum: dataset.pixel_maximum,
        }
    }

    /// The pixel value that centred inputs count as zero: half of the range, rounded up.
    pub fn centre(&self) -> u8 {
        self.pixel_maximum / 2 + self.pixel_maximum % 2
    }
}

/// The images of some classes, for variables that are coded by images. Data sets without a test part of their own are
/// divided as in training.
///
/// # Errors
/// Those of [`Dataset::split`].
pub fn image_bank(dataset: &Dataset, classes: &[usize]) -> Result<ImageBank, DatasetError> {
    let divided = dataset.clone().split(&SplitOptions::default())?;
    let (train, test) =
        if dataset.test.is_empty() { (&divided.train, &divided.test) } else { (&dataset.train, &dataset.test) };
    let by_class = |samples: &datasets::Samples| {
        let of_label = |&label: &usize| {
            let indices = (0..samples.len()).filter(|&index| usize::from(samples.label(index)) == label);
            indices.map(|index| samples.image(index).to_vec()).collect()
        };
        classes.iter().map(of_label).collect()
    };
    Ok(ImageBank { train: by_class(train), test: by_class(test) })
}

/// Labelled images as input counts: a pixel is a count, or for a network whose input population
/// takes negative counts, the pixel minus [`ImageFormat::centre`].
#[derive(Debug)]
pub struct ImageSamples {
    images: datasets::Samples,
    classes: usize,
    centre: u8,
    seed: u64,
    augmentation: Augmentation,
}

impl ImageSamples {
    /// Images for a network; `augmentation` applies in training only, drawn from `seed`.
    ///
    /// # Errors
    /// [`CommandError::Mismatch`] when the input population or the readout does not fit the
    /// images, and the error of [`augment`] when the augmentation does not.
    pub fn new(
        images: datasets::Samples,
        format: &ImageFormat,
        network: &Network,
        augmentation: Augmentation,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let mismatch = |field: &str, expected: String, found: String| CommandError::Mismatch {
            data: format.data.clone(),
            field: field.to_owned(),
            expected,
            found,
        };
        let single = |index: Option<usize>, kind: &str| -> Result<&Population, CommandError> {
            let population = index.and_then(|index| network.populations().get(index));
            population
                .ok_or_else(|| mismatch("populations", format!("one {kind} population"), "none or several".into()))
        };
        let input = single(network.single_input(), "input")?;
        let readout = single(network.single_readout(), "readout")?;
        let [channels, height, width] = format.shape;
        let is_map = [input.shape.channels, input.shape.height, input.shape.width] == format.shape;
        let is_flat = input.shape.positions() == 1 && input.shape.neurons() == channels * height * width;
        if !is_map && !is_flat {
            let expected = format!("{} for population '{}'", input.shape, input.name);
            return Err(mismatch("image size", expected, format!("[{channels}, {height}, {width}]")).into());
        }
        let readouts = readout.shape.neurons();
        if readouts < format.classes.len() {
            let expected = format!("at most {readouts} for population '{}'", readout.name);
            return Err(mismatch("classes", expected, format.classes.len().to_string()).into());
        }
        let centre = if input.is_signed() { format.centre() } else { 0 };
        let (low, high) = (-i32::from(centre), i32::from(format.pixel_maximum) - i32::from(centre));
        if low < input.minimum_count || high > input.maximum_count {
            let range = format!("counts of {}..={}", input.minimum_count, input.maximum_count);
            let expected = format!("{range} for population '{}'", input.name);
            return Err(mismatch("pixels", expected, format!("counts of {low}..={high}")).into());
        }
        let samples = Self { images, classes: format.classes.len(), centre, seed, augmentation };
        samples.check_augmentation()?;
        Ok(samples)
    }

    /// The images.
    pub fn images(&self) -> &datasets::Samples {
        &self.images
    }

    fn check_augmentation(&self) -> Result<(), DatasetError> {
        if self.images.is_empty() || self.augmentation.is_identity() {
            return Ok(());
        }
        let mut output = vec![0; self.images.image_len()];
        augment(self.images.image(0), self.images.shape(), &self.augmentation, self.seed, 0, 0, &mut output)
    }
}

impl spikegrad::Samples for ImageSamples {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn input_length(&self) -> usize {
        self.images.image_len()
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn fill(&self, epoch: Option<u32>, index: usize, out: &mut [u8]) {
        let image = self.images.image(index);
        let varied = epoch.filter(|_| !self.augmentation.is_identity()).is_some_and(|epoch| {
            let shape = self.images.shape();
            augment(image, shape, &self.augmentation, self.seed, epoch.into(), index, out).is_ok()
        });
        if !varied {
            out.copy_from_slice(image);
        }
        if self.centre != 0 {
            out.iter_mut().for_each(|count| *count = count.wrapping_sub(self.centre));
        }
    }

    fn label(&self, index: usize) -> usize {
        self.images.label(index).into()
    }

    fn order(&self, epoch: u32) -> Vec<u32> {
        permutation(self.seed, epoch.into(), self.images.len()).into_iter().map(|index| index as u32).collect()
    }
}
