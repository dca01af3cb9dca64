//! Image data sets as integer samples: readers, splits, shuffles, augmentation, download.
//!
//! The way through this crate: [`data_folder`] says where files lie, [`load`] reads one data set
//! into a [`Dataset`], [`Dataset::split`] divides it into training, validation and test
//! [`Samples`], [`permutation`] orders an epoch and [`augment`] varies one image. The
//! [`download`] module lists, fetches and verifies the files themselves.
//!
//! Pixels stay the bytes of the files, images are stored row by row with the channels last.
//! No function reads a clock or a hidden random source for its result: the same seed gives the
//! same samples on every machine.
#![forbid(unsafe_code)]

mod augment;
mod data_folder;
mod dataset;
pub mod download;
mod error;
mod random;
mod readers;
mod samples;
mod source;
mod split;

pub use augment::{Augmentation, augment};
pub use data_folder::{DATA_FOLDER_VARIABLE, data_folder};
pub use dataset::{Dataset, Holdout, load};
pub use error::DatasetError;
pub use random::permutation;
pub use samples::{ImageShape, Samples};
pub use source::Source;
pub use split::{SplitOptions, Splits};
