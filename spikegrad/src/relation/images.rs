//! Images that stand for classes.

use crate::error::SpikegradError;

/// Images of the classes of a variable, for training and for tests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageBank {
    /// Per class: images to train on, channels-last.
    pub train: Vec<Vec<Vec<u8>>>,
    /// Per class: images that training never sees.
    pub test: Vec<Vec<Vec<u8>>>,
}

impl ImageBank {
    /// Checks that every class has images of a length for both uses.
    ///
    /// # Errors
    /// [`SpikegradError::Samples`] naming variable and class.
    pub(super) fn check(&self, variable: &str, classes: usize, pixels: usize) -> Result<(), SpikegradError> {
        for (what, bank) in [("training", &self.train), ("test", &self.test)] {
            let wrong = |found: String| {
                let expected =
                    format!("{what} images of {pixels} pixels for each of {classes} classes of '{variable}'");
                Err(SpikegradError::Samples { expected, found })
            };
            if bank.len() != classes {
                return wrong(format!("{} classes", bank.len()));
            }
            for (class, images) in bank.iter().enumerate() {
                if images.is_empty() || images.len() > u32::MAX as usize {
                    return wrong(format!("{} images of class {class}", images.len()));
                }
                if let Some(image) = images.iter().find(|image| image.len() != pixels) {
                    return wrong(format!("an image of {} pixels in class {class}", image.len()));
                }
            }
        }
        Ok(())
    }

    /// Mean training image of each class.
    pub fn means(&self) -> Vec<Vec<f64>> {
        let mean = |images: &Vec<Vec<u8>>| {
            let mut mean = vec![0.0; images.first().map_or(0, Vec::len)];
            for image in images {
                mean.iter_mut().zip(image).for_each(|(sum, &pixel)| *sum += f64::from(pixel));
            }
            mean.iter_mut().for_each(|sum| *sum /= images.len().max(1) as f64);
            mean
        };
        self.train.iter().map(mean).collect()
    }
}
