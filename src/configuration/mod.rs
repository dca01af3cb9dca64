//! What a training run does, as a TOML file that says all of it.

mod chip;
mod data;
mod network;
mod overrides;
mod presets;
mod sweep;

pub use chip::ChipSection;
pub use data::DataSection;
pub use network::NetworkSection;
pub use overrides::{
    AugmentationChoice, DropoutChoice, GradientChoice, Overrides, ScheduleChoice, WeightsChoice, above_zero, alpha,
    augmentation,
};
pub use presets::{RECIPES, Recipe, unnamed};
pub use sweep::{Sweep, Swept};

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use snn::{Network, NetworkDescription};
use spikegrad::TrainingSettings;

use crate::CommandError;
use crate::samples::ImageFormat;

/// A whole training run. With the data set's files and this version of the program it determines
/// the trained weights bit by bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Which samples.
    pub data: DataSection,
    /// Which network.
    pub network: NetworkSection,
    /// How to train it.
    #[serde(default)]
    pub training: TrainingSettings,
    /// Projections whose weights are states of devices; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip: Option<ChipSection>,
}

impl Configuration {
    /// Reads a configuration from TOML text; `place` is the file named in errors.
    ///
    /// # Errors
    /// [`CommandError::Configuration`] with the line of an unknown key, a value of the wrong type
    /// or out of range, or a network that is given twice or not at all.
    pub fn from_toml(text: &str, place: &str) -> Result<Self, CommandError> {
        let configuration: Self = toml::from_str(text).map_err(|error| CommandError::Configuration {
            place: place.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            problem: error.message().replace('\n', "; "),
        })?;
        configuration.check(place)?;
        Ok(configuration)
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// When the file cannot be read, and those of [`Configuration::from_toml`].
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        /// A configuration is text written by hand; nothing near this size is one.
        const LARGEST: u64 = 16 << 20;
        let place = path.display().to_string();
        let size = std::fs::metadata(path).with_context(|| format!("cannot read {place}"))?.len();
        if size > LARGEST {
            let problem = format!("expected a TOML file of at most {LARGEST} bytes, found {size} bytes");
            return Err(CommandError::Configuration { place, line: None, problem }.into());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
        Ok(Self::from_toml(&text, &place)?)
    }

    /// The configuration as TOML text, every key with its value.
    ///
    /// # Errors
    /// When a number exceeds what TOML can hold.
    pub fn to_toml(&self) -> anyhow::Result<String> {
        toml::to_string(self).context("cannot express the configuration as TOML")
    }

    /// Checks every range; `place` is the file named in errors.
    ///
    /// # Errors
    /// [`CommandError::Configuration`] naming the first value that is out of range.
    pub fn check(&self, place: &str) -> Result<(), CommandError> {
        let wrong = |problem: String| CommandError::Configuration { place: place.to_owned(), line: None, problem };
        self.training.check().map_err(|error| wrong(format!("[training] {error}")))?;
        self.network.check().map_err(|problem| wrong(format!("[network] {problem}")))?;
        let chip = self.chip.as_ref().map_or(Ok(()), |chip| chip.check("[chip]"));
        chip.map_err(wrong)
    }

    /// The network for images of a format.
    ///
    /// # Errors
    /// [`snn::SnnError`] naming the part of the topology or the population that does not fit.
    pub fn describe(&self, format: &ImageFormat) -> anyhow::Result<NetworkDescription> {
        self.network.describe(format, self.data.centre)
    }

    /// Builds the network for images of a format, with zero weights.
    ///
    /// # Errors
    /// As [`Configuration::describe`].
    pub fn build(&self, format: &ImageFormat) -> anyhow::Result<Network> {
        Ok(Network::build(&self.describe(format)?)?)
    }
}

/// The first key, as `section.key`, whose value differs, with both values.
pub fn first_difference(old: &Configuration, new: &Configuration) -> Option<(String, String, String)> {
    let table = |configuration: &Configuration| toml::Table::try_from(configuration).unwrap_or_default();
    differs("", &toml::Value::Table(table(old)), &toml::Value::Table(table(new)))
}

fn differs(key: &str, old: &toml::Value, new: &toml::Value) -> Option<(String, String, String)> {
    if let (Some(before), Some(after)) = (old.as_table(), new.as_table()) {
        let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
        return keys.into_iter().find_map(|inner| {
            let name = if key.is_empty() { inner.clone() } else { format!("{key}.{inner}") };
            let absent = toml::Value::String("nothing".to_owned());
            differs(&name, before.get(inner).unwrap_or(&absent), after.get(inner).unwrap_or(&absent))
        });
    }
    (old != new).then(|| (key.to_owned(), old.to_string(), new.to_string()))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_round_trip_keeps_every_recipe() {
        for recipe in RECIPES {
            let configuration = recipe.configuration().expect("valid");
            let text = configuration.to_toml().expect("expressible");
            assert_eq!(Configuration::from_toml(&text, "test").expect("readable"), configuration, "{text}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text = "[data]\nsource = \"digits\"\n[network]\ntopology = \"64-10\"\n[training]\nalhpa = 3\n";
        let message = Configuration::from_toml(text, "run.toml").expect_err("unknown key").to_string();
        assert!(message.contains("run.toml, line 6") && message.contains("alhpa"), "{message}");
    }

    #[test]
    fn the_first_difference_is_named() {
        let old = RECIPES[0].configuration().expect("valid");
        let mut new = old.clone();
        assert_eq!(first_difference(&old, &new), None);
        new.training.alpha = 17.0;
        let (key, _, found) = first_difference(&old, &new).expect("a difference");
        assert_eq!((key.as_str(), found.as_str()), ("training.alpha", "17.0"));
    }
}
