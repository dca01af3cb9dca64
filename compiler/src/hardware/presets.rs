//! Chips that are known by name, embedded as the TOML files beside this one.
//!
//! A preset is the file of its name and the components of its cost, one file each under
//! `presets/cost`; presets that share a component share its file.

use super::HardwareSpecification;
use crate::CompilerError;

/// A chip that is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What to call it.
    pub name: &'static str,
    text: &'static str,
}

/// Joins the file of a preset and the files of its cost components.
macro_rules! preset {
    ($name:literal, $($cost:literal),+) => {
        Preset {
            name: $name,
            text: concat!(
                include_str!(concat!("presets/", $name, ".toml"))
                $(, "\n", include_str!(concat!("presets/cost/", $cost, ".toml")))+
            ),
        }
    };
}

/// All presets.
pub const PRESETS: [Preset; 17] = [
    preset!("adcless-rram-32", "rram-sign", "rram-32-sign", "sense-amplifier", "absorbed-scale-factor"),
    preset!("adcless-rram-64", "rram-sign", "rram-64-sign", "sense-amplifier", "absorbed-scale-factor"),
    preset!("adcless-rram-128", "rram-sign", "rram-128-sign", "sense-amplifier", "absorbed-scale-factor"),
    preset!("adc5-rram-32", "rram-5-bit", "rram-32-5-bit", "multilevel-5-bit", "no-scale-factor"),
    preset!("adc5-rram-64", "rram-5-bit", "rram-64-5-bit", "multilevel-5-bit", "no-scale-factor"),
    preset!("adc5-rram-128", "rram-5-bit", "rram-128-5-bit", "multilevel-5-bit", "no-scale-factor"),
    preset!("hcim-a-ternary", "puma", "sram-128", "comparator-ternary", "dcim-a"),
    preset!("hcim-a-binary", "puma", "sram-128", "comparator-binary", "dcim-a"),
    preset!("hcim-b-ternary", "puma", "sram-64", "comparator-ternary", "dcim-b"),
    preset!("hcim-b-binary", "puma", "sram-64", "comparator-binary", "dcim-b"),
    preset!("adc7-a", "puma", "sram-128", "sar-7", "no-scale-factor"),
    preset!("adc6-a", "puma", "sram-128", "sar-6", "no-scale-factor"),
    preset!("adc4-a", "puma", "sram-128", "flash-4", "no-scale-factor"),
    preset!("adc6-b", "puma", "sram-64", "sar-6", "no-scale-factor"),
    preset!("adc4-b", "puma", "sram-64", "flash-4", "no-scale-factor"),
    preset!("isaac", "isaac", "no-scale-factor"),
    preset!("ideal", "none"),
];

impl Preset {
    /// The preset with a name; `None` for another text.
    pub fn named(name: &str) -> Option<Self> {
        PRESETS.into_iter().find(|preset| preset.name == name)
    }

    /// What it says.
    ///
    /// # Errors
    /// Those of [`HardwareSpecification::from_toml`] when the embedded text does not fit this version.
    pub fn specification(&self) -> Result<HardwareSpecification, CompilerError> {
        HardwareSpecification::from_toml(self.text, self.name)
    }
}

/// Names of all presets, separated by commas.
pub fn names() -> String {
    PRESETS.map(|preset| preset.name).join(", ")
}

impl HardwareSpecification {
    /// The preset with a name.
    ///
    /// # Errors
    /// [`CompilerError::Hardware`] naming the presets when there is none of this name.
    pub fn named(name: &str) -> Result<Self, CompilerError> {
        let preset = Preset::named(name).ok_or_else(|| CompilerError::Hardware {
            place: name.to_owned(),
            field: "name".to_owned(),
            expected: format!("a preset ({})", names()),
            found: format!("{name:?}"),
            remedy: "choose a preset, or give the path of a TOML file".to_owned(),
        })?;
        preset.specification()
    }
}
