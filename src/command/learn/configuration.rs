//! What a run of the delta rule does, as a TOML file that says all of it.

use anyhow::Context as _;
use compiler::learning::array::ArraySettings;
use compiler::learning::device::DeviceSpecification;
use compiler::learning::perceptron::PerceptronSettings;
use serde::{Deserialize, Serialize};

use crate::CommandError;
use crate::configuration::Sweep;

/// A run of the delta rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaConfiguration {
    /// `iris`, a data set of images or a table FILE.csv.
    pub data: String,
    /// Share of a table's samples of each class that are held out for the test.
    pub test_share: f64,
    /// Number of seeds, from that of `training` on.
    pub seeds: u32,
    /// Values of the device that are trained for one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// The delta rule.
    pub training: PerceptronSettings,
    /// The array.
    pub array: ArraySettings,
    /// The device.
    pub device: DeviceSpecification,
}

impl DeltaConfiguration {
    /// Reads TOML text; `place` is the file that errors name.
    ///
    /// # Errors
    /// [`CommandError::Configuration`] for what is no such text, and those of its parts.
    pub fn from_toml(text: &str, place: &str) -> anyhow::Result<Self> {
        let configuration: Self = toml::from_str(text).map_err(|error| CommandError::Configuration {
            place: place.to_owned(),
            line: error.span().map(|span| 1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count()),
            problem: error.message().replace('\n', "; "),
        })?;
        configuration.check(place)?;
        Ok(configuration)
    }

    /// Refuses values out of range.
    ///
    /// # Errors
    /// [`CommandError::Configuration`] naming the field.
    pub fn check(&self, place: &str) -> anyhow::Result<()> {
        self.device.check(place)?;
        self.array.check(place)?;
        self.array.check_device(&self.device)?;
        self.training.check()?;
        let wrong = |problem: String| CommandError::Configuration { place: place.to_owned(), line: None, problem };
        if !(self.test_share > 0.0 && self.test_share < 1.0) {
            let problem = format!("test_share: expected a share above 0 and below 1, found {}", self.test_share);
            return Err(wrong(problem).into());
        }
        if self.array.read.error.is_some() {
            let problem = "array.read.error: expected none, for no errors cross the array of a delta rule; remove it";
            return Err(wrong(problem.to_owned()).into());
        }
        self.sweep.as_ref().map_or(Ok(()), Sweep::check).map_err(wrong)?;
        for &value in self.sweep.iter().flat_map(|sweep| &sweep.values) {
            self.device_at(Some(value))?;
        }
        Ok(())
    }

    /// The device at a value of the sweep.
    ///
    /// # Errors
    /// Those of the specification.
    pub fn device_at(&self, value: Option<f64>) -> anyhow::Result<DeviceSpecification> {
        match (&self.sweep, value) {
            (Some(sweep), Some(value)) => Ok(sweep.what.apply(&self.device, value)?),
            _ => Ok(self.device.clone()),
        }
    }

    /// The configuration as TOML text.
    ///
    /// # Errors
    /// When a number exceeds what TOML can hold.
    pub fn to_toml(&self) -> anyhow::Result<String> {
        toml::to_string(self).context("cannot express the configuration as TOML")
    }
}
