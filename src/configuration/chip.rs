//! The `[chip]` section: projections whose weights are states of devices.

use compiler::CompilerError;
use compiler::learning::array::{ArraySettings, ReadSettings};
use compiler::learning::device::DeviceSpecification;
use compiler::learning::substrate::{LearningSubstrate, Placement};
use kernels::Isa;
use serde::{Deserialize, Serialize};
use snn::Network;
use spikegrad::{Evaluation, Resources, Samples, Trainer, TrainingSettings, evaluate};

use super::Sweep;

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
    /// Values of the device that are trained for one after the other; of `sterna learn` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// What a device is like.
    pub device: DeviceSpecification,
}

impl ChipSection {
    /// Refuses values out of range.
    ///
    /// # Errors
    /// Text with the field and what it must be.
    pub fn check(&self, place: &str) -> Result<(), String> {
        self.sweep.as_ref().map_or(Ok(()), Sweep::check)?;
        let verification = self.placement.verification.as_ref();
        let checked = self.device.check(place).and_then(|()| self.array.check(place));
        let checked = checked.and_then(|()| self.array.check_device(&self.device));
        let checked = checked.and_then(|()| verification.map_or(Ok(()), |verification| verification.check(place)));
        let mut values = self.sweep.iter().flat_map(|sweep| sweep.values.iter().map(|&value| (sweep.what, value)));
        let checked =
            checked.and_then(|()| values.try_for_each(|(what, value)| what.apply(&self.device, value).map(drop)));
        checked.map_err(|error| error.to_string())
    }

    /// Evaluates a model that learned on this chip with the noise, offsets and converters of its reads; `training` are the
    /// settings that it learned with.
    ///
    /// # Errors
    /// Those of [`ChipSection::reading`] and of [`evaluate`].
    pub fn evaluate(
        &self,
        model: &Network,
        training: &TrainingSettings,
        samples: &dyn Samples,
        resources: Resources,
    ) -> anyhow::Result<Evaluation> {
        if self.array.read.is_product() {
            return Ok(evaluate(model, samples, resources)?);
        }
        let substrate = Box::new(self.reading(model, resources.isa)?);
        Ok(Trainer::on_substrate(model.clone(), training.clone(), resources, substrate)?.evaluate(samples)?)
    }

    /// Arrays that hold the weights of a model that learned on this chip, and read them with its noise, offsets and converters. What
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
