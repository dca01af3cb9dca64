//! What a run of the delta rule does, as a TOML file that says all of it.

use anyhow::Context as _;
use compiler::learning::array::ArraySettings;
use compiler::learning::device::DeviceSpecification;
use compiler::learning::perceptron::PerceptronSettings;
use serde::{Deserialize, Serialize};

use crate::CommandError;

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
        if !(self.test_share > 0.0 && self.test_share < 1.0) {
            let problem = format!("test_share: expected a share above 0 and below 1, found {}", self.test_share);
            return Err(CommandError::Configuration { place: place.to_owned(), line: None, problem }.into());
        }
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
            (Some(sweep), Some(value)) => sweep.what.apply(&self.device, value),
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

/// Values of a device, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Which value.
    pub what: Swept,
    /// Its values.
    pub values: Vec<f64>,
}

/// A value of a device that can be swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Swept {
    /// Evenly spaced states between the bounds.
    Levels,
    /// How much weaker steps downwards are.
    Asymmetry,
    /// Spread of steps from device to device.
    DeviceSpread,
    /// Spread of steps from pulse to pulse.
    CycleSpread,
}

impl Swept {
    /// Its name in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Levels => "levels",
            Self::Asymmetry => "asymmetry",
            Self::DeviceSpread => "device-spread",
            Self::CycleSpread => "cycle-spread",
        }
    }

    fn apply(self, device: &DeviceSpecification, value: f64) -> anyhow::Result<DeviceSpecification> {
        let mut device = device.clone();
        match self {
            Self::Levels => device = device.with_levels(value as u32)?,
            Self::Asymmetry => device.step.asymmetry = value,
            Self::DeviceSpread => device.step.device_spread = value,
            Self::CycleSpread => device.step.cycle_spread = value,
        }
        device.check(&format!("sweep of {} at {value}", self.name()))?;
        Ok(device)
    }
}

impl Sweep {
    /// `WHAT=VALUE,VALUE,...`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fail = || {
            format!(
                "expected levels, asymmetry, device-spread or cycle-spread with values, as levels=4,16,64; found {text}"
            )
        };
        let (what, values) = text.split_once('=').ok_or_else(fail)?;
        let all = [Swept::Levels, Swept::Asymmetry, Swept::DeviceSpread, Swept::CycleSpread];
        let what = all.into_iter().find(|swept| swept.name() == what).ok_or_else(fail)?;
        let number = |text: &str| text.trim().parse().ok().filter(|value: &f64| value.is_finite());
        let values: Option<Vec<f64>> = values.split(',').map(number).collect();
        let values = values.filter(|values| !values.is_empty() && values.len() <= 1000).ok_or_else(fail)?;
        let is_count = |value: &f64| value.fract() == 0.0 && (2.0..=1e6).contains(value);
        if what == Swept::Levels && !values.iter().all(is_count) {
            return Err(format!("expected whole numbers of levels, 2 to 1000000, found {text}"));
        }
        Ok(Self { what, values })
    }
}
