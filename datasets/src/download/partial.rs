//! The `.part` file of a download.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::DatasetError;
use crate::readers::gzip::{self, Content};

/// A partial file, locked against other processes while it is open.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    len: u64,
}

impl Partial {
    /// Opens or creates `target` with `.part` appended; what it holds is kept.
    pub fn open(target: &Path) -> Result<Self, DatasetError> {
        let mut path = target.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let fail = |error| DatasetError::write(&path, error);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DatasetError::Busy { path }),
            // A file system without locks: writing goes on unlocked.
            Err(TryLockError::Error(_)) => {}
        }
        let len = file.seek(SeekFrom::End(0)).map_err(fail)?;
        Ok(Self { path, file, len })
    }

    /// Path of the partial file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes it holds.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Appends `bytes`. After an error the file holds what it held before.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        if let Err(error) = self.file.write_all(bytes) {
            // Keeping the known prefix is all that can be done here; the write error is reported.
            let _ = self.file.set_len(self.len);
            return Err(DatasetError::write(&self.path, error));
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Empties it.
    pub fn clear(&mut self) -> Result<(), DatasetError> {
        if self.len > 0 {
            self.file
                .set_len(0)
                .and_then(|()| self.file.seek(SeekFrom::Start(0)))
                .map_err(|error| DatasetError::write(&self.path, error))?;
            self.len = 0;
        }
        Ok(())
    }

    /// Its unpacked content from the start. The position is moved; [`Partial::rewind_to_end`]
    /// must come before the next [`Partial::append`].
    pub fn content(&self) -> Result<Content, DatasetError> {
        let fail = |error| DatasetError::read(&self.path, error);
        let mut file = self.file.try_clone().map_err(fail)?;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        gzip::of_file(&self.path, file)
    }

    /// Moves the position to the end.
    pub fn rewind_to_end(&mut self) -> Result<(), DatasetError> {
        self.file.seek(SeekFrom::End(0)).map(|_| ()).map_err(|error| DatasetError::write(&self.path, error))
    }

    /// Makes it durable and renames it to `target` in the same folder.
    pub fn install(self, target: &Path) -> Result<(), DatasetError> {
        self.file.sync_all().map_err(|error| DatasetError::write(&self.path, error))?;
        fs::rename(&self.path, target).map_err(|error| DatasetError::write(target, error))?;
        sync_folder(target)
    }

    /// Removes it.
    pub fn remove(self) -> Result<(), DatasetError> {
        fs::remove_file(&self.path).map_err(|error| DatasetError::write(&self.path, error))
    }

    /// Removes it when it holds nothing.
    pub fn remove_if_empty(self) {
        if self.len == 0 {
            // An empty file that stays does no harm; the caller reports the actual error.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a rename in the folder of `path` durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), DatasetError> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| DatasetError::write(folder, error))?;
    }
    Ok(())
}
