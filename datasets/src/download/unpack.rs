//! Unpacking of an archive: only the files of the catalogue, each checked before it is in place.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use super::catalogue::{ArchiveEntry, FileEntry};
use super::content::hexadecimal;
use super::partial::{Partial, sync_folder};
use super::transfer::Failure;
use crate::DatasetError;

const CHUNK: usize = 64 * 1024;
/// Bytes allowed beside the files of the catalogue: headers, a read-me, class names.
const ALLOWANCE: u64 = 16 << 20;

/// Unpacks the files `wanted` from `partial` into `folder`. Other entries are passed over, and no
/// path of the archive is ever used as a path of the system.
///
/// `replace` is called before a file takes its place.
pub(super) fn unpack(
    partial: &Partial,
    archive: &ArchiveEntry,
    all: &[FileEntry],
    wanted: &[&FileEntry],
    folder: &Path,
    replace: &mut dyn FnMut(&FileEntry) -> Result<(), DatasetError>,
    cancel: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let bound = all.iter().map(|file| file.bytes).sum::<u64>() + ALLOWANCE;
    let mut tar = Archive::new(partial.content()?.reader.take(bound));
    let broken = |error: std::io::Error| Failure::Mirror(format!("broken archive: {error}"));
    let mut missing: Vec<&FileEntry> = wanted.to_vec();
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        if entry.header().entry_type() != EntryType::Regular {
            continue;
        }
        let path = entry.path_bytes().into_owned();
        let Some(place) = missing.iter().position(|file| {
            let expected = format!("{}/{}", archive.folder, file.name);
            path.strip_prefix(b"./".as_slice()).unwrap_or(&path) == expected.as_bytes()
        }) else {
            continue;
        };
        let file = missing.swap_remove(place);
        if entry.size() != file.bytes {
            return Err(Failure::Mirror(format!(
                "{} in the archive: expected {} bytes, found {}",
                file.name,
                file.bytes,
                entry.size()
            )));
        }
        extract(&mut entry, file, folder, replace, cancel)?;
    }
    match missing.first() {
        None => Ok(()),
        Some(file) => Err(Failure::Mirror(format!("the archive does not hold {}/{}", archive.folder, file.name))),
    }
}

/// Writes one file beside its place under a temporary name, checks it and renames it. The lock
/// on the partial file keeps other processes away from the temporary name; what a killed process
/// left under it is overwritten.
fn extract(
    entry: &mut dyn Read,
    file: &FileEntry,
    folder: &Path,
    replace: &mut dyn FnMut(&FileEntry) -> Result<(), DatasetError>,
    cancel: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let target = folder.join(&file.name);
    let temporary = folder.join(format!("{}.new", file.name));
    let result = write_checked(entry, file, &temporary, cancel).and_then(|()| {
        replace(file)?;
        fs::rename(&temporary, &target).map_err(|error| DatasetError::write(&target, error))?;
        Ok(sync_folder(&target)?)
    });
    if result.is_err() {
        // It may not exist; the failure itself is what the caller hears of.
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn write_checked(
    entry: &mut dyn Read,
    file: &FileEntry,
    temporary: &Path,
    cancel: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let fail = |error| DatasetError::write(temporary, error);
    let mut output = File::create(temporary).map_err(fail)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut length = 0;
    loop {
        if cancel() {
            return Err(Failure::Cancelled);
        }
        let count = entry.read(&mut buffer).map_err(|error| Failure::Mirror(format!("broken archive: {error}")))?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        output.write_all(&buffer[..count]).map_err(fail)?;
        length += count as u64;
    }
    let found = hexadecimal(digest);
    if length != file.bytes || found != file.sha256 {
        return Err(Failure::Mirror(format!(
            "{} in the archive: expected {} bytes with sha256 {}, found {length} bytes with {found}",
            file.name, file.bytes, file.sha256
        )));
    }
    output.sync_all().map_err(fail)?;
    Ok(())
}
