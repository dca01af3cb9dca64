//! Image data sets as integer samples, and tables: readers, splits, shuffles, augmentation, download.
//!
//! The way through this crate: [`data_folder`] says where files lie, [`load`] reads one data set
//! into a [`Dataset`], [`Dataset::split`] divides it into training, validation and test
//! [`Samples`], [`permutation`] orders an epoch and [`augment`] varies one image. The
//! [`download`] module lists, fetches and verifies the files themselves.
//!
//! Pixels stay the bytes of the files, images are stored row by row with the channels last.
//! No function reads a clock or a hidden random source for its result: the same seed gives the
//! same samples on every machine.
//!
//! ```
//! use datasets::{Source, SplitOptions, load, permutation};
//!
//! let splits = load(&Source::Digits, None)?.split(&SplitOptions::default())?;
//! assert_eq!((splits.train.len(), splits.validation.len(), splits.test.len()), (899, 299, 599));
//! for index in permutation(0, 0, splits.train.len()) {
//!     let (image, label) = (splits.train.image(index), splits.train.label(index));
//!     assert!(image.len() == 64 && label < 10);
//! }
//! # Ok::<(), datasets::DatasetError>(())
//! ```
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
mod table;

pub use augment::{Augmentation, augment};
pub use data_folder::{DATA_FOLDER_VARIABLE, data_folder};
pub use dataset::{Dataset, Holdout, load};
pub use error::DatasetError;
pub use random::permutation;
pub use samples::{ImageShape, Samples};
pub use source::Source;
pub use split::{SplitOptions, Splits};
pub use table::{Table, TableSplit};
