//! What can be chosen about an array that learns.

use serde::{Deserialize, Serialize};

use super::read::no_conductance;
use super::{ReadSettings, TikiTakaSettings};
use crate::error::CompilerError;
use crate::learning::device::DeviceSpecification;

/// How a signed weight is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pairing {
    /// One device beside a column that holds state 0; devices that come in pairs are such a pair.
    #[default]
    Reference,
    /// Two devices that share every pulse, in opposite directions.
    Pair,
}

/// How a wanted change of weights becomes pulses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum UpdateRule {
    /// Whole pulses of the nominal step; what they leave over is kept in digital memory for the next update.
    Accumulated {},
    /// Whole pulses; what they leave over becomes one more pulse with its own probability.
    Rounded {},
    /// One pulse for each device, as strong as its wanted change (analog feedback circuits of the on-chip papers).
    Amplitude {},
    /// Coincidences of stochastic pulse trains, example by example.
    Trains {
        /// Slots of a train, 1 to 63.
        length: u32,
    },
}

/// An array that learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArraySettings {
    /// How a signed weight is held.
    pub pairing: Pairing,
    /// Real weight of a device in state 1.
    pub gain: f64,
    /// How changes become pulses.
    pub rule: UpdateRule,
    /// What a read is like.
    pub read: ReadSettings,
    /// Time from one update to the next, in which devices relax.
    pub update_ns: f64,
    /// A second array that takes the updates and hands them on; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiki_taka: Option<TikiTakaSettings>,
}

impl Default for ArraySettings {
    fn default() -> Self {
        Self {
            pairing: Pairing::Reference,
            gain: 1.0,
            rule: UpdateRule::Accumulated {},
            read: ReadSettings::default(),
            update_ns: 1000.0,
            tiki_taka: None,
        }
    }
}

impl ArraySettings {
    /// Refuses what a device does not allow: pairs of devices that are pairs, wires before conductances are known.
    ///
    /// # Errors
    /// [`CompilerError::Device`] naming the field.
    pub fn check_device(&self, device: &DeviceSpecification) -> Result<(), CompilerError> {
        if self.pairing == Pairing::Pair && device.pair.is_some() {
            return Err(CompilerError::Device {
                place: device.name.clone(),
                field: "pairing".to_owned(),
                expected: "\"reference\" for devices that come in pairs".to_owned(),
                found: "\"pair\"".to_owned(),
                remedy: "leave pairing out".to_owned(),
            });
        }
        if self.read.wires.is_some() && device.conductance_s(0.0).is_none() {
            return Err(no_conductance(device));
        }
        Ok(())
    }

    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`CompilerError::Device`] naming the field.
    pub fn check(&self, place: &str) -> Result<(), CompilerError> {
        let wrong = |field: &str, expected: &str, found: String| CompilerError::Device {
            place: place.to_owned(),
            field: field.to_owned(),
            expected: expected.to_owned(),
            found,
            remedy: "change it".to_owned(),
        };
        if !(self.gain.is_finite() && self.gain > 0.0) {
            return Err(wrong("gain", "a finite number above 0", self.gain.to_string()));
        }
        if !(self.update_ns.is_finite() && self.update_ns >= 0.0) {
            return Err(wrong("update_ns", "a finite number of at least 0", self.update_ns.to_string()));
        }
        if let UpdateRule::Trains { length } = self.rule
            && !(1..=crate::learning::device::LONGEST_TRAIN).contains(&length)
        {
            return Err(wrong("rule.length", "1 to 63 slots", length.to_string()));
        }
        self.read.check(place)?;
        self.tiki_taka.as_ref().map_or(Ok(()), |settings| settings.check(place))
    }
}
