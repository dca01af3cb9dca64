//! Length and digest of unpacked content.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::DatasetError;
use crate::readers::gzip::{self, Content};

const CHUNK: usize = 64 * 1024;

/// What a check of content has found.
pub(super) enum Check {
    /// Length and digest are right.
    Valid,
    /// What is wrong: the field, what was expected, what was found.
    Wrong { field: &'static str, expected: String, found: String },
    /// The caller asked to stop.
    Stopped,
}

/// Checks the unpacked content of the file at `path`.
pub(super) fn check_file(
    path: &Path,
    bytes: u64,
    sha256: &str,
    cancel: &dyn Fn() -> bool,
) -> Result<Check, DatasetError> {
    check(path, gzip::open(path)?, bytes, sha256, cancel)
}

/// Checks content; reads at most one byte more than `bytes`.
pub(super) fn check(
    path: &Path,
    content: Content,
    bytes: u64,
    sha256: &str,
    cancel: &dyn Fn() -> bool,
) -> Result<Check, DatasetError> {
    let mut reader = content.reader.take(bytes + 1);
    let mut digest = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut length = 0;
    loop {
        if cancel() {
            return Ok(Check::Stopped);
        }
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                digest.update(&buffer[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => match error.kind() {
                ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                    return Ok(Check::Wrong {
                        field: "gzip stream",
                        expected: "a complete stream with the right checksum".into(),
                        found: format!("{error} after {length} bytes"),
                    });
                }
                _ => return Err(DatasetError::read(path, error)),
            },
        }
    }
    if length != bytes {
        let more = if length > bytes { "more" } else { "fewer" };
        return Ok(Check::Wrong {
            field: "length",
            expected: format!("{bytes} bytes"),
            found: format!("{more}, {length} bytes read"),
        });
    }
    let found = hexadecimal(digest);
    Ok(if found == sha256 {
        Check::Valid
    } else {
        Check::Wrong { field: "sha256", expected: sha256.to_owned(), found }
    })
}

/// The digest in lower-case hexadecimal digits.
pub(super) fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
