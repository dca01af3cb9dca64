//! Files that may be compressed with gzip, told apart by their first two bytes.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::DatasetError;

/// First two bytes of a gzip file (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An open file whose reader gives the unpacked bytes.
pub(crate) struct Content {
    /// The unpacked bytes.
    pub reader: Box<dyn Read>,
    /// Length of the content, known before reading where the file is not compressed.
    pub plain_len: Option<u64>,
}

/// Opens `path`.
pub(crate) fn open(path: &Path) -> Result<Content, DatasetError> {
    let file = File::open(path).map_err(|error| DatasetError::read(path, error))?;
    of_file(path, file)
}

/// The content of `file`, whose position is its start and whose name in errors is `path`.
pub(crate) fn of_file(path: &Path, mut file: File) -> Result<Content, DatasetError> {
    let fail = |error| DatasetError::read(path, error);
    let metadata = file.metadata().map_err(fail)?;
    if !metadata.is_file() {
        return Err(DatasetError::invalid(path, "kind", "a file", "something else", "put the file there"));
    }
    let mut start = Vec::with_capacity(2);
    (&mut file).take(2).read_to_end(&mut start).map_err(fail)?;
    file.seek(SeekFrom::Start(0)).map_err(fail)?;
    let buffered = BufReader::with_capacity(64 * 1024, file);
    Ok(if start == GZIP_MAGIC {
        Content { reader: Box::new(MultiGzDecoder::new(buffered)), plain_len: None }
    } else {
        Content { reader: Box::new(buffered), plain_len: Some(metadata.len()) }
    })
}
