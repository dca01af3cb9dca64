//! Recipes for the named data sets, embedded as the TOML files beside this one.

use datasets::Source;
use spikegrad::TrainingSettings;

use super::{Configuration, DataSection, NetworkSection};
use crate::CommandError;

/// The recipe of a named data set; `None` for a folder of images.
pub fn preset(source: &Source) -> Option<Result<Configuration, CommandError>> {
    let text = match source {
        Source::Digits => include_str!("presets/digits.toml"),
        Source::Mnist => include_str!("presets/mnist.toml"),
        Source::FashionMnist => include_str!("presets/fashion-mnist.toml"),
        Source::Cifar10 => include_str!("presets/cifar10.toml"),
        Source::Folder(_) => return None,
    };
    Some(Configuration::from_toml(text, &format!("recipe of {source}")))
}

/// The default settings for a source without a recipe; the topology is still to be chosen.
pub fn unnamed(source: Source) -> Configuration {
    Configuration {
        data: DataSection::new(source),
        network: NetworkSection::default(),
        training: TrainingSettings::default(),
    }
}
