//! MNIST and Fashion-MNIST: four IDX files in one folder, plain or compressed.
//!
//! Two paths lead to the samples, and every file is checked before either is taken: magic
//! number, dimensions, length against the header, label range, equal counts.
//!
//! - Four plain files of the official size (60,000 and 10,000) are read by the `mnist` crate,
//!   which reads these and panics on anything else.
//! - Compressed files, and plain ones of another length, are read by the IDX reader of this crate.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::idx::{self, Idx};
use crate::{Dataset, DatasetError, Holdout, ImageShape, Samples};

const SHAPE: ImageShape = ImageShape { height: 28, width: 28, channels: 1 };
const OFFICIAL_TRAIN: usize = 60_000;
const OFFICIAL_TEST: usize = 10_000;

/// Class names of MNIST.
pub(crate) const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Class names of Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf, 2017, table 1).
pub(crate) const CLOTHING: [&str; 10] =
    ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// The two files of one part of the data set.
struct Part {
    images: PathBuf,
    labels: PathBuf,
}

/// What the header check of one part has found.
struct Checked {
    images: Idx,
    labels: Vec<u8>,
    plain: bool,
}

/// Reads the data set `name` from its sub-folder of `data_dir`.
pub(crate) fn load(data_dir: &Path, name: &str, classes: [&str; 10]) -> Result<Dataset, DatasetError> {
    let folder = data_dir.join(name);
    let train = find(&folder, name, "train")?;
    let test = find(&folder, name, "t10k")?;
    let checked = [check(&train)?, check(&test)?];
    let official = checked.iter().all(|part| part.plain)
        && checked[0].labels.len() == OFFICIAL_TRAIN
        && checked[1].labels.len() == OFFICIAL_TEST;
    let (train, test) = match official.then(|| crate_paths(&folder, &train, &test)).flatten() {
        Some(paths) => by_crate(&folder, paths)?,
        None => {
            let [train, test] = checked;
            (own(train)?, own(test)?)
        }
    };
    Ok(Dataset {
        name: name.to_owned(),
        height: SHAPE.height,
        width: SHAPE.width,
        channels: SHAPE.channels,
        classes: classes.map(str::to_owned).to_vec(),
        train,
        test,
        pixel_maximum: u8::MAX,
        holdout: Holdout::Tail,
    })
}

/// The names under which a file of MNIST is found, the official one first.
pub(crate) fn spellings(part: &str, kind: &str, dimensions: usize) -> [String; 4] {
    [
        format!("{part}-{kind}-idx{dimensions}-ubyte"),
        format!("{part}-{kind}-idx{dimensions}-ubyte.gz"),
        format!("{part}-{kind}.idx{dimensions}-ubyte"),
        format!("{part}-{kind}.idx{dimensions}-ubyte.gz"),
    ]
}

fn find(folder: &Path, name: &str, part: &str) -> Result<Part, DatasetError> {
    let one = |kind: &str, dimensions: usize| {
        let tried: Vec<PathBuf> = spellings(part, kind, dimensions).iter().map(|file| folder.join(file)).collect();
        match tried.iter().find(|path| path.exists()) {
            Some(path) => Ok(path.clone()),
            None => Err(DatasetError::NotFound {
                what: format!("the {part} {kind} of {name}"),
                tried,
                remedy: format!("run `sterna data fetch {name}`, or name the data folder with --data-dir"),
            }),
        }
    };
    Ok(Part { images: one("images", 3)?, labels: one("labels", 1)? })
}

fn check(part: &Part) -> Result<Checked, DatasetError> {
    let labels = idx::read_labels(&part.labels, 10)?;
    let plain_labels = Idx::open(&part.labels, &[])?.plain;
    let images = Idx::open(&part.images, &[SHAPE.height, SHAPE.width])?;
    if images.count != labels.len() {
        return Err(DatasetError::invalid(
            &part.images,
            "number of images",
            format!("{}, as many as labels in {}", labels.len(), part.labels.display()),
            images.count,
            "replace both files; `sterna data fetch` downloads the official ones",
        ));
    }
    Ok(Checked { plain: plain_labels && images.plain, images, labels })
}

fn own(part: Checked) -> Result<Samples, DatasetError> {
    Samples::new(SHAPE, part.images.read_all()?, part.labels)
}

/// Folder and the four file names as text; `None` when a path is not UTF-8, which the `mnist`
/// crate cannot take.
fn crate_paths(folder: &Path, train: &Part, test: &Part) -> Option<[String; 5]> {
    let file = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
    Some([
        folder.to_str()?.to_owned(),
        file(&train.images)?,
        file(&train.labels)?,
        file(&test.images)?,
        file(&test.labels)?,
    ])
}

/// Reads four plain files of the official size, checked before, with the `mnist` crate.
///
/// A file that another process changes after the check makes the crate panic or return fewer
/// bytes; both become an error here.
fn by_crate(folder: &Path, paths: [String; 5]) -> Result<(Samples, Samples), DatasetError> {
    let changed = |found: &str| {
        DatasetError::invalid(
            folder,
            "files",
            "four IDX files that stay as they are while they are read",
            found,
            "wait until nothing writes to the folder, then try again",
        )
    };
    let read = catch_unwind(AssertUnwindSafe(|| {
        mnist::MnistBuilder::new()
            .label_format_digit()
            .base_path(&paths[0])
            .training_images_filename(&paths[1])
            .training_labels_filename(&paths[2])
            .test_images_filename(&paths[3])
            .test_labels_filename(&paths[4])
            .training_set_length(OFFICIAL_TRAIN as u32)
            .validation_set_length(0)
            .test_set_length(OFFICIAL_TEST as u32)
            .finalize()
    }))
    .map_err(|_| changed("a file that changed"))?;
    idx::check_labels(folder, &read.trn_lbl, 10)?;
    idx::check_labels(folder, &read.tst_lbl, 10)?;
    if read.trn_lbl.len() != OFFICIAL_TRAIN || read.tst_lbl.len() != OFFICIAL_TEST {
        return Err(changed("another number of labels"));
    }
    Ok((Samples::new(SHAPE, read.trn_img, read.trn_lbl)?, Samples::new(SHAPE, read.tst_img, read.tst_lbl)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_crate_becomes_an_error() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let text = folder.path().to_str().expect("UTF-8").to_owned();
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        let [images, labels, test_images, test_labels] = names;
        let paths = [text.clone(), images, labels, test_images, test_labels];
        let error = by_crate(folder.path(), paths).expect_err("no files");
        assert!(error.to_string().contains(&text), "{error}");
    }
}
