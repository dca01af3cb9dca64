//! Fetching from a server on the loopback address that serves well and badly.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::server::{Behaviour, Server};
use common::{assert_says, gzip, names, noise};
use datasets::DatasetError;
use datasets::download::catalogue::{ArchiveEntry, FileEntry, SetEntry};
use datasets::download::{FetchOptions, FetchReport, FileStatus, Outcome, Phase, fetch_entry, verify_entry};
use sha2::{Digest, Sha256};

const FILE: &str = "numbers.gz";
const LENGTH: usize = 300_000;

fn file_entry(name: &str, content: &[u8]) -> FileEntry {
    FileEntry {
        name: name.into(),
        spellings: vec![name.trim_end_matches(".gz").into(), name.into()],
        bytes: content.len() as u64,
        sha256: Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn set(files: Vec<FileEntry>, archive: Option<ArchiveEntry>) -> SetEntry {
    SetEntry {
        name: "numbers".into(),
        folder: "numbers".into(),
        mirrors: vec!["https://mirror.invalid/".into()],
        archive,
        files,
        samples: 1,
        download_bytes: 1,
        licence: "none".into(),
        citation: "none".into(),
    }
}

fn content() -> Vec<u8> {
    noise(LENGTH, 5)
}

fn single() -> SetEntry {
    set(vec![file_entry(FILE, &content())], None)
}

fn options(urls: &[&str]) -> FetchOptions {
    FetchOptions {
        mirrors: urls.iter().map(|&url| url.to_owned()).collect(),
        official_mirrors: false,
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_millis(300),
        attempts: 3,
        retry_pause: Duration::from_millis(10),
    }
}

fn get(set: &SetEntry, dir: &Path, urls: &[&str]) -> Result<FetchReport, DatasetError> {
    fetch_entry(set, dir, &options(urls), &mut |_| {}, &|| false)
}

/// Fetches the single file with one server of the given behaviours.
fn run(behaviours: Vec<Behaviour>) -> (tempfile::TempDir, Server, Result<FetchReport, DatasetError>) {
    let dir = tempfile::tempdir().expect("temporary folder");
    let server = Server::start(vec![(FILE.into(), gzip(&content()))], behaviours);
    let result = get(&single(), dir.path(), &[&server.url]);
    (dir, server, result)
}

fn assert_complete(dir: &Path) {
    let report = verify_entry(&single(), dir).expect("verify");
    assert_eq!(report[0].status, FileStatus::Valid);
    assert_eq!(names(&dir.join("numbers")), [FILE]);
}

/// Nothing under the file's own name, and no empty remainder.
fn assert_nothing_installed(dir: &Path) {
    assert!(!dir.join("numbers").join(FILE).exists());
    for name in names(&dir.join("numbers")) {
        assert!(name.ends_with(".part"), "{name}");
        assert!(fs::metadata(dir.join("numbers").join(name)).expect("part").len() > 0);
    }
}

#[test]
fn a_proper_server_delivers_and_a_second_call_downloads_nothing() {
    let (dir, server, result) = run(vec![Behaviour::Proper]);
    assert_eq!(result.expect("fetch").files[0].outcome, Outcome::Fetched);
    assert_complete(dir.path());
    let again = get(&single(), dir.path(), &[&server.url]).expect("again");
    assert_eq!(again.files[0].outcome, Outcome::Kept);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn progress_rises_to_the_total() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let packed = gzip(&content());
    let size = packed.len() as u64;
    let server = Server::start(vec![(FILE.into(), packed)], vec![Behaviour::Proper]);
    let (mut received, mut done) = (Vec::new(), false);
    let mut progress = |step: &datasets::download::Progress<'_>| {
        if step.phase == Phase::Receiving {
            assert_eq!(step.total, Some(size));
            received.push(step.received);
        }
        done |= step.phase == Phase::Done;
    };
    fetch_entry(&single(), dir.path(), &options(&[&server.url]), &mut progress, &|| false).expect("fetch");
    assert!(received.is_sorted() && received.last() == Some(&size) && done);
}

#[test]
fn a_cut_connection_is_resumed_where_it_ended() {
    let (dir, server, result) = run(vec![Behaviour::Cuts(100_000), Behaviour::Proper]);
    result.expect("fetch");
    assert_complete(dir.path());
    let requests = server.requests();
    assert_eq!(requests[0].range, None);
    assert_eq!(requests[1].range.as_deref(), Some("bytes=100000-"));
}

#[test]
fn a_stalled_connection_is_given_up_and_resumed() {
    let start = Instant::now();
    let (dir, server, result) = run(vec![Behaviour::Stalls(50_000), Behaviour::Proper]);
    result.expect("fetch");
    assert_complete(dir.path());
    assert_eq!(server.requests()[1].range.as_deref(), Some("bytes=50000-"));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_server_that_ignores_ranges_restarts_the_file() {
    let (dir, server, result) = run(vec![Behaviour::Cuts(70_000), Behaviour::IgnoresRange]);
    result.expect("fetch");
    assert_complete(dir.path());
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_wrong_range_restarts_the_file() {
    let (dir, server, result) = run(vec![Behaviour::Cuts(70_000), Behaviour::WrongRange, Behaviour::Proper]);
    result.expect("fetch");
    assert_complete(dir.path());
    assert_eq!(server.requests()[2].range, None);
}

#[test]
fn each_failure_is_named_and_installs_nothing() {
    let cases = [
        (Behaviour::Stalls(1000), 3, "no byte for 0.3 s"),
        (Behaviour::Cuts(1000), 3, "numbers.gz: "),
        (Behaviour::CutsSilently(1000), 1, "gzip stream"),
        (Behaviour::Corrupts, 1, "expected"),
        (Behaviour::Status(404), 1, "404"),
        (Behaviour::Status(500), 3, "500"),
        (Behaviour::AnnouncesTooMuch, 1, "99999999999 bytes"),
        (Behaviour::SendsTooMuch, 1, "expected at most"),
        (Behaviour::Silent, 3, "timeout"),
    ];
    for (behaviour, requests, text) in cases {
        let (dir, server, result) = run(vec![behaviour]);
        let error = result.expect_err("bad server");
        assert!(matches!(error, DatasetError::Download { .. }), "{error}");
        assert_says(&error, &[text, &server.url, "--mirror", "sterna data verify numbers"]);
        assert_eq!(server.requests().len(), requests, "{behaviour:?}");
        assert_nothing_installed(dir.path());
    }
}

#[test]
fn the_next_mirror_takes_over() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = (FILE.to_owned(), gzip(&content()));
    let bad = Server::start(vec![file.clone()], vec![Behaviour::Corrupts]);
    let absent = Server::start(vec![], vec![Behaviour::Proper]);
    let good = Server::start(vec![file], vec![Behaviour::Proper]);
    let urls = [bad.url.as_str(), &absent.url, &good.url];
    get(&single(), dir.path(), &urls).expect("fetch");
    assert_complete(dir.path());
}

#[test]
fn a_refused_connection_says_what_to_do() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let url = Server::start(vec![], vec![Behaviour::Proper]).url.clone();
    let error = get(&single(), dir.path(), &[&url]).expect_err("no server");
    assert_says(&error, &["cannot download numbers.gz", "https://mirror.invalid/numbers.gz", "--mirror URL"]);
    assert_nothing_installed(dir.path());
    let error = get(&single(), dir.path(), &["ftp://x"]).expect_err("no address");
    assert_says(&error, &["mirror", "http://", "\"ftp://x\""]);
}

#[test]
fn cancelling_stops_soon_and_keeps_what_arrived() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = (FILE.to_owned(), gzip(&content()));
    let stalling = Server::start(vec![file.clone()], vec![Behaviour::Stalls(120_000)]);
    let part = dir.path().join("numbers").join(format!("{FILE}.part"));
    let mut patient = options(&[&stalling.url]);
    patient.stall_timeout = Duration::from_secs(30);
    let start = Instant::now();
    let arrived = || fs::metadata(&part).is_ok_and(|part| part.len() == 120_000);
    let error = fetch_entry(&single(), dir.path(), &patient, &mut |_| {}, &arrived).expect_err("cancelled");
    assert!(matches!(error, DatasetError::Cancelled { .. }));
    assert!(start.elapsed() < Duration::from_secs(5));
    let good = Server::start(vec![file], vec![Behaviour::Proper]);
    get(&single(), dir.path(), &[&good.url]).expect("resumed");
    assert_eq!(good.requests()[0].range.as_deref(), Some("bytes=120000-"));
    assert_complete(dir.path());
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn child_that_is_killed() {
    if let (Ok(url), Ok(dir)) = (std::env::var("CHILD_URL"), std::env::var("CHILD_DIR")) {
        let mut patient = options(&[&url]);
        patient.stall_timeout = Duration::from_secs(20);
        let _ = fetch_entry(&single(), Path::new(&dir), &patient, &mut |_| {}, &|| false);
    }
}

#[test]
fn a_killed_process_leaves_a_file_that_is_resumed() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = (FILE.to_owned(), gzip(&content()));
    let stalling = Server::start(vec![file.clone()], vec![Behaviour::Stalls(90_000)]);
    let mut child = Command::new(std::env::current_exe().expect("test program"))
        .args(["--exact", "child_that_is_killed"])
        .env("CHILD_URL", &stalling.url)
        .env("CHILD_DIR", dir.path())
        .spawn()
        .expect("child");
    let part = dir.path().join("numbers").join(format!("{FILE}.part"));
    let start = Instant::now();
    while !fs::metadata(&part).is_ok_and(|part| part.len() == 90_000) {
        assert!(start.elapsed() < Duration::from_secs(15), "nothing arrived");
        std::thread::sleep(Duration::from_millis(10));
    }
    let busy = get(&single(), dir.path(), &[&stalling.url]).expect_err("two at once");
    assert!(matches!(busy, DatasetError::Busy { .. }), "{busy}");
    child.kill().expect("kill");
    child.wait().expect("wait");
    let good = Server::start(vec![file], vec![Behaviour::Proper]);
    get(&single(), dir.path(), &[&good.url]).expect("resumed");
    assert_eq!(good.requests()[0].range.as_deref(), Some("bytes=90000-"));
    assert_complete(dir.path());
}

#[test]
fn a_complete_or_foreign_partial_file_is_settled() {
    let packed = gzip(&content());
    for (start, label) in [(packed.clone(), "complete"), (noise(80_000, 9), "foreign")] {
        let dir = tempfile::tempdir().expect("temporary folder");
        let folder = dir.path().join("numbers");
        fs::create_dir(&folder).expect("folder");
        fs::write(folder.join(format!("{FILE}.part")), start).expect("part");
        let server = Server::start(vec![(FILE.into(), packed.clone())], vec![Behaviour::Proper]);
        get(&single(), dir.path(), &[&server.url]).expect(label);
        assert_complete(dir.path());
    }
}

#[test]
fn a_wrong_file_is_reported_set_aside_and_replaced() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let folder = dir.path().join("numbers");
    fs::create_dir(&folder).expect("folder");
    fs::write(folder.join("numbers"), b"mine").expect("wrong file");
    let report = verify_entry(&single(), dir.path()).expect("verify");
    assert!(matches!(&report[0].status, FileStatus::Wrong { field, .. } if field == "length"));
    let server = Server::start(vec![(FILE.into(), gzip(&content()))], vec![Behaviour::Proper]);
    let report = get(&single(), dir.path(), &[&server.url]).expect("fetch");
    let aside = folder.join("numbers.wrong");
    assert_eq!(report.files[0].outcome, Outcome::Replaced { set_aside: vec![aside.clone()] });
    assert_eq!(fs::read(aside).expect("kept"), b"mine");
    let report = verify_entry(&single(), dir.path()).expect("verify");
    assert_eq!(report[0].status, FileStatus::Valid);
    assert_eq!(serde_json::to_value(&report[0]).expect("json")["status"], "valid");
}

#[test]
fn folders_that_cannot_be_written_are_errors() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = dir.path().join("file");
    fs::write(&file, b"").expect("file");
    let error = get(&single(), &file, &[]).expect_err("a file is no folder");
    assert!(matches!(error, DatasetError::Write { .. }));
    assert_says(&error, &["numbers", "permissions"]);
    if cfg!(target_os = "linux") {
        // Nobody can make a folder here, not even the superuser.
        let error = get(&single(), Path::new("/proc"), &[]).expect_err("no folder can be made");
        assert!(matches!(error, DatasetError::Write { .. }), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let folder = dir.path().join("numbers");
    fs::create_dir(&folder).expect("folder");
    let part = folder.join(format!("{FILE}.part"));
    std::os::unix::fs::symlink("/dev/full", &part).expect("link");
    let server = Server::start(vec![(FILE.into(), gzip(&content()))], vec![Behaviour::Proper]);
    let error = get(&single(), dir.path(), &[&server.url]).expect_err("no space");
    assert!(matches!(error, DatasetError::Write { .. }), "{error}");
    assert_says(&error, &["No space left", "free space"]);
    assert!(!folder.join(FILE).exists());
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("temporary folder");
    let folder = dir.path().join("numbers");
    fs::create_dir(&folder).expect("folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("read-only");
    if fs::write(folder.join("probe"), b"").is_ok() {
        println!("passed over: this user may write everywhere");
        return;
    }
    let error = get(&single(), dir.path(), &["http://127.0.0.1:9"]).expect_err("read-only");
    assert!(matches!(error, DatasetError::Write { .. }), "{error}");
}

const ARCHIVE: &str = "batches.tar.gz";

fn archive_set(first: &[u8], second: &[u8]) -> SetEntry {
    let mut files = vec![file_entry("one.bin", first), file_entry("two.bin", second)];
    for file in &mut files {
        file.spellings = vec![file.name.clone()];
    }
    let archive = ArchiveEntry { name: ARCHIVE.into(), folder: "inside".into(), maximum_bytes: 4_000_000 };
    set(files, Some(archive))
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // Written directly, since the library refuses to write paths that lead outside.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).expect("append");
    }
    gzip(&builder.into_inner().expect("tar"))
}

#[test]
fn an_archive_gives_only_the_expected_files() {
    let (first, second) = (noise(100_000, 1), noise(200_000, 2));
    let packed = tar(&[
        ("inside/readme.html", b"hello"),
        ("../outside.bin", b"evil"),
        ("/tmp/sterna-outside.bin", b"evil"),
        ("elsewhere/one.bin", b"evil"),
        ("inside/one.bin", &first),
        ("./inside/two.bin", &second),
    ]);
    let set = archive_set(&first, &second);
    let dir = tempfile::tempdir().expect("temporary folder");
    let server = Server::start(vec![(ARCHIVE.into(), packed)], vec![Behaviour::Cuts(50_000), Behaviour::Proper]);
    get(&set, dir.path(), &[&server.url]).expect("fetch");
    assert_eq!(names(dir.path()), ["numbers"]);
    assert_eq!(names(&dir.path().join("numbers")), ["one.bin", "two.bin"]);
    assert!(!Path::new("/tmp/sterna-outside.bin").exists());
    let valid = |report: datasets::download::FileReport| report.status == FileStatus::Valid;
    assert!(verify_entry(&set, dir.path()).expect("verify").into_iter().all(valid));
    fs::remove_file(dir.path().join("numbers/one.bin")).expect("remove");
    let report = get(&set, dir.path(), &[&server.url]).expect("repair");
    assert_eq!(report.files[0].outcome, Outcome::Fetched);
    assert_eq!(report.files[1].outcome, Outcome::Kept);
}

#[test]
fn bad_archives_are_refused() {
    let (first, second) = (noise(100_000, 1), noise(200_000, 2));
    let set = archive_set(&first, &second);
    let good = tar(&[("inside/one.bin", &first), ("inside/two.bin", &second)]);
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("not an archive", noise(10_000, 3), "broken archive"),
        ("cut off", good[..good.len() / 2].to_vec(), "broken archive"),
        ("a file less", tar(&[("inside/one.bin", &first)]), "does not hold inside/two.bin"),
        ("another content", tar(&[("inside/one.bin", &noise(100_000, 4)), ("inside/two.bin", &second)]), "sha256"),
        (
            "another length",
            tar(&[("inside/one.bin", &first[1..]), ("inside/two.bin", &second)]),
            "expected 100000 bytes, found 99999",
        ),
    ];
    for (label, packed, text) in cases {
        let dir = tempfile::tempdir().expect("temporary folder");
        let server = Server::start(vec![(ARCHIVE.into(), packed)], vec![Behaviour::IgnoresRange]);
        let error = get(&set, dir.path(), &[&server.url]).expect_err(label);
        assert_says(&error, &[text]);
        for name in names(&dir.path().join("numbers")) {
            assert_eq!(name, "one.bin", "{label}: only a checked file may stay");
        }
    }
}
