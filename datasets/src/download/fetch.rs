//! Fetching of one data set: what is there is kept, what is missing is downloaded.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::catalogue::{self, FileEntry, SetEntry};
use super::content::{Check, check, check_file};
use super::partial::Partial;
use super::report::existing;
use super::transfer::{Failure, receive};
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
    let mut job = Job {
        set,
        folder: dir.join(&set.folder),
        mirrors: mirrors(set, options)?,
        options,
        progress,
        cancel,
    };
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

struct Job<'a> {
    set: &'a SetEntry,
    folder: PathBuf,
    mirrors: Vec<String>,
    options: &'a FetchOptions,
    progress: &'a mut dyn FnMut(&Progress<'_>),
    cancel: &'a dyn Fn() -> bool,
}

impl Job<'_> {
    fn tell(&mut self, file: &str, phase: Phase, received: u64, total: Option<u64>) {
        (self.progress)(&Progress {
            set: &self.set.name,
            file,
            phase,
            received,
            total,
        });
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
        let outcome = if !missing && !wrong.is_empty() {
            set_aside(&wrong)?
        } else {
            Outcome::Kept
        };
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
                let found = check(
                    partial.path(),
                    partial.content()?,
                    file.bytes,
                    &file.sha256,
                    cancel,
                )?;
                match found {
                    Check::Valid => Ok(()),
                    Check::Stopped => Err(Failure::Cancelled),
                    Check::Wrong {
                        field,
                        expected,
                        found,
                    } => Err(Failure::Mirror(format!(
                        "{field}: expected {expected}, found {found}"
                    ))),
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
        let wanted: Vec<&FileEntry> = set
            .files
            .iter()
            .zip(states.iter())
            .filter_map(|(file, state)| state.missing.then_some(file))
            .collect();
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
                let result = unpack(
                    partial,
                    archive,
                    &set.files,
                    &remaining,
                    &folder,
                    &mut replace,
                    cancel,
                );
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

    /// Downloads `name` until `accept` takes what has arrived.
    fn obtain(
        &mut self,
        name: &str,
        limit: u64,
        accept: &mut dyn FnMut(&Partial) -> Result<(), Failure>,
    ) -> Result<Partial, DatasetError> {
        let mut partial = Partial::open(&self.folder.join(name))?;
        match self.try_mirrors(name, limit, &mut partial, accept) {
            Ok(()) => Ok(partial),
            Err(error) => {
                partial.remove_if_empty();
                Err(error)
            }
        }
    }

    fn try_mirrors(
        &mut self,
        name: &str,
        limit: u64,
        partial: &mut Partial,
        accept: &mut dyn FnMut(&Partial) -> Result<(), Failure>,
    ) -> Result<(), DatasetError> {
        let mut attempts = Vec::new();
        let cancel = self.cancel;
        for mirror in self.mirrors.clone() {
            let url = format!("{}/{name}", mirror.trim_end_matches('/'));
            let mut attempt = 1;
            loop {
                let resumed = partial.len();
                self.tell(name, Phase::Connecting, resumed, None);
                let options = self.options;
                let mut arrived = |received, total| {
                    self.tell(name, Phase::Receiving, received, total);
                };
                let mut result = receive(&url, partial, limit, options, &mut arrived, cancel);
                if result.is_ok() {
                    self.tell(name, Phase::Installing, partial.len(), Some(partial.len()));
                    result = accept(partial);
                    partial.rewind_to_end()?;
                    if let Err(Failure::Mirror(reason)) = result {
                        partial.clear()?;
                        // What was resumed may have come from elsewhere; start over once.
                        result = Err(match resumed {
                            0 => Failure::Mirror(reason),
                            _ => Failure::Retry(format!("{reason} (after resuming)")),
                        });
                    }
                }
                let (reason, again) = match result {
                    Ok(()) => return Ok(()),
                    Err(Failure::Stop(error)) => return Err(error),
                    Err(Failure::Cancelled) => return Err(self.cancelled(name)),
                    Err(Failure::Retry(reason)) => (reason, attempt < options.attempts),
                    Err(Failure::Mirror(reason)) => (reason, false),
                };
                attempts.push((url.clone(), reason));
                if !again {
                    break;
                }
                attempt += 1;
                if !pause(options.retry_pause, cancel) {
                    return Err(self.cancelled(name));
                }
            }
        }
        Err(DatasetError::Download {
            set: self.set.name.clone(),
            file: name.to_owned(),
            attempts,
            remedy: self.by_hand(name),
        })
    }

    /// What to do without a connection.
    fn by_hand(&self, name: &str) -> String {
        let set = &self.set.name;
        let place = match &self.set.archive {
            Some(archive) => format!(
                "unpack it so that its folder {} becomes {}",
                archive.folder,
                self.folder.display()
            ),
            None => format!("put it into {}", self.folder.display()),
        };
        let address = self.set.mirrors.first().map_or("a mirror", String::as_str);
        format!(
            "check the connection and run the command again (it resumes), give another address \
             with --mirror URL, or download {address}{name} on another machine, {place}, and run \
             `sterna data verify {set}`"
        )
    }

    fn cancelled(&self, name: &str) -> DatasetError {
        DatasetError::Cancelled {
            file: name.to_owned(),
            partial: self.folder.join(format!("{name}.part")),
        }
    }
}

/// The given mirrors, then the official ones.
fn mirrors(set: &SetEntry, options: &FetchOptions) -> Result<Vec<String>, DatasetError> {
    let official = options.official_mirrors.then_some(&set.mirrors);
    let all: Vec<String> = options
        .mirrors
        .iter()
        .chain(official.into_iter().flatten())
        .cloned()
        .collect();
    match all
        .iter()
        .find(|url| !url.starts_with("http://") && !url.starts_with("https://"))
    {
        None => Ok(all),
        Some(url) => Err(DatasetError::parameter(
            &set.name,
            "mirror",
            "an address that starts with http:// or https://",
            format!("\"{url}\""),
            "correct the address given with --mirror",
        )),
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
    Ok(if moved.is_empty() {
        Outcome::Fetched
    } else {
        Outcome::Replaced { set_aside: moved }
    })
}

/// Waits; false when the caller asked to stop.
fn pause(duration: Duration, cancel: &dyn Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < duration {
        if cancel() {
            return false;
        }
        thread::sleep(Duration::from_millis(20).min(duration));
    }
    !cancel()
}
