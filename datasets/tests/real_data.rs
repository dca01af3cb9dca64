//! The real data sets, where STERNA_DATA names a folder that holds them.

mod common;

use std::fs;

use common::server::{Behaviour, Server};
use common::{gzip, real_data};
use datasets::download::{FetchOptions, FileStatus, SetState, fetch, list, verify};
use datasets::{Dataset, Samples, Source, SplitOptions, load};

fn real(source: Source) -> Option<Dataset> {
    let folder = real_data()?;
    Some(load(&source, Some(&folder)).expect("real data"))
}

fn deviation(samples: &Samples) -> f64 {
    let mean = samples.channel_means()[0];
    let sum: f64 = samples.pixels().iter().map(|&value| (f64::from(value) - mean).powi(2)).sum();
    (sum / samples.pixels().len() as f64).sqrt()
}

#[test]
fn mnist_is_the_official_one() {
    let Some(mnist) = real(Source::Mnist) else {
        return;
    };
    let train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
    let test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009];
    assert_eq!(mnist.train.label_counts(10), train);
    assert_eq!(mnist.test.label_counts(10), test);
    assert!((mnist.train.channel_means()[0] - 33.3184).abs() < 1e-4);
    assert!((deviation(&mnist.train) - 78.5675).abs() < 1e-4);
    assert_eq!(mnist.train.labels()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    let last = mnist.train.range(50_000..60_000);
    let splits = mnist.split(&SplitOptions::default()).expect("split");
    let sizes = (splits.train.len(), splits.validation.len(), splits.test.len());
    assert_eq!(sizes, (50_000, 10_000, 10_000));
    assert_eq!(splits.validation, last);
}

#[test]
fn fashion_mnist_has_6000_and_1000_of_each_class() {
    let Some(fashion) = real(Source::FashionMnist) else {
        return;
    };
    assert_eq!(fashion.train.label_counts(10), [6000; 10]);
    assert_eq!(fashion.test.label_counts(10), [1000; 10]);
    assert_eq!(fashion.classes[9], "ankle boot");
    assert_eq!(fashion.train.label(0), 9);
}

#[test]
fn cifar_has_the_published_means() {
    let Some(cifar) = real(Source::Cifar10) else {
        return;
    };
    assert_eq!(cifar.train.label_counts(10), [5000; 10]);
    assert_eq!(cifar.test.label_counts(10), [1000; 10]);
    for (found, expected) in cifar.train.channel_means().iter().zip([125.3069, 122.9504, 113.8654]) {
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
    assert_eq!(cifar.classes[0], "airplane");
    let splits = cifar.split(&SplitOptions::default()).expect("split");
    assert_eq!((splits.train.len(), splits.validation.len()), (40_000, 10_000));
}

#[test]
fn the_catalogue_knows_the_real_files() {
    let Some(folder) = real_data() else {
        return;
    };
    for source in [Source::Mnist, Source::FashionMnist, Source::Cifar10] {
        for file in verify(&source, &folder).expect("verify") {
            assert_eq!(file.status, FileStatus::Valid, "{}", file.path.display());
        }
    }
    let states: Vec<SetState> = list(&folder).iter().map(|set| set.state).collect();
    let present = SetState::Present;
    assert_eq!(states, [SetState::Embedded, present, present, present]);
}

#[test]
fn a_folder_without_data_is_absent_not_an_error() {
    let folder = tempfile::tempdir().expect("temporary folder");
    assert!(list(folder.path()).iter().skip(1).all(|set| set.state == SetState::Absent));
    let files = verify(&Source::Mnist, folder.path()).expect("verify");
    assert!(files.len() == 4 && files.iter().all(|file| file.status == FileStatus::Missing));
}

/// The files that a mirror of `source` would serve.
fn mirrored(source: &Source, data: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let folder = data.join(source.folder_name().expect("folder"));
    let files = common::names(&folder).into_iter();
    let read = |name: &str| fs::read(folder.join(name)).expect("read");
    if *source != Source::Cifar10 {
        return files.map(|name| (name.clone(), read(&name))).collect();
    }
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir("cifar-10-batches-bin", &folder).expect("folder");
    for name in files {
        let bytes = read(&name);
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let path = format!("cifar-10-batches-bin/{name}");
        archive.append_data(&mut header, path, &bytes[..]).expect("append");
    }
    let packed = gzip(&archive.into_inner().expect("archive"));
    vec![("cifar-10-binary.tar.gz".into(), packed)]
}

#[test]
fn the_real_files_are_fetched_and_load_alike() {
    let Some(data) = real_data() else {
        return;
    };
    for source in [Source::Mnist, Source::Cifar10] {
        let cut = Behaviour::Cuts(1_000_000);
        let server = Server::start(mirrored(&source, &data), vec![cut, Behaviour::Proper]);
        let options =
            FetchOptions { mirrors: vec![server.url.clone()], official_mirrors: false, ..FetchOptions::default() };
        let folder = tempfile::tempdir().expect("temporary folder");
        let dir = folder.path();
        fetch(&source, dir, &options, &mut |_| {}, &|| false).expect("fetch");
        let fetched = load(&source, Some(dir)).expect("fetched");
        let original = load(&source, Some(&data)).expect("original");
        assert_eq!(fetched.train, original.train);
        assert_eq!(fetched.test, original.test);
    }
}
