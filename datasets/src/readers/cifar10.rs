//! CIFAR-10 in its binary version: records of one label byte and 3,072 bytes of colour planes
//! (A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{Dataset, DatasetError, Holdout, ImageShape, Samples};

const SHAPE: ImageShape = ImageShape { height: 32, width: 32, channels: 3 };
const PLANE: usize = 32 * 32;
const IMAGE: usize = 3 * PLANE;
const RECORD: usize = 1 + IMAGE;
const CLASSES: usize = 10;
/// Largest number of records of one batch; the official ones hold 10,000.
const MAXIMUM_RECORDS: u64 = 100_000;
/// Largest size of the file of class names in bytes.
const MAXIMUM_NAMES: u64 = 4096;

/// The ten classes, in label order.
const CLASS_NAMES: [&str; CLASSES] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Reads CIFAR-10 from its sub-folder of `data_dir`.
pub(crate) fn load(data_dir: &Path) -> Result<Dataset, DatasetError> {
    let folder = data_dir.join("cifar-10-batches-bin");
    let mut train = (Vec::new(), Vec::new());
    for batch in 1..=5 {
        read_batch(&find(&folder, &format!("data_batch_{batch}.bin"))?, &mut train)?;
    }
    let mut test = (Vec::new(), Vec::new());
    read_batch(&find(&folder, "test_batch.bin")?, &mut test)?;
    Ok(Dataset {
        name: "cifar10".to_owned(),
        height: SHAPE.height,
        width: SHAPE.width,
        channels: SHAPE.channels,
        classes: class_names(&folder.join("batches.meta.txt"))?,
        train: Samples::new(SHAPE, train.0, train.1)?,
        test: Samples::new(SHAPE, test.0, test.1)?,
        pixel_maximum: u8::MAX,
        holdout: Holdout::Tail,
    })
}

fn find(folder: &Path, file: &str) -> Result<PathBuf, DatasetError> {
    let path = folder.join(file);
    if path.exists() {
        return Ok(path);
    }
    Err(DatasetError::NotFound {
        what: format!("{file} of cifar10"),
        tried: vec![path],
        remedy: "run `sterna data fetch cifar10`, or name the data folder with --data-dir".to_owned(),
    })
}

/// Appends the pixels, channels last, and the labels of one batch.
fn read_batch(path: &Path, batch: &mut (Vec<u8>, Vec<u8>)) -> Result<(), DatasetError> {
    let fail = |error| DatasetError::read(path, error);
    let file = File::open(path).map_err(fail)?;
    let len = file.metadata().map_err(fail)?.len();
    let wrong_length = |found: u64| {
        DatasetError::invalid(
            path,
            "length",
            format!("a multiple of {RECORD} bytes, up to {MAXIMUM_RECORDS} records"),
            format!("{found} bytes"),
            "replace the file; `sterna data fetch cifar10` downloads the official ones",
        )
    };
    if len == 0 || !len.is_multiple_of(RECORD as u64) || len / RECORD as u64 > MAXIMUM_RECORDS {
        return Err(wrong_length(len));
    }
    let mut bytes = Vec::with_capacity(len as usize + 1);
    file.take(len + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 != len {
        return Err(wrong_length(bytes.len() as u64));
    }
    let (pixels, labels) = batch;
    pixels.reserve_exact(bytes.len() / RECORD * IMAGE);
    for (index, record) in bytes.chunks_exact(RECORD).enumerate() {
        let label = record[0];
        if usize::from(label) >= CLASSES {
            return Err(DatasetError::invalid(
                path,
                format!("label {index}"),
                format!("0 to {}", CLASSES - 1),
                label,
                "replace the file; `sterna data fetch cifar10` downloads the official ones",
            ));
        }
        labels.push(label);
        for position in 1..=PLANE {
            pixels.extend([0, PLANE, 2 * PLANE].map(|plane| record[plane + position]));
        }
    }
    Ok(())
}

/// The names in `batches.meta.txt`, one a line, or the built-in ones when there is no such file.
fn class_names(path: &Path) -> Result<Vec<String>, DatasetError> {
    if !path.exists() {
        return Ok(CLASS_NAMES.map(str::to_owned).to_vec());
    }
    let fail = |error| DatasetError::read(path, error);
    let mut text = Vec::new();
    File::open(path).map_err(fail)?.take(MAXIMUM_NAMES).read_to_end(&mut text).map_err(fail)?;
    let names: Vec<String> = String::from_utf8_lossy(&text)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    if names.len() != CLASSES {
        return Err(DatasetError::invalid(
            path,
            "class names",
            format!("{CLASSES} lines"),
            format!("{} lines", names.len()),
            "replace or remove the file; the names are built in",
        ));
    }
    Ok(names)
}
