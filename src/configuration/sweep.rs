//! A value of a device that several networks are trained for.

use compiler::CompilerError;
use compiler::learning::device::DeviceSpecification;
use serde::{Deserialize, Serialize};

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

    /// The device with this value.
    ///
    /// # Errors
    /// Those of the specification.
    pub fn apply(self, device: &DeviceSpecification, value: f64) -> Result<DeviceSpecification, CompilerError> {
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
    /// Refuses a value that is there twice, and no value at all.
    ///
    /// # Errors
    /// Text with the value.
    pub fn check(&self) -> Result<(), String> {
        let Self { what, values } = self;
        let mut places = values.iter().enumerate();
        match places.find(|&(place, value)| values[..place].contains(value)) {
            _ if values.is_empty() => Err(format!("sweep of {}: expected at least 1 value, found none", what.name())),
            Some((_, twice)) => {
                Err(format!("sweep of {}: expected different values, found {twice} twice", what.name()))
            }
            None => Ok(()),
        }
    }

    /// `WHAT=VALUE,VALUE,...`.
    ///
    /// # Errors
    /// Text that says what was expected.
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
        let sweep = Self { what, values };
        sweep.check()?;
        Ok(sweep)
    }
}
