//! The attempts at the mirrors of one file.

use std::thread;
use std::time::{Duration, Instant};

use super::catalogue::SetEntry;
use super::job::Job;
use super::partial::Partial;
use super::transfer::{Failure, receive};
use super::{FetchOptions, Phase};
use crate::DatasetError;

/// The given mirrors, then the official ones.
pub(super) fn mirrors(set: &SetEntry, options: &FetchOptions) -> Result<Vec<String>, DatasetError> {
    let official = options.official_mirrors.then_some(&set.mirrors);
    let all: Vec<String> = options.mirrors.iter().chain(official.into_iter().flatten()).cloned().collect();
    match all.iter().find(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
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

impl Job<'_> {
    /// Downloads `name` until `accept` takes what has arrived.
    pub fn obtain(
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
            Some(archive) => {
                format!("unpack it so that its folder {} becomes {}", archive.folder, self.folder.display())
            }
            None => format!("put it into {}", self.folder.display()),
        };
        let address = self.set.mirrors.first().map_or("a mirror", String::as_str);
        format!(
            "check the connection and run the command again (it resumes), give another address \
             with --mirror URL, or download {address}{name} on another machine, {place}, and run \
             `sterna data verify {set}`"
        )
    }
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
