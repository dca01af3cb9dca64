//! Fetching of one data set: what is there is kept, what is missing is downloaded.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::catalogue::{self, FileEntry, SetEntry};
use super::content::{Check, check, check_file};
use super::job::Job;
use super::mirrors::mirrors;
use super::report::existing;
use super::transfer::Failure;
use super::unpack::unpack;
use super::{FetchOptions, Phase, Progress};
use crate::{DatasetError, Source};

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// A valid file was there already.
    Kept,
    /// The file was downloaded.
    Fetched,
    /// A wrong file was there; it was set aside and the right one was downloaded.
    Replaced {
        /// Where the wrong files are now.
        set_aside: Vec<PathBuf>,
    },
}

/// One file of a [`FetchReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FetchedFile {
    /// Name in the catalogue.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Result of [`fetch`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FetchReport {
    /// Name of the data set.
    pub set: String,
    /// Folder that holds the files.
    pub folder: PathBuf,
    /// Every file, all valid.
    pub files: Vec<FetchedFile>,
}

/// Downloads what is missing of `source` into its sub-folder of the data folder `dir`.
///
/// `progress` hears of every step, `cancel` is asked several times a second whether to stop.
/// At any moment each file is whole or absent under its own name; a `.part` file beside it is
/// resumed by the next call.
///
/// # Errors
/// [`DatasetError::Download`] with every attempt when no mirror delivers,
/// [`DatasetError::Cancelled`], [`DatasetError::Busy`], [`DatasetError::Write`], and
/// [`DatasetError::Invalid`] for a data set that is not downloaded or a mirror that is no
/// address.
pub fn fetch(
    source: &Source,
    dir: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(&Progress<'_>),
    cancel: &dyn Fn() -> bool,
) -> Result<FetchReport, DatasetError> {
    fetch_entry(&catalogue::entry(source)?, dir, options, progress, cancel)
}

/// [`fetch`] for any entry.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_entry(
    set: &SetEntry,
    dir: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(&Progress<'_>),
    cancel: &dyn Fn() -> bool,
) -> Result<FetchReport, DatasetError> {
    let mut job =
        Job { set, folder: dir.join(&set.folder), mirrors: mirrors(set, options)?, options, progress, cancel };
    fs::create_dir_all(&job.folder).map_err(|error| DatasetError::write(&job.folder, error))?;
    let mut files = Vec::with_capacity(set.files.len());
    for file in &set.files {
        files.push(job.look(file)?);
    }
    match &set.archive {
        Some(_) => job.archive(&mut files)?,
        None => {
            for (file, state) in set.files.iter().zip(&mut files) {
                job.single(file, state)?;
            }
        }
    }
    Ok(FetchReport {
        set: set.name.clone(),
        folder: job.folder,
        files: files.into_iter().map(|state| state.fetched).collect(),
    })
}

/// A file of the set and whether it must be fetched.
struct State {
    fetched: FetchedFile,
    missing: bool,
    wrong: Vec<PathBuf>,
}

impl Job<'_> {
    /// Reports progress.
    pub fn tell(&mut self, file: &str, phase: Phase, received: u64, total: Option<u64>) {
        (self.progress)(&Progress { set: &self.set.name, file, phase, received, total });
    }

    /// Finds and checks what is there of one file.
    fn look(&mut self, file: &FileEntry) -> Result<State, DatasetError> {
        let mut wrong = Vec::new();
        let mut valid = None;
        for path in existing(file, &self.folder) {
            self.tell(&file.name, Phase::Checking, 0, Some(file.bytes));
            match check_file(&path, file.bytes, &file.sha256, self.cancel)? {
                Check::Valid if valid.is_none() => valid = Some(path),
                Check::Valid => {}
                Check::Wrong { .. } => wrong.push(path),
                Check::Stopped => return Err(self.cancelled(&file.name)),
            }
        }
        let missing = valid.is_none();
        // Beside a valid file a wrong one would be read first under its other name.
        let outcome = if !missing && !wrong.is_empty() { set_aside(&wrong)? } else { Outcome::Kept };
        Ok(State {
            fetched: FetchedFile {
                name: file.name.clone(),
                path: valid.unwrap_or_else(|| self.folder.join(&file.name)),
                outcome,
            },
            missing,
            wrong,
        })
    }

    /// Fetches one file by its own name.
    fn single(&mut self, file: &FileEntry, state: &mut State) -> Result<(), DatasetError> {
        if state.missing {
            let target = self.folder.join(&file.name);
            // Deflate lengthens incompressible content by less than a thousandth.
            let limit = file.bytes + file.bytes / 1000 + 4096;
            let cancel = self.cancel;
            let partial = self.obtain(&file.name, limit, &mut |partial| {
                let found = check(partial.path(), partial.content()?, file.bytes, &file.sha256, cancel)?;
                match found {
                    Check::Valid => Ok(()),
                    Check::Stopped => Err(Failure::Cancelled),
                    Check::Wrong { field, expected, found } => {
                        Err(Failure::Mirror(format!("{field}: expected {expected}, found {found}")))
                    }
                }
            })?;
            state.fetched.outcome = set_aside(&state.wrong)?;
            partial.install(&target)?;
            state.fetched.path = target;
        }
        self.tell(&file.name, Phase::Done, file.bytes, Some(file.bytes));
        Ok(())
    }

    /// Fetches the archive of the set and unpacks what is missing.
    fn archive(&mut self, states: &mut [State]) -> Result<(), DatasetError> {
        let set = self.set;
        let Some(archive) = &set.archive else {
            return Ok(());
        };
        let wanted: Vec<&FileEntry> =
            set.files.iter().zip(states.iter()).filter_map(|(file, state)| state.missing.then_some(file)).collect();
        if !wanted.is_empty() {
            let (folder, cancel) = (self.folder.clone(), self.cancel);
            let mut remaining = wanted;
            let partial = self.obtain(&archive.name, archive.maximum_bytes, &mut |partial| {
                let mut installed = Vec::new();
                let mut replace = |file: &FileEntry| {
                    for state in states.iter_mut() {
                        if state.fetched.name == file.name {
                            state.fetched.outcome = set_aside(&state.wrong)?;
                        }
                    }
                    installed.push(file.name.clone());
                    Ok(())
                };
                let result = unpack(partial, archive, &set.files, &remaining, &folder, &mut replace, cancel);
                remaining.retain(|file| !installed.contains(&file.name));
                result
            })?;
            partial.remove()?;
        }
        for file in &set.files {
            self.tell(&file.name, Phase::Done, file.bytes, Some(file.bytes));
        }
        Ok(())
    }

    /// The error after the caller asked to stop.
    pub fn cancelled(&self, name: &str) -> DatasetError {
        DatasetError::Cancelled { file: name.to_owned(), partial: self.folder.join(format!("{name}.part")) }
    }
}

/// Renames wrong files out of the way; nothing is deleted.
fn set_aside(wrong: &[PathBuf]) -> Result<Outcome, DatasetError> {
    let mut moved = Vec::with_capacity(wrong.len());
    for path in wrong {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".wrong");
        let aside = PathBuf::from(aside);
        fs::rename(path, &aside).map_err(|error| DatasetError::write(path, error))?;
        moved.push(aside);
    }
    Ok(if moved.is_empty() { Outcome::Fetched } else { Outcome::Replaced { set_aside: moved } })
}
