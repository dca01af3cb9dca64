//! Every kind of bad file: an error that names file, field, expected and found, never a panic.

mod common;

use std::fs;
use std::path::Path;

use common::{MnistFixture, assert_says, gzip, idx, noise, part};
use datasets::{DatasetError, Source, load};
use proptest::prelude::*;

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

fn images(count: u32, rows: u32, payload: usize) -> Vec<u8> {
    idx(0x803, &[count, rows, 28], &noise(payload, 3))
}

fn bad_label() -> Vec<u8> {
    let (_, mut labels) = part(30);
    labels[17] = 10;
    idx(0x801, &[30], &labels)
}

#[test]
fn bad_idx_files_are_named_plain_and_compressed() {
    let full = 30 * 784;
    let cases: Vec<(&str, Vec<u8>, [&str; 3])> = vec![
        (IMAGES, idx(0x801, &[30, 28, 28], &noise(full, 3)), ["magic number", "0x00000803", "0x00000801"]),
        (LABELS, idx(0x803, &[30], &[0; 30]), ["magic number", "0x00000801", "0x00000803"]),
        (IMAGES, images(30, 28, full - 1), ["length", "23536 bytes", "23535 bytes"]),
        (IMAGES, images(30, 28, full + 1), ["length", "23536 bytes", "bytes"]),
        (LABELS, idx(0x801, &[1 << 20], &[1; 30]), ["length", "1048584 bytes", "38 bytes"]),
        (LABELS, idx(0x801, &[u32::MAX], &[1; 30]), ["number of items", "1048576", "4294967295"]),
        (IMAGES, images(u32::MAX, 28, full), ["number of items", "1048576", "4294967295"]),
        (IMAGES, images(29, 28, 29 * 784), ["number of images", "30", "29"]),
        (IMAGES, images(30, 27, 30 * 27 * 28), ["dimension 1", "28", "27"]),
        (LABELS, bad_label(), ["label 17", "0 to 9", "found 10"]),
        (LABELS, idx(0x801, &[0], &[]), ["number of items", "1 to", "found 0"]),
        (LABELS, vec![0, 0, 8], ["header", "8 bytes", "3 bytes"]),
        (LABELS, Vec::new(), ["header", "8 bytes", "0 bytes"]),
    ];
    for compressed in [false, true] {
        for (file, bytes, parts) in &cases {
            let fixture = MnistFixture::new(false);
            let name = if compressed {
                fs::remove_file(fixture.path(file)).expect("remove");
                fixture.put(&format!("{file}.gz"), &gzip(bytes));
                format!("{file}.gz")
            } else {
                fixture.put(file, bytes);
                (*file).to_owned()
            };
            let error = fixture.load().expect_err(parts[0]);
            assert!(matches!(error, DatasetError::Invalid { .. }), "{error}");
            assert_says(&error, parts);
            assert_says(&error, &[&name, "expected", "found", "sterna data fetch"]);
        }
    }
}

#[test]
fn empty_and_broken_gz_files_are_named() {
    let whole = gzip(&idx(0x801, &[30], &part(30).1));
    let mut corrupt = whole.clone();
    let checksum = corrupt.len() - 6;
    corrupt[checksum] ^= 1;
    let mut trailing = whole.clone();
    trailing.extend(b"rest");
    let cases = [
        (Vec::new(), "header"),
        (whole[..2].to_vec(), "gzip stream"),
        (whole[..whole.len() / 2].to_vec(), "gzip stream"),
        (whole[..whole.len() - 1].to_vec(), "gzip stream"),
        (corrupt, "gzip stream"),
        (trailing, "gzip stream"),
    ];
    for (bytes, field) in cases {
        let fixture = MnistFixture::new(true);
        fixture.put(&format!("{LABELS}.gz"), &bytes);
        assert_says(&fixture.load().expect_err(field), &[LABELS, field]);
    }
}

#[test]
fn a_gz_that_unpacks_to_more_than_its_header_promises_is_cut_short() {
    let fixture = MnistFixture::new(true);
    let mut bomb = idx(0x803, &[30, 28, 28], &[0; 30 * 784]);
    bomb.resize(64 << 20, 0);
    fixture.put(&format!("{IMAGES}.gz"), &gzip(&bomb));
    assert_says(&fixture.load().expect_err("bomb"), &[IMAGES, "length", "more bytes"]);
}

#[test]
fn missing_files_name_every_path_and_the_command() {
    let fixture = MnistFixture::new(false);
    fs::remove_file(fixture.path(IMAGES)).expect("remove");
    let error = fixture.load().expect_err("missing");
    assert!(matches!(&error, DatasetError::NotFound { tried, .. } if tried.len() == 4));
    assert_says(&error, &[IMAGES, "train-images.idx3-ubyte.gz", "sterna data fetch mnist"]);
    let nowhere = Path::new("/nowhere/at/all");
    for (source, command) in [(Source::FashionMnist, "fashion-mnist"), (Source::Cifar10, "cifar10")] {
        let error = load(&source, Some(nowhere)).expect_err("no folder");
        assert_says(&error, &["/nowhere/at/all", &format!("sterna data fetch {command}")]);
    }
    assert_says(&load(&Source::Mnist, None).expect_err("none"), &["--data-dir", "STERNA_DATA"]);
    let fixture = MnistFixture::new(false);
    fs::remove_file(fixture.path(IMAGES)).expect("remove");
    fs::create_dir(fixture.path(IMAGES)).expect("folder in its place");
    assert!(fixture.load().is_err());
}

fn cifar(batch: &[u8]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("temporary folder");
    let folder = root.path().join("cifar-10-batches-bin");
    fs::create_dir(&folder).expect("folder");
    for index in 1..=5 {
        fs::write(folder.join(format!("data_batch_{index}.bin")), batch).expect("batch");
    }
    fs::write(folder.join("test_batch.bin"), batch).expect("batch");
    root
}

#[test]
fn bad_cifar_files_are_named() {
    let record = |label: u8| [vec![label], noise(3072, 8)].concat();
    let two = [record(9), record(10)].concat();
    let cases = [
        (two[..two.len() - 1].to_vec(), "length", "6145 bytes"),
        (Vec::new(), "length", "0 bytes"),
        (two, "label 1", "found 10"),
    ];
    for (bytes, field, found) in cases {
        let error = load(&Source::Cifar10, Some(cifar(&bytes).path())).expect_err(field);
        assert_says(&error, &["data_batch_1.bin", field, found, "expected"]);
    }
    let root = cifar(&record(3));
    let names = root.path().join("cifar-10-batches-bin/batches.meta.txt");
    fs::write(&names, "one\ntwo\n").expect("names");
    let error = load(&Source::Cifar10, Some(root.path())).expect_err("names");
    assert_says(&error, &["batches.meta.txt", "10 lines", "2 lines"]);
}

fn png(path: &Path, width: u32, height: u32, mode: image::ExtendedColorType) {
    let bytes = noise((width * height * u32::from(mode.channel_count())) as usize, 6);
    image::save_buffer(path, &bytes, width, height, mode).expect("png");
}

#[test]
fn bad_images_are_named() {
    use image::ExtendedColorType::{L8, Rgb8, Rgba8};
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &[&str]); 6] = [
        ("text", |path| fs::write(path, "no image").expect("write"), &["readable PNG"]),
        ("empty", |path| fs::write(path, "").expect("write"), &["readable PNG"]),
        (
            "cut off",
            |path| {
                png(path, 6, 5, L8);
                let bytes = fs::read(path).expect("read");
                fs::write(path, &bytes[..bytes.len() - 30]).expect("write");
            },
            &["readable PNG"],
        ),
        ("other size", |path| png(path, 5, 6, L8), &["6x5, 1 channels", "5x6, 1 channels", "0.png"]),
        ("other mode", |path| png(path, 6, 5, Rgb8), &["6x5, 1 channels", "6x5, 3 channels"]),
        ("no mode of ours", |path| png(path, 6, 5, Rgba8), &["colour mode", "Rgba8"]),
    ];
    for (label, spoil, parts) in cases {
        let root = tempfile::tempdir().expect("temporary folder");
        for class in ["a", "b"] {
            fs::create_dir(root.path().join(class)).expect("class");
        }
        png(&root.path().join("a/0.png"), 6, 5, L8);
        spoil(&root.path().join("b/spoilt.png"));
        let source = Source::Folder(root.path().to_path_buf());
        let error = load(&source, None).expect_err(label);
        assert_says(&error, parts);
        assert_says(&error, &["spoilt.png", "expected", "found"]);
    }
}

#[test]
fn bad_image_folders_are_named() {
    let root = tempfile::tempdir().expect("temporary folder");
    let folder = |name: &str| Source::Folder(root.path().join(name));
    let error = load(&folder("absent"), None).expect_err("absent");
    assert_says(&error, &["absent", "one folder of PNG images for each class"]);
    fs::create_dir_all(root.path().join("empty")).expect("folder");
    assert_says(&load(&folder("empty"), None).expect_err("empty"), &["number of classes"]);
    fs::create_dir_all(root.path().join("bare/a")).expect("folder");
    assert_says(&load(&folder("bare"), None).expect_err("bare"), &["number of images"]);
    let error = "mnsit".parse::<Source>().expect_err("name");
    assert_says(&error, &["\"mnsit\"", "fashion-mnist", "folder:PATH"]);
}

/// Bytes that start like a real header or not at all, with a few changes.
fn almost(header: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((0usize..64, any::<u8>()), 0..4);
    (prop::collection::vec(any::<u8>(), 0..200), any::<bool>(), changes).prop_map(
        move |(tail, with_header, changes)| {
            let mut bytes = if with_header { header.clone() } else { Vec::new() };
            bytes.extend(tail);
            for (place, value) in changes {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = value;
                }
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_idx_reader_panic(
        images in almost(idx(0x803, &[1, 28, 28], &[])),
        labels in almost(idx(0x801, &[40], &[])),
        compressed in any::<bool>(),
    ) {
        let fixture = MnistFixture::new(false);
        let pack = |bytes: Vec<u8>| if compressed { gzip(&bytes) } else { bytes };
        fixture.put(IMAGES, &pack(images));
        fixture.put(LABELS, &pack(labels));
        // 200 bytes cannot hold one image.
        prop_assert!(fixture.load().is_err());
    }

    #[test]
    fn no_change_of_a_gz_file_makes_the_reader_panic(place in 0usize..60, value in any::<u8>(), cut in 0usize..60) {
        let fixture = MnistFixture::new(true);
        let mut bytes = gzip(&idx(0x801, &[30], &part(30).1));
        if let Some(byte) = bytes.get_mut(place) {
            *byte = value;
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        fixture.put(&format!("{LABELS}.gz"), &bytes);
        if let Ok(dataset) = fixture.load() {
            prop_assert_eq!(dataset.train.labels(), &part(30).1[..]);
        }
    }

    #[test]
    fn no_bytes_make_the_cifar_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..7000)) {
        let bad_length = bytes.is_empty() || bytes.len() % 3073 != 0;
        let bad_label = bytes.chunks(3073).any(|record| record[0] > 9);
        let result = load(&Source::Cifar10, Some(cifar(&bytes).path()));
        prop_assert_eq!(result.is_err(), bad_length || bad_label);
    }

    #[test]
    fn no_bytes_make_the_image_reader_panic(
        changes in prop::collection::vec((0usize..120, any::<u8>()), 1..4),
        cut in 0usize..60,
    ) {
        let root = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(root.path().join("a")).expect("class");
        let path = root.path().join("a/0.png");
        png(&path, 6, 5, image::ExtendedColorType::L8);
        let mut bytes = fs::read(&path).expect("read");
        for (place, value) in changes {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        fs::write(&path, bytes).expect("write");
        if let Ok(dataset) = load(&Source::Folder(root.path().to_path_buf()), None) {
            prop_assert_eq!(dataset.train.len(), 1);
        }
    }
}
