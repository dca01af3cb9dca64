//! A folder of PNG images, one sub-folder a class.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::codecs::png::PngDecoder;
use image::{ColorType, ImageDecoder};

use crate::{Dataset, DatasetError, Holdout, ImageShape, Samples};

/// Longest side of an image in pixels.
const MAXIMUM_SIDE: u32 = 4096;
/// Largest sum of all images in bytes.
const MAXIMUM_TOTAL: usize = 2 << 30;
/// Labels are bytes.
const MAXIMUM_CLASSES: usize = 256;

/// Reads the images of `root`, or of its sub-folders `train` and `test` where there is `train`.
/// Classes are the names of the sub-folders, sorted. Names that start with a dot are passed over.
pub(crate) fn load(root: &Path, name: &str) -> Result<Dataset, DatasetError> {
    if !root.is_dir() {
        return Err(DatasetError::NotFound {
            what: "the folder of images".to_owned(),
            tried: vec![root.to_path_buf()],
            remedy: "give a folder that holds one folder of PNG images for each class".to_owned(),
        });
    }
    let (train_root, test_root) = match (root.join("train"), root.join("test")) {
        (train, test) if train.is_dir() => (train, test.is_dir().then_some(test)),
        _ => (root.to_path_buf(), None),
    };
    let mut names: BTreeSet<String> = class_folders(&train_root)?;
    if let Some(test_root) = &test_root {
        names.extend(class_folders(test_root)?);
    }
    let classes: Vec<String> = names.into_iter().collect();
    if classes.is_empty() || classes.len() > MAXIMUM_CLASSES {
        return Err(DatasetError::invalid(
            &train_root,
            "number of classes",
            format!("1 to {MAXIMUM_CLASSES} folders"),
            format!("{} folders", classes.len()),
            "put the images of each class into a folder of its own",
        ));
    }
    let mut reader = Reader::default();
    let train = reader.part(&train_root, &classes)?;
    let test = match &test_root {
        Some(test_root) => reader.part(test_root, &classes)?,
        None => (Vec::new(), Vec::new()),
    };
    let (Some((shape, _)), false) = (reader.first, train.1.is_empty()) else {
        return Err(DatasetError::invalid(
            &train_root,
            "number of images",
            "at least one PNG image",
            "none",
            "put the images of each class into a folder of its own",
        ));
    };
    Ok(Dataset {
        name: name.to_owned(),
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        classes,
        train: Samples::new(shape, train.0, train.1)?,
        test: Samples::new(shape, test.0, test.1)?,
        pixel_maximum: u8::MAX,
        holdout: Holdout::Stratified,
    })
}

/// Entries of a folder whose names do not start with a dot, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let fail = |error| DatasetError::read(folder, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn class_folders(root: &Path) -> Result<BTreeSet<String>, DatasetError> {
    let mut names = BTreeSet::new();
    for path in entries(root)?.iter().filter(|path| path.is_dir()) {
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) => names.insert(name.to_owned()),
            None => {
                return Err(DatasetError::invalid(
                    path,
                    "class name",
                    "UTF-8 text",
                    "other bytes",
                    "rename the folder",
                ));
            }
        };
    }
    Ok(names)
}

/// Pixels and labels of one part.
type Part = (Vec<u8>, Vec<u8>);

/// Size and colour mode of the first image, which all others must share, and the bytes so far.
#[derive(Default)]
struct Reader {
    first: Option<(ImageShape, PathBuf)>,
    total: usize,
}

impl Reader {
    fn part(&mut self, root: &Path, classes: &[String]) -> Result<Part, DatasetError> {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for (label, class) in classes.iter().enumerate() {
            let folder = root.join(class);
            if !folder.is_dir() {
                continue;
            }
            for path in entries(&folder)? {
                self.image(&path, &mut pixels)?;
                // At most 256 classes exist.
                labels.push(label as u8);
            }
        }
        Ok((pixels, labels))
    }

    /// Appends the pixels of one image.
    fn image(&mut self, path: &Path, pixels: &mut Vec<u8>) -> Result<(), DatasetError> {
        let unreadable = |found: String| {
            DatasetError::invalid(
                path,
                "image",
                "a readable PNG file",
                found,
                "convert the image to PNG, or move it out of the folder",
            )
        };
        let file = File::open(path).map_err(|error| DatasetError::read(path, error))?;
        let mut decoder = PngDecoder::new(BufReader::new(file)).map_err(|error| unreadable(error.to_string()))?;
        let channels = match decoder.color_type() {
            ColorType::L8 => 1,
            ColorType::Rgb8 => 3,
            other => {
                return Err(DatasetError::invalid(
                    path,
                    "colour mode",
                    "8-bit greyscale or 8-bit red, green, blue",
                    format!("{other:?}"),
                    "convert all images to one of these modes",
                ));
            }
        };
        let (width, height) = decoder.dimensions();
        if width > MAXIMUM_SIDE || height > MAXIMUM_SIDE {
            return Err(DatasetError::invalid(
                path,
                "size",
                format!("sides up to {MAXIMUM_SIDE} pixels"),
                format!("{width}x{height}"),
                "scale the images down",
            ));
        }
        let shape = ImageShape { height: height as usize, width: width as usize, channels };
        self.agree(path, shape)?;
        let len = shape.height * shape.width * shape.channels;
        self.total = self.total.saturating_add(len);
        if self.total > MAXIMUM_TOTAL {
            return Err(DatasetError::invalid(
                path,
                "sum of all images",
                format!("up to {MAXIMUM_TOTAL} bytes"),
                "more",
                "use smaller or fewer images",
            ));
        }
        let mut limits = image::Limits::default();
        limits.max_alloc = Some(4 * len as u64 + (1 << 20));
        decoder.set_limits(limits).map_err(|error| unreadable(error.to_string()))?;
        let mut image = vec![0; len];
        if decoder.total_bytes() != len as u64 {
            return Err(unreadable(format!("{} bytes", decoder.total_bytes())));
        }
        decoder.read_image(&mut image).map_err(|error| unreadable(error.to_string()))?;
        pixels.extend_from_slice(&image);
        Ok(())
    }

    fn agree(&mut self, path: &Path, shape: ImageShape) -> Result<(), DatasetError> {
        let text = |s: ImageShape| format!("{}x{}, {} channels", s.width, s.height, s.channels);
        match &self.first {
            None => {
                self.first = Some((shape, path.to_path_buf()));
                Ok(())
            }
            Some((first, _)) if *first == shape => Ok(()),
            Some((first, first_path)) => Err(DatasetError::invalid(
                path,
                "size and colour mode",
                format!("{}, as {}", text(*first), first_path.display()),
                text(shape),
                "bring all images to one size and colour mode",
            )),
        }
    }
}
