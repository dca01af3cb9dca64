//! The embedded optical digits.
//!
//! Optical Recognition of Handwritten Digits, by E. Alpaydin and C. Kaynak, UCI Machine
//! Learning Repository, 1998, <https://doi.org/10.24432/C50P49>, licensed under CC BY 4.0. The
//! 1,797 images are its test part, as scikit-learn packages them.

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use super::mnist_files::DIGITS;
use crate::{Dataset, DatasetError, Holdout, ImageShape, Samples};

const EMBEDDED: &[u8] = include_bytes!("../../assets/digits.csv.gz");
const SHAPE: ImageShape = ImageShape { height: 8, width: 8, channels: 1 };
const PIXELS: usize = 64;
const PIXEL_MAXIMUM: u8 = 16;
/// Largest size of the unpacked text in bytes.
const MAXIMUM_TEXT: u64 = 1 << 20;

/// Reads the embedded digits: all 1,797 as training samples, in file order.
pub(crate) fn load() -> Result<Dataset, DatasetError> {
    let mut text = String::new();
    GzDecoder::new(EMBEDDED)
        .take(MAXIMUM_TEXT)
        .read_to_string(&mut text)
        .map_err(|error| DatasetError::read(Path::new("digits (embedded)"), error))?;
    let (pixels, labels) = parse(&text)?;
    let empty = Samples::new(SHAPE, Vec::new(), Vec::new())?;
    Ok(Dataset {
        name: "digits".to_owned(),
        height: SHAPE.height,
        width: SHAPE.width,
        channels: SHAPE.channels,
        classes: DIGITS.map(str::to_owned).to_vec(),
        train: Samples::new(SHAPE, pixels, labels)?,
        test: empty,
        pixel_maximum: PIXEL_MAXIMUM,
        holdout: Holdout::Stratified,
    })
}

/// Pixels and labels of lines of 64 values and a label, separated by commas.
fn parse(text: &str) -> Result<(Vec<u8>, Vec<u8>), DatasetError> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let wrong = |expected: String, found: String| {
            DatasetError::parameter(
                "digits (embedded)",
                &format!("line {}", index + 1),
                expected,
                found,
                "build the program again from unchanged sources",
            )
        };
        let values: Result<Vec<u8>, _> = line.split(',').map(str::parse).collect();
        let values = values.map_err(|error| wrong("numbers".into(), error.to_string()))?;
        let (Some((&label, image)), true) = (values.split_last(), values.len() == PIXELS + 1) else {
            let found = format!("{} values", values.len());
            return Err(wrong(format!("{} values", PIXELS + 1), found));
        };
        if label > 9 || image.iter().any(|&value| value > PIXEL_MAXIMUM) {
            let expected = format!("pixels up to {PIXEL_MAXIMUM}, label up to 9");
            return Err(wrong(expected, line.to_owned()));
        }
        pixels.extend_from_slice(image);
        labels.push(label);
    }
    Ok((pixels, labels))
}
