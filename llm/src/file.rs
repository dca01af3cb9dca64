//! Files that are read whole.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::LlmError;

/// The bytes of a regular file of at most `largest` bytes.
pub(crate) fn read_bounded(path: &Path, largest: u64) -> Result<Vec<u8>, LlmError> {
    let fail = |source| LlmError::read(path, source);
    let metadata = std::fs::metadata(path).map_err(fail)?;
    if !metadata.is_file() {
        return Err(fail(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file")));
    }
    let too_large = |length: u64| {
        let found = format!("{length} bytes or more");
        Err(LlmError::file(path, "length", format!("at most {largest} bytes"), found))
    };
    if metadata.len() > largest {
        return too_large(metadata.len());
    }
    let mut bytes = Vec::new();
    // The file may have grown since its length was asked for.
    File::open(path).and_then(|file| file.take(largest + 1).read_to_end(&mut bytes)).map_err(fail)?;
    if bytes.len() as u64 > largest { too_large(bytes.len() as u64) } else { Ok(bytes) }
}

/// The text of a regular file of at most `largest` bytes in UTF-8.
pub(crate) fn read_text(path: &Path, largest: u64) -> Result<String, LlmError> {
    String::from_utf8(read_bounded(path, largest)?).map_err(|error| {
        let found = format!("another byte at offset {}", error.utf8_error().valid_up_to());
        LlmError::file(path, "content", "text in UTF-8", found)
    })
}
