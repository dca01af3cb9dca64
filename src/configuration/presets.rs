//! Recipes, embedded as the TOML files beside this one.

use datasets::Source;
use spikegrad::TrainingSettings;

use super::{Configuration, DataSection, NetworkSection};
use crate::CommandError;

/// A training run that the program knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// What to call it.
    pub name: &'static str,
    text: &'static str,
}

/// All recipes: those of the data sets, and further ones.
pub const RECIPES: [Recipe; 6] = [
    Recipe { name: "digits", text: include_str!("presets/digits.toml") },
    Recipe { name: "mnist", text: include_str!("presets/mnist.toml") },
    Recipe { name: "fashion-mnist", text: include_str!("presets/fashion-mnist.toml") },
    Recipe { name: "cifar10", text: include_str!("presets/cifar10.toml") },
    Recipe { name: "cifar10-evening", text: include_str!("presets/cifar10-evening.toml") },
    Recipe { name: "cifar10-crossbar", text: include_str!("presets/cifar10-crossbar.toml") },
];

impl Recipe {
    /// The recipe with a name; `None` for another text.
    pub fn named(name: &str) -> Option<Self> {
        RECIPES.into_iter().find(|recipe| recipe.name == name)
    }

    /// What it says.
    ///
    /// # Errors
    /// [`CommandError::Configuration`] when the embedded text does not fit this version.
    pub fn configuration(&self) -> Result<Configuration, CommandError> {
        Configuration::from_toml(self.text, &format!("recipe {}", self.name))
    }
}

/// The default settings for a source without a recipe; the topology is still to be chosen.
pub fn unnamed(source: Source) -> Configuration {
    Configuration {
        data: DataSection::new(source),
        network: NetworkSection::default(),
        training: TrainingSettings::default(),
        chip: None,
    }
}
