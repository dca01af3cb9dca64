//! What is there of each data set.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::catalogue::{self, FileEntry, SetEntry};
use super::content::{Check, check_file};
use crate::{DatasetError, Source};

/// State of one data set in a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetState {
    /// Part of the program.
    Embedded,
    /// Every file is there.
    Present,
    /// Some files are there.
    Partial,
    /// No file is there.
    Absent,
}

/// One data set, as [`list`] finds it; contents are not read.
#[derive(Debug, Clone, Serialize)]
pub struct SetReport {
    /// Name, as [`Source`] shows it.
    pub name: String,
    /// State.
    pub state: SetState,
    /// Folder of its files; none when embedded.
    pub folder: Option<PathBuf>,
    /// Files that are there.
    pub files_present: usize,
    /// Files in all.
    pub files_total: usize,
    /// Bytes of the files that are there.
    pub bytes_present: u64,
    /// Bytes to download, about.
    pub download_bytes: u64,
    /// Images in all.
    pub samples: usize,
    /// Licence of the data.
    pub licence: String,
    /// Source to cite.
    pub citation: String,
}

/// What a check of one file has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum FileStatus {
    /// Length and digest are those of the catalogue.
    Valid,
    /// The file is not what it must be.
    Wrong {
        /// Length, digest or gzip stream.
        field: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// No file of any accepted name is there.
    Missing,
}

/// One file, as [`verify`] finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Name in the catalogue.
    pub name: String,
    /// The file that was checked, or where it would be installed.
    pub path: PathBuf,
    /// Result of the check.
    #[serde(flatten)]
    pub status: FileStatus,
}

/// Reports every named data set in the data folder `dir`.
pub fn list(dir: &Path) -> Vec<SetReport> {
    let digits = SetReport {
        name: Source::Digits.to_string(),
        state: SetState::Embedded,
        folder: None,
        files_present: 0,
        files_total: 0,
        bytes_present: 0,
        download_bytes: 0,
        samples: 1797,
        licence: "CC BY 4.0 (E. Alpaydin, C. Kaynak)".into(),
        citation: "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, \
                   UCI Machine Learning Repository, 1998"
            .into(),
    };
    let fetched = catalogue::entries().into_iter().map(|set| report(set, dir));
    std::iter::once(digits).chain(fetched).collect()
}

fn report(set: SetEntry, dir: &Path) -> SetReport {
    let folder = dir.join(&set.folder);
    let lengths: Vec<u64> = set
        .files
        .iter()
        .filter_map(|file| existing(file, &folder).first()?.metadata().ok())
        .map(|metadata| metadata.len())
        .collect();
    let state = match lengths.len() {
        0 => SetState::Absent,
        count if count == set.files.len() => SetState::Present,
        _ => SetState::Partial,
    };
    SetReport {
        name: set.name,
        state,
        folder: Some(folder),
        files_present: lengths.len(),
        files_total: set.files.len(),
        bytes_present: lengths.iter().sum(),
        download_bytes: set.download_bytes,
        samples: set.samples,
        licence: set.licence,
        citation: set.citation,
    }
}

/// Checks every file of a data set in the data folder `dir` by length and SHA-256. Where several
/// names of one file are there, the one that [`crate::load`] reads is checked. Embedded digits
/// have no files and are always valid.
///
/// # Errors
/// [`DatasetError::Invalid`] for a folder of images; [`DatasetError::Read`] when the system
/// refuses to read a file.
pub fn verify(source: &Source, dir: &Path) -> Result<Vec<FileReport>, DatasetError> {
    match source {
        Source::Digits => Ok(Vec::new()),
        _ => verify_entry(&catalogue::entry(source)?, dir),
    }
}

/// [`verify`] for any entry.
///
/// # Errors
/// As [`verify`].
pub fn verify_entry(set: &SetEntry, dir: &Path) -> Result<Vec<FileReport>, DatasetError> {
    let folder = dir.join(&set.folder);
    set.files
        .iter()
        .map(|file| {
            let found = existing(file, &folder).into_iter().next();
            let status = match &found {
                None => FileStatus::Missing,
                Some(path) => match check_file(path, file.bytes, &file.sha256, &|| false)? {
                    Check::Valid | Check::Stopped => FileStatus::Valid,
                    Check::Wrong { field, expected, found } => {
                        FileStatus::Wrong { field: field.to_owned(), expected, found }
                    }
                },
            };
            Ok(FileReport { name: file.name.clone(), path: found.unwrap_or_else(|| folder.join(&file.name)), status })
        })
        .collect()
}

/// The files that are there under any accepted name, in the order in which readers look.
pub(super) fn existing(file: &FileEntry, folder: &Path) -> Vec<PathBuf> {
    file.spellings.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
}
