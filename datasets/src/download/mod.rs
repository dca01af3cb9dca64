//! Listing, fetching and verifying the files of data sets.
//!
//! [`fetch`] tries the mirrors of the [`catalogue`] in order. It writes to a `.part` file, which
//! a later call resumes, checks the unpacked content by SHA-256 and only then renames the file
//! to its name, so that a reader never sees a half-written one. [`verify`] checks the same
//! digests of what is there, [`list`] reports what is there without reading it.

pub mod catalogue;
mod content;
mod fetch;
mod job;
mod mirrors;
mod partial;
mod report;
mod transfer;
mod unpack;

use std::time::Duration;

use serde::Serialize;

pub use fetch::{FetchReport, FetchedFile, Outcome, fetch, fetch_entry};
pub use report::{FileReport, FileStatus, SetReport, SetState, list, verify, verify_entry};

/// How to fetch.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// Base addresses tried before the official ones, `http` or `https`; a file's name is
    /// appended to them.
    pub mirrors: Vec<String>,
    /// Whether the mirrors of the catalogue are tried too.
    pub official_mirrors: bool,
    /// Longest time for resolving a name and for connecting.
    pub connect_timeout: Duration,
    /// Longest time without a byte.
    pub stall_timeout: Duration,
    /// Attempts at one mirror when the connection breaks; each resumes where the last ended.
    pub attempts: u32,
    /// Pause before another attempt at the same mirror.
    pub retry_pause: Duration,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            mirrors: Vec::new(),
            official_mirrors: true,
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            attempts: 3,
            retry_pause: Duration::from_secs(1),
        }
    }
}

/// What [`fetch`] is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Checking a file that is there already.
    Checking,
    /// Connecting to a mirror.
    Connecting,
    /// Receiving bytes.
    Receiving,
    /// Checking, unpacking and installing what has arrived.
    Installing,
    /// The file is in place.
    Done,
}

/// One report of progress.
#[derive(Debug, Clone, Serialize)]
pub struct Progress<'a> {
    /// Name of the data set.
    pub set: &'a str,
    /// File being fetched.
    pub file: &'a str,
    /// What is being done.
    pub phase: Phase,
    /// Bytes that have arrived, those of earlier calls included.
    pub received: u64,
    /// Bytes of the whole file, where the server tells.
    pub total: Option<u64>,
}
