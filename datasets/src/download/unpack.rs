//! Unpacking of an archive: only the files of the catalogue, each checked before it is in place.

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
        Some(file) => Err(Failure::Mirror(format!(
            "the archive does not hold {}/{}",
            archive.folder, file.name
        ))),
    }
}

fn extract(
    entry: &mut dyn Read,
    file: &FileEntry,
    folder: &Path,
    replace: &mut dyn FnMut(&FileEntry) -> Result<(), DatasetError>,
    cancel: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let target = folder.join(&file.name);
    let fail = |error| DatasetError::write(&target, error);
    let mut temporary = tempfile::Builder::new()
        .prefix(&format!(".{}.", file.name))
        .tempfile_in(folder)
        .map_err(fail)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut length = 0;
    loop {
        if cancel() {
            return Err(Failure::Cancelled);
        }
        let count = entry
            .read(&mut buffer)
            .map_err(|error| Failure::Mirror(format!("broken archive: {error}")))?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        temporary.write_all(&buffer[..count]).map_err(fail)?;
        length += count as u64;
    }
    let found = hexadecimal(digest);
    if length != file.bytes || found != file.sha256 {
        return Err(Failure::Mirror(format!(
            "{} in the archive: expected {} bytes with sha256 {}, found {length} bytes with {found}",
            file.name, file.bytes, file.sha256
        )));
    }
    temporary.as_file().sync_all().map_err(fail)?;
    readable(temporary.as_file()).map_err(fail)?;
    replace(file)?;
    temporary
        .persist(&target)
        .map_err(|error| DatasetError::write(&target, error.error))?;
    sync_folder(&target)?;
    Ok(())
}

/// Gives a temporary file, made for its owner alone, the usual permissions of data.
#[cfg(unix)]
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
