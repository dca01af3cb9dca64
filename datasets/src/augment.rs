//! Random crop, flip and cutout of one image.

use serde::{Deserialize, Serialize};

use crate::random::{Purpose, below, generator};
use crate::{DatasetError, ImageShape};

/// ChaCha words set aside for one sample: one block.
const WORDS_PER_SAMPLE: u128 = 16;

/// What [`augment`] does to an image. The default does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Pixels added on each side before a window of the original size is cut out at random.
    pub padding: usize,
    /// Value of the added and of the cut out pixels.
    pub fill: u8,
    /// Whether to mirror left and right with probability one half.
    pub flip: bool,
    /// Side of a square that is blanked, its centre anywhere in the image (cutout, arXiv
    /// 1708.04552, section 3.2). 0 blanks nothing.
    pub cutout: usize,
}

impl Augmentation {
    /// Whether images pass unchanged.
    pub fn is_identity(&self) -> bool {
        self.padding == 0 && !self.flip && self.cutout == 0
    }
}

/// Writes a variant of `image`, `[height, width, channels]`, to `output` of the same length.
///
/// `output[y, x] = padded[y + dy, m(x) + dx]` with `dy`, `dx` uniform in `0..=2 * padding` and
/// `m` the identity or, when `flip` is set and a fair coin says so, `width - 1 - x`. A square
/// of side `cutout` around a uniform pixel of the output then becomes `fill`, as far as it lies
/// inside the image. The result is a pure function of the arguments, so it does not depend on batches or threads.
///
/// # Errors
/// [`DatasetError::Invalid`] when a length is not that of `shape`, or the padding or the cutout
/// exceeds the larger side of the image.
pub fn augment(
    image: &[u8],
    shape: ImageShape,
    augmentation: &Augmentation,
    seed: u64,
    epoch: u64,
    sample: usize,
    output: &mut [u8],
) -> Result<(), DatasetError> {
    for (field, found) in [("image", image.len()), ("output", output.len())] {
        if Some(found) != shape.checked_len() {
            return Err(DatasetError::parameter(
                "augmentation",
                field,
                format!("{}x{}x{} bytes", shape.height, shape.width, shape.channels),
                format!("{found} bytes"),
                "give slices of one image",
            ));
        }
    }
    let side = shape.height.max(shape.width);
    for (field, found, fix) in [
        ("padding", augmentation.padding, "choose a smaller padding; 4 is usual for 32x32 images"),
        ("cutout", augmentation.cutout, "choose a smaller square; 8 to 16 is usual for 32x32 images"),
    ] {
        if found > side {
            return Err(DatasetError::parameter("augmentation", field, format!("at most {side}"), found, fix));
        }
    }
    let (height, width, channels) = (shape.height, shape.width, shape.channels);
    let mut generator = generator(seed, Purpose::Augmentation, epoch);
    generator.set_word_pos(sample as u128 * WORDS_PER_SAMPLE);
    let window = 2 * augmentation.padding as u64 + 1;
    let shift_y = below(&mut generator, window) as usize;
    let shift_x = below(&mut generator, window) as usize;
    let mirrored = augmentation.flip && below(&mut generator, 2) == 1;
    for y in 0..height {
        let source_y = (y + shift_y).checked_sub(augmentation.padding);
        for x in 0..width {
            let column = if mirrored { width - 1 - x } else { x };
            let source_x = (column + shift_x).checked_sub(augmentation.padding);
            let target = (y * width + x) * channels;
            let target = &mut output[target..target + channels];
            match (source_y, source_x) {
                (Some(source_y), Some(source_x)) if source_y < height && source_x < width => {
                    let source = (source_y * width + source_x) * channels;
                    target.copy_from_slice(&image[source..source + channels]);
                }
                _ => target.fill(augmentation.fill),
            }
        }
    }
    if augmentation.cutout > 0 {
        let before = augmentation.cutout / 2;
        let mut range = |size: usize| {
            let centre = below(&mut generator, size as u64) as usize;
            centre.saturating_sub(before)..(centre + augmentation.cutout - before).min(size)
        };
        let (rows, columns) = (range(height), range(width));
        for y in rows {
            output[(y * width + columns.start) * channels..(y * width + columns.end) * channels]
                .fill(augmentation.fill);
        }
    }
    Ok(())
}
