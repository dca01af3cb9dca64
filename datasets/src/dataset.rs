//! A data set as its files give it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::readers::{cifar10, digits, image_folder, mnist_files};
use crate::{DatasetError, ImageShape, Samples, Source};

/// How [`Dataset::split`] chooses the samples it holds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holdout {
    /// The last samples of the training files, in file order.
    Tail,
    /// A seeded shuffle within each class, with the classes in proportion.
    Stratified,
}

/// A data set in memory: images of one size, their classes, and the parts its files divide it in.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Name, as [`Source`] shows it.
    pub name: String,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of an image: 1 greyscale, 3 red, green, blue.
    pub channels: usize,
    /// Names of the classes; a label is an index into them.
    pub classes: Vec<String>,
    /// The training samples of the files; all samples when `test` is empty.
    pub train: Samples,
    /// The test samples of the files; empty when the files make no such division.
    pub test: Samples,
    /// Greatest value a pixel can have: 16 for digits, else 255.
    pub pixel_maximum: u8,
    /// How samples are held out.
    pub holdout: Holdout,
}

impl Dataset {
    /// Size of each image.
    pub fn shape(&self) -> ImageShape {
        self.train.shape()
    }
}

/// Reads a data set. `data_dir` is the folder that holds `mnist/`, `fashion-mnist/` and
/// `cifar-10-batches-bin/`; digits and image folders do not need it.
///
/// # Errors
/// [`DatasetError::NotFound`] with every path tried when files are missing,
/// [`DatasetError::Invalid`] when one is not what it must be, [`DatasetError::Read`] when the
/// system refuses to read it.
pub fn load(source: &Source, data_dir: Option<&Path>) -> Result<Dataset, DatasetError> {
    let name = source.to_string();
    match source {
        Source::Digits => digits::load(),
        Source::Mnist => mnist_files::load(needed(data_dir, &name)?, &name, mnist_files::DIGITS),
        Source::FashionMnist => mnist_files::load(needed(data_dir, &name)?, &name, mnist_files::CLOTHING),
        Source::Cifar10 => cifar10::load(needed(data_dir, &name)?),
        Source::Folder(path) => image_folder::load(path, &name),
    }
}

fn needed<'a>(data_dir: Option<&'a Path>, name: &str) -> Result<&'a Path, DatasetError> {
    data_dir.ok_or_else(|| {
        DatasetError::parameter(
            name,
            "data folder",
            "a folder with the files of the data set",
            "none",
            "give --data-dir DIR or set STERNA_DATA",
        )
    })
}
