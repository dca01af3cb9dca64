//! Recipes, embedded as the TOML files beside this one.

use datasets::Source;
use spikegrad::TrainingSettings;

use super::{Configuration, DataSection, NetworkSection};
use crate::CommandError;

/// Names of all recipes: those of the data sets, and further ones.
pub const RECIPES: [&str; 5] = ["digits", "mnist", "fashion-mnist", "cifar10", "cifar10-evening"];

/// The recipe with a name; `None` for another text.
pub fn recipe(name: &str) -> Option<Result<Configuration, CommandError>> {
    let text = match name {
        "digits" => include_str!("presets/digits.toml"),
        "mnist" => include_str!("presets/mnist.toml"),
        "fashion-mnist" => include_str!("presets/fashion-mnist.toml"),
        "cifar10" => include_str!("presets/cifar10.toml"),
        "cifar10-evening" => include_str!("presets/cifar10-evening.toml"),
        _ => return None,
    };
    Some(Configuration::from_toml(text, &format!("recipe {name}")))
}

/// The default settings for a source without a recipe; the topology is still to be chosen.
pub fn unnamed(source: Source) -> Configuration {
    Configuration {
        data: DataSection::new(source),
        network: NetworkSection::default(),
        training: TrainingSettings::default(),
    }
}
