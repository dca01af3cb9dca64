//! The `[data]` section.

use datasets::{Augmentation, Source, SplitOptions};
use serde::{Deserialize, Serialize};

/// Which samples to train, choose and test on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// The data set: a name, or `folder:PATH`.
    pub source: Source,
    /// Validation samples; the data set's own number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<usize>,
    /// Test samples of a data set without a test part; a third when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<usize>,
    /// Seed of the division where it is drawn; the same for runs with different training seeds,
    /// so that no test sample of one is a training sample of another.
    #[serde(default)]
    pub split_seed: u64,
    /// Whether inputs are the pixels minus half of their range: an input population with negative
    /// counts.
    #[serde(default)]
    pub centre: bool,
    /// Variation of training images.
    #[serde(default)]
    pub augmentation: Augmentation,
}

impl DataSection {
    /// The section for a source with nothing else said.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            validation: None,
            test: None,
            split_seed: 0,
            centre: false,
            augmentation: Augmentation::default(),
        }
    }

    /// How to divide the data set.
    pub fn split_options(&self) -> SplitOptions {
        SplitOptions { validation: self.validation, test: self.test, seed: self.split_seed }
    }
}
