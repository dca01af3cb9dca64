//! Devices that are known by name, embedded as the TOML files beside this one.

use super::DeviceSpecification;
use crate::CompilerError;

/// A device that is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What to call it.
    pub name: &'static str,
    text: &'static str,
}

macro_rules! preset {
    ($name:literal) => {
        Preset { name: $name, text: include_str!(concat!("presets/", $name, ".toml")) }
    };
}

/// All presets.
pub const PRESETS: [Preset; 12] = [
    preset!("ideal"),
    preset!("idealized"),
    preset!("gokmen-vlasov"),
    preset!("capacitor"),
    preset!("ecram"),
    preset!("ecram-mo"),
    preset!("reram-sb"),
    preset!("reram-es"),
    preset!("reram-array-om"),
    preset!("pcm"),
    preset!("mosfet"),
    preset!("domain-wall"),
];

impl Preset {
    /// The preset with a name; `None` for another text.
    pub fn named(name: &str) -> Option<Self> {
        PRESETS.into_iter().find(|preset| preset.name == name)
    }

    /// What it says.
    ///
    /// # Errors
    /// Those of [`DeviceSpecification::parse`] when the embedded text does not fit this version.
    pub fn specification(&self) -> Result<DeviceSpecification, CompilerError> {
        DeviceSpecification::parse(self.text, self.name)
    }
}

/// Names of all presets, separated by commas.
pub fn names() -> String {
    PRESETS.map(|preset| preset.name).join(", ")
}

impl DeviceSpecification {
    /// The preset with a name.
    ///
    /// # Errors
    /// [`CompilerError::Device`] naming the presets when there is none of this name.
    pub fn preset(name: &str) -> Result<Self, CompilerError> {
        let preset = Preset::named(name).ok_or_else(|| CompilerError::Device {
            place: name.to_owned(),
            field: "name".to_owned(),
            expected: format!("a preset ({})", names()),
            found: format!("{name:?}"),
            remedy: "choose a preset, or give the path of a TOML file".to_owned(),
        })?;
        preset.specification()
    }
}
