//! Read-only memory mapping of files.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

/// The bytes of a file, read from it page by page when they are first looked at. They begin at a page boundary.
///
/// The pages are shared with the system's file cache: they take no memory of their own and are given up first when
/// memory runs short.
///
/// The file must not be changed while it is mapped, as is common for files of weights. Where another process shortens
/// it all the same, the system ends this process when it touches a page that is gone.
#[derive(Debug)]
pub struct FileMapping {
    map: Mmap,
}

impl FileMapping {
    /// Maps a file.
    ///
    /// # Errors
    /// When the file cannot be opened, is no regular file, or the system refuses to map it.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Asked before the file is opened: opening a pipe would wait for its other end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let file = File::open(path)?;
        // SAFETY: the mapping is private and never written through. That nobody changes the file meanwhile cannot be
        // enforced; the type's documentation demands it. Every bit pattern is a valid byte.
        let map = unsafe { MmapOptions::new().map_copy_read_only(&file)? };
        Ok(Self { map })
    }
}

impl Deref for FileMapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::FileMapping;

    #[test]
    fn a_mapping_holds_the_bytes_of_the_file() {
        let path = std::env::temp_dir().join(format!("sterna-mapping-{}", std::process::id()));
        let bytes: Vec<u8> = (0..100_000u32).map(|value| (value * 7 % 251) as u8).collect();
        std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
        let mapping = FileMapping::open(&path).unwrap();
        assert_eq!(&*mapping, &bytes[..]);
        drop(mapping);
        std::fs::write(&path, []).unwrap();
        assert!(FileMapping::open(&path).unwrap().is_empty());
        std::fs::remove_file(&path).unwrap();
        assert!(FileMapping::open(&path).is_err());
        assert!(FileMapping::open(&std::env::temp_dir()).is_err());
    }
}
