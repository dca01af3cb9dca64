//! Where the files of each data set are found and what they must hold.
//!
//! Digests are of the unpacked content, because archives are packed again by mirrors.

use crate::readers::mnist_files::spellings;
use crate::{DatasetError, Source};

/// One data set that can be fetched.
#[derive(Debug, Clone)]
pub struct SetEntry {
    /// Name, as [`Source`] shows it.
    pub name: String,
    /// Sub-folder of the data folder.
    pub folder: String,
    /// Base addresses; a file's name is appended.
    pub mirrors: Vec<String>,
    /// The archive that holds all files; without one, each file is fetched by its own name.
    pub archive: Option<ArchiveEntry>,
    /// The files.
    pub files: Vec<FileEntry>,
    /// Images in all.
    pub samples: usize,
    /// Bytes to download, about.
    pub download_bytes: u64,
    /// Licence of the data.
    pub licence: String,
    /// Source to cite.
    pub citation: String,
}

/// One file, plain or compressed.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// Name under which it is fetched and installed.
    pub name: String,
    /// Names under which it is accepted when it is there already.
    pub spellings: Vec<String>,
    /// Length of the unpacked content in bytes.
    pub bytes: u64,
    /// SHA-256 of the unpacked content, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// One tar archive compressed with gzip.
#[derive(Debug, Clone)]
pub struct ArchiveEntry {
    /// File name.
    pub name: String,
    /// Folder inside it that holds the files.
    pub folder: String,
    /// Largest length that is accepted, in bytes.
    pub maximum_bytes: u64,
}

/// Entry of `source`.
///
/// # Errors
/// [`DatasetError::Invalid`] for digits, which are embedded, and for a folder of images.
pub fn entry(source: &Source) -> Result<SetEntry, DatasetError> {
    match source {
        Source::Mnist => Ok(mnist()),
        Source::FashionMnist => Ok(fashion_mnist()),
        Source::Cifar10 => Ok(cifar10()),
        Source::Digits | Source::Folder(_) => Err(DatasetError::parameter(
            "data set",
            "name",
            "mnist, fashion-mnist or cifar10",
            source,
            "digits are embedded and folders of images are your own; neither is downloaded",
        )),
    }
}

/// Entries of all data sets that can be fetched.
pub fn entries() -> Vec<SetEntry> {
    vec![mnist(), fashion_mnist(), cifar10()]
}

fn mnist() -> SetEntry {
    SetEntry {
        name: "mnist".into(),
        folder: "mnist".into(),
        mirrors: vec![
            "https://ossci-datasets.s3.amazonaws.com/mnist/".into(),
            "https://storage.googleapis.com/cvdf-datasets/mnist/".into(),
        ],
        archive: None,
        files: idx_files([
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ]),
        samples: 70_000,
        download_bytes: 11_594_722,
        licence: "CC BY-SA 3.0 (Y. LeCun, C. Cortes)".into(),
        citation: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied \
                   to document recognition, Proceedings of the IEEE 86(11), 1998"
            .into(),
    }
}

fn fashion_mnist() -> SetEntry {
    SetEntry {
        name: "fashion-mnist".into(),
        folder: "fashion-mnist".into(),
        mirrors: vec![
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/".into(),
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/".into(),
        ],
        archive: None,
        files: idx_files([
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ]),
        samples: 70_000,
        download_bytes: 30_878_645,
        licence: "MIT (Zalando SE)".into(),
        citation: "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for \
                   Benchmarking Machine Learning Algorithms, arXiv:1708.07747, 2017"
            .into(),
    }
}

fn cifar10() -> SetEntry {
    let files = [
        ("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        ("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
        ("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
        ("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
        ("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
        ("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ];
    SetEntry {
        name: "cifar10".into(),
        folder: "cifar-10-batches-bin".into(),
        mirrors: vec!["https://www.cs.toronto.edu/~kriz/".into()],
        archive: Some(ArchiveEntry {
            name: "cifar-10-binary.tar.gz".into(),
            folder: "cifar-10-batches-bin".into(),
            maximum_bytes: 200_000_000,
        }),
        files: files
            .map(|(name, sha256)| FileEntry {
                name: name.into(),
                spellings: vec![name.into()],
                bytes: 30_730_000,
                sha256: sha256.into(),
            })
            .to_vec(),
        samples: 60_000,
        download_bytes: 170_052_171,
        licence: "none stated by the authors, who ask to be cited".into(),
        citation: "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, \
                   technical report, University of Toronto, 2009"
            .into(),
    }
}

/// The four files of MNIST and its successors: training images and labels, test images and labels.
fn idx_files(sha256: [&str; 4]) -> Vec<FileEntry> {
    let parts = [
        ("train", "images", 3, 47_040_016),
        ("train", "labels", 1, 60_008),
        ("t10k", "images", 3, 7_840_016),
        ("t10k", "labels", 1, 10_008),
    ];
    parts
        .into_iter()
        .zip(sha256)
        .map(|((part, kind, dimensions, bytes), sha256)| {
            let spellings = spellings(part, kind, dimensions);
            FileEntry { name: spellings[1].clone(), spellings: spellings.to_vec(), bytes, sha256: sha256.into() }
        })
        .collect()
}
