//! Good files: every layout gives the samples that were written.

mod common;

use std::fs;

use common::{MnistFixture, noise, part};
use datasets::{Dataset, Holdout, Source, load};

fn assert_fixture(dataset: &Dataset) {
    let (pixels, labels) = part(30);
    assert_eq!(dataset.train.pixels(), pixels);
    assert_eq!(dataset.train.labels(), labels);
    assert_eq!(dataset.train.image(7), &pixels[7 * 784..8 * 784]);
    assert_eq!(dataset.test.len(), 20);
    let shape = (dataset.height, dataset.width, dataset.channels);
    assert_eq!((shape, dataset.pixel_maximum), ((28, 28, 1), 255));
    assert_eq!(dataset.classes.len(), 10);
}

#[test]
fn idx_files_plain_compressed_and_under_the_other_name() {
    assert_fixture(&MnistFixture::new(false).load().expect("plain"));
    assert_fixture(&MnistFixture::new(true).load().expect("compressed"));
    let fixture = MnistFixture::new(true);
    for kind in ["images-idx3", "labels-idx1"] {
        for part in ["train", "t10k"] {
            let dotted = kind.replace('-', ".");
            let from = fixture.path(&format!("{part}-{kind}-ubyte.gz"));
            fs::rename(from, fixture.path(&format!("{part}-{dotted}-ubyte.gz"))).expect("rename");
        }
    }
    assert_fixture(&fixture.load().expect("dotted"));
    let images = "t10k-images.idx3-ubyte.gz";
    fs::rename(fixture.path(images), fixture.path("t10k-images-idx3-ubyte")).expect("rename");
    assert_fixture(&fixture.load().expect("gz content without the ending"));
}

#[test]
fn files_of_the_official_size_are_read_alike_plain_and_compressed() {
    let root = tempfile::tempdir().expect("temporary folder");
    let mut read = Vec::new();
    for compressed in [false, true] {
        let folder = root.path().join("mnist");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("folder");
        for (name, count) in [("train", 60_000), ("t10k", 10_000)] {
            let (pixels, labels) = part(count);
            for (kind, bytes) in [
                ("images-idx3", common::idx(0x803, &[count as u32, 28, 28], &pixels)),
                ("labels-idx1", common::idx(0x801, &[count as u32], &labels)),
            ] {
                let path = folder.join(format!("{name}-{kind}-ubyte"));
                // One compressed file is enough to leave the path of the `mnist` crate.
                let pack = compressed && kind == "labels-idx1";
                fs::write(path, if pack { common::gzip(&bytes) } else { bytes }).expect("write");
            }
        }
        read.push(load(&Source::Mnist, Some(root.path())).expect("official size"));
    }
    assert_eq!(read[0].train, read[1].train);
    assert_eq!(read[0].test, read[1].test);
    assert_eq!(read[0].train.pixels(), part(60_000).0);
    assert_eq!(read[0].test.labels(), part(10_000).1);
}

#[test]
fn cifar_planes_become_channels_last() {
    let root = tempfile::tempdir().expect("temporary folder");
    let folder = root.path().join("cifar-10-batches-bin");
    fs::create_dir(&folder).expect("folder");
    let mut records = Vec::new();
    for name in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"] {
        let index = records.len() as u8;
        let record = [vec![index], noise(3072, u64::from(index))].concat();
        fs::write(folder.join(format!("{name}.bin")), &record).expect("batch");
        records.push(record);
    }
    let dataset = load(&Source::Cifar10, Some(root.path())).expect("cifar");
    assert_eq!(dataset.train.labels(), [0, 1, 2, 3, 4]);
    assert_eq!(dataset.test.labels(), [5]);
    let image = dataset.train.image(3);
    for (y, x, channel) in [(0, 0, 0), (0, 1, 2), (31, 31, 1), (17, 4, 2)] {
        let planar = records[3][1 + channel * 1024 + y * 32 + x];
        assert_eq!(image[(y * 32 + x) * 3 + channel], planar);
    }
    assert_eq!(dataset.classes[9], "truck");
}

#[test]
fn the_embedded_digits_are_the_published_ones() {
    let digits = load(&Source::Digits, None).expect("digits");
    assert_eq!(digits.train.len(), 1797);
    assert!(digits.test.is_empty());
    let counts = digits.train.label_counts(10);
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    assert_eq!(digits.train.pixels().iter().max(), Some(&digits.pixel_maximum));
    // The mean that scikit-learn documents for its copy is 4.884.
    assert!((digits.train.channel_means()[0] - 4.884).abs() < 0.001);
}

#[test]
fn a_folder_of_images_gives_sorted_classes_and_parts() {
    use image::ExtendedColorType::{L8, Rgb8};
    for (mode, channels) in [(L8, 1), (Rgb8, 3)] {
        let root = tempfile::tempdir().expect("temporary folder");
        let mut written = Vec::new();
        for (part, class, count) in [("train", "bee", 3), ("train", "ant", 2), ("test", "bee", 1), ("test", "cow", 1)] {
            let folder = root.path().join(part).join(class);
            fs::create_dir_all(&folder).expect("folder");
            for index in 0..count {
                let bytes = noise(5 * 4 * channels, written.len() as u64 + 1);
                let path = folder.join(format!("{index}.png"));
                image::save_buffer(path, &bytes, 5, 4, mode).expect("png");
                written.push(bytes);
            }
            fs::write(folder.join(".hidden"), "passed over").expect("hidden");
        }
        let source = Source::Folder(root.path().to_path_buf());
        let dataset = load(&source, None).expect("folder");
        assert_eq!(dataset.classes, ["ant", "bee", "cow"]);
        assert_eq!((dataset.height, dataset.width, dataset.channels), (4, 5, channels));
        assert_eq!(dataset.train.labels(), [0, 0, 1, 1, 1]);
        assert_eq!(dataset.test.labels(), [1, 2]);
        assert_eq!(dataset.train.image(0), written[3]);
        assert_eq!(dataset.train.image(2), written[0]);
        assert_eq!(dataset.holdout, Holdout::Stratified);
        let alone = Source::Folder(root.path().join("train"));
        let alone = load(&alone, None).expect("one part");
        assert_eq!((alone.train.len(), alone.test.len()), (5, 0));
    }
}

#[test]
fn sources_pass_through_text_and_json() {
    for text in ["digits", "mnist", "fashion-mnist", "cifar10", "folder:some/where"] {
        let source: Source = text.parse().expect("source");
        assert_eq!(source.to_string(), text);
        let json = serde_json::to_string(&source).expect("json");
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Source>(&json).expect("back"), source);
    }
    let folder: Source = "./images".parse().expect("path");
    assert_eq!(folder, Source::Folder("./images".into()));
}
