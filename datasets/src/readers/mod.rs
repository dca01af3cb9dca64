//! One module a file format.

pub(crate) mod cifar10;
pub(crate) mod digits;
pub(crate) mod gzip;
pub(crate) mod idx;
pub(crate) mod image_folder;
pub(crate) mod mnist_files;
