//! IDX files of bytes: the format of MNIST (Y. LeCun, C. Cortes, C. Burges).
//!
//! A big-endian magic number `0x0000_08NN` with `NN` dimensions, one `u32` a dimension, then the
//! product of the dimensions in bytes and nothing more. Every reading function bounds its
//! allocation by what the header promises, the caller's cap, and what the file really holds.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::gzip;
use crate::DatasetError;

/// Largest number of samples of one file.
pub(crate) const MAXIMUM_SAMPLES: usize = 1 << 20;

/// An IDX file whose header has been read and checked.
pub(crate) struct Idx {
    path: PathBuf,
    reader: Box<dyn Read>,
    /// Number of items, the first dimension.
    pub count: usize,
    header_len: usize,
    item_len: usize,
    /// Whether the file is not compressed; its length then agrees with the header.
    pub plain: bool,
}

impl Idx {
    /// Opens an IDX file of items of `item_shape`, and checks its header and, where the file is
    /// not compressed, its length.
    pub fn open(path: &Path, item_shape: &[usize]) -> Result<Self, DatasetError> {
        let content = gzip::open(path)?;
        let plain_len = content.plain_len;
        Self::parse(path, content.reader, plain_len, item_shape)
    }

    fn parse(
        path: &Path,
        mut reader: Box<dyn Read>,
        plain_len: Option<u64>,
        item_shape: &[usize],
    ) -> Result<Self, DatasetError> {
        let header_len = 4 * (item_shape.len() + 2);
        let mut header = Vec::with_capacity(header_len);
        read_up_to(path, &mut reader, header_len, &mut header)?;
        if header.len() < header_len {
            return Err(replace(path, "header", format!("{header_len} bytes"), format!("{} bytes", header.len())));
        }
        let words: Vec<u32> =
            header.chunks_exact(4).map(|word| word.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte))).collect();
        let magic = 0x0800 + item_shape.len() as u32 + 1;
        if words[0] != magic {
            return Err(replace(path, "magic number", format!("0x{magic:08x}"), format!("0x{:08x}", words[0])));
        }
        let count = words[1] as usize;
        if count == 0 || count > MAXIMUM_SAMPLES {
            return Err(replace(path, "number of items", format!("1 to {MAXIMUM_SAMPLES}"), count));
        }
        for (axis, (&word, &size)) in words[2..].iter().zip(item_shape).enumerate() {
            if word as usize != size {
                let field = format!("dimension {}", axis + 1);
                return Err(replace(path, &field, size, word));
            }
        }
        let item_len: usize = item_shape.iter().product();
        let promised = header_len + count * item_len;
        if let Some(found) = plain_len.filter(|&len| len != promised as u64) {
            return Err(wrong_length(path, promised, found));
        }
        Ok(Self { path: path.to_path_buf(), reader, count, header_len, item_len, plain: plain_len.is_some() })
    }

    /// Reads all items, `[count, ..item_shape]`, and checks that nothing follows.
    pub fn read_all(mut self) -> Result<Vec<u8>, DatasetError> {
        let promised = self.count * self.item_len;
        let mut payload = Vec::new();
        if self.plain {
            // The length of a plain file has been compared with the promise.
            payload.reserve_exact(promised + 1);
        }
        read_up_to(&self.path, &mut self.reader, promised + 1, &mut payload)?;
        if payload.len() != promised {
            let header_len = self.header_len;
            let found = header_len + payload.len();
            return Err(if payload.len() > promised {
                replace(
                    &self.path,
                    "length",
                    format!("{} bytes, as the header promises", header_len + promised),
                    "more bytes",
                )
            } else {
                wrong_length(&self.path, header_len + promised, found as u64)
            });
        }
        Ok(payload)
    }
}

/// Reads labels and checks that each is below `classes`.
pub(crate) fn read_labels(path: &Path, classes: usize) -> Result<Vec<u8>, DatasetError> {
    let labels = Idx::open(path, &[])?.read_all()?;
    check_labels(path, &labels, classes)?;
    Ok(labels)
}

/// Checks that each label is below `classes`.
pub(crate) fn check_labels(path: &Path, labels: &[u8], classes: usize) -> Result<(), DatasetError> {
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        None => Ok(()),
        Some(index) => Err(replace(path, &format!("label {index}"), format!("0 to {}", classes - 1), labels[index])),
    }
}

/// Appends up to `len` bytes of `reader` to `bytes`, fewer at the end of the content.
fn read_up_to(path: &Path, reader: &mut dyn Read, len: usize, bytes: &mut Vec<u8>) -> Result<(), DatasetError> {
    match reader.take(len as u64).read_to_end(bytes) {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData => Err(replace(
                path,
                "gzip stream",
                "a complete stream with the right checksum",
                format!("{error} after {} bytes", bytes.len()),
            )),
            _ => Err(DatasetError::read(path, error)),
        },
    }
}

fn wrong_length(path: &Path, promised: usize, found: u64) -> DatasetError {
    replace(path, "length", format!("{promised} bytes, as the header promises"), format!("{found} bytes"))
}

fn replace(path: &Path, field: &str, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> DatasetError {
    DatasetError::invalid(
        path,
        field,
        expected,
        found,
        "replace the file; `sterna data fetch` downloads the official ones",
    )
}
