//! The `[chip]` section: projections whose weights are states of devices.

use compiler::CompilerError;
use compiler::learning::array::{ArraySettings, ReadSettings};
use compiler::learning::device::DeviceSpecification;
use compiler::learning::substrate::{LearningSubstrate, Placement};
use kernels::Isa;
use serde::{Deserialize, Serialize};
use snn::Network;

/// On what devices a network learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChipSection {
    /// Seed of the devices: which chip.
    #[serde(default)]
    pub seed: u64,
    /// How arrays hold weights and take updates.
    #[serde(default)]
    pub array: ArraySettings,
    /// Which projections are on the chip.
    #[serde(default)]
    pub placement: Placement,
    /// What a device is like.
    pub device: DeviceSpecification,
}

impl ChipSection {
    /// Refuses values out of range.
    ///
    /// # Errors
    /// Text with the field and what it must be.
    pub fn check(&self, place: &str) -> Result<(), String> {
        let verification = self.placement.verification.as_ref();
        let checked = self.device.check(place).and_then(|()| self.array.check(place));
        let checked = checked.and_then(|()| self.array.check_device(&self.device));
        let checked = checked.and_then(|()| verification.map_or(Ok(()), |verification| verification.check(place)));
        checked.map_err(|error| error.to_string())
    }

    /// Arrays that hold the weights of a model that learned on this chip, and read them with its noise and offsets. What
    /// wires make of weights is in the model already.
    ///
    /// # Errors
    /// Those of [`LearningSubstrate::new`] and [`LearningSubstrate::hold`].
    pub fn reading(&self, model: &Network, isa: Isa) -> Result<LearningSubstrate, CompilerError> {
        let read = ReadSettings { wires: None, ..self.array.read.clone() };
        let array = ArraySettings { read, tiki_taka: None, ..self.array.clone() };
        let placement = Placement { verification: None, ..self.placement.clone() };
        let mut substrate = LearningSubstrate::new(model, &self.device, &array, &placement, self.seed, isa)?;
        substrate.hold(model)?;
        Ok(substrate)
    }
}
