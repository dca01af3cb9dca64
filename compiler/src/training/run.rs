//! A run of hardware-aware training from start to deployment.

use std::path::Path;

use snn::Network;
use spikegrad::{EpochReport, Resources, Samples, StepOutcome, Substrate as _, Trainer, TrainingSettings};

use super::initialise::CalibrationInputs;
use super::options::TrainingOptions;
use super::stages::{Stage, StagePlan};
use super::substrate::CrossbarSubstrate;
use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;
use crate::mapping::{Calibration, deploy};

/// Samples that scale factors start from.
const CALIBRATION_EXAMPLES: usize = 256;

/// What a run is about: the same for its start and for every continuation.
#[derive(Debug)]
pub struct Task<'a> {
    /// The trained network to start from.
    pub network: &'a Network,
    /// The chip.
    pub hardware: &'a HardwareSpecification,
    /// Settings of all stages together.
    pub settings: TrainingSettings,
    /// Options of the columns.
    pub options: TrainingOptions,
    /// Threads and instruction set.
    pub resources: Resources,
}

/// A trainer on crossbar columns, with the stages of its epochs.
#[derive(Debug)]
pub struct Retraining {
    trainer: Trainer,
    plan: StagePlan,
    /// A substrate as it was at the start, for the calibration of any later state.
    start: Start,
}

#[derive(Debug)]
struct Start {
    network: Network,
    hardware: HardwareSpecification,
    options: TrainingOptions,
    inputs: CalibrationInputs,
    resources: Resources,
}

/// What an epoch did.
#[derive(Debug)]
pub struct StageReport {
    /// What the forward pass knew.
    pub stage: Stage,
    /// Whether the epoch can be deployed: it belongs to the last stage.
    pub is_candidate: bool,
    /// The trainer's report; `is_best` is among the candidates where it is one.
    pub report: EpochReport,
}

impl Retraining {
    /// Starts a run from weights that the trainer keeps on the hardware's bits.
    ///
    /// # Errors
    /// [`CompilerError::Mapping`] where the network does not fit the columns, and those of
    /// [`Trainer::on_substrate`].
    pub fn new(task: &Task<'_>, samples: &dyn Samples) -> Result<Self, CompilerError> {
        let (start, plan) = Start::new(task, samples)?;
        let substrate = Box::new(start.substrate(&plan)?);
        let network = start.network.clone();
        let trainer = Trainer::on_substrate(network, task.settings.clone(), task.resources, substrate)?;
        Ok(Self { trainer, plan, start })
    }

    /// Continues from a checkpoint of the same task and samples.
    ///
    /// # Errors
    /// As [`Retraining::new`], and [`spikegrad::SpikegradError::Checkpoint`] for a checkpoint of
    /// another task.
    pub fn resume(task: &Task<'_>, samples: &dyn Samples, checkpoint: &Path) -> Result<Self, CompilerError> {
        let (start, plan) = Start::new(task, samples)?;
        let substrate = Box::new(start.substrate(&plan)?);
        let (network, settings) = (start.network.clone(), task.settings.clone());
        let trainer = Trainer::resume_on_substrate(network, settings, task.resources, substrate, checkpoint)?;
        Ok(Self { trainer, plan, start })
    }

    /// The trainer.
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// The stages and their epochs.
    pub fn plan(&self) -> &StagePlan {
        &self.plan
    }

    /// The stage of the next update.
    pub fn stage(&self) -> Stage {
        self.plan.stage(self.trainer.position().epoch)
    }

    /// One update of weights, scale factors and thresholds.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    pub fn step(&mut self, samples: &dyn Samples) -> Result<StepOutcome, CompilerError> {
        Ok(self.trainer.step(samples)?)
    }

    /// Ends an epoch. Only epochs of the last stage compete for the best.
    ///
    /// # Errors
    /// As [`Trainer::finish_epoch`].
    pub fn finish_epoch(&mut self, validation: &dyn Samples) -> Result<StageReport, CompilerError> {
        let epoch = self.trainer.position().epoch;
        if epoch <= self.plan.last_stage_start() {
            self.trainer.forget_best();
        }
        let is_candidate = epoch >= self.plan.last_stage_start();
        let report = self.trainer.finish_epoch(validation)?;
        Ok(StageReport { stage: self.plan.stage(epoch), is_candidate, report })
    }

    /// The trained network and its calibration, for [`crate::mapping::compile()`].
    ///
    /// # Errors
    /// As [`CrossbarSubstrate::new`].
    pub fn deployed(&self) -> Result<(Network, Calibration), CompilerError> {
        let mut substrate = self.start.substrate(&self.plan)?;
        if let Some(trained) = self.trainer.substrate() {
            substrate.restore(trained.state()).map_err(|mismatch| CompilerError::Columns {
                what: mismatch.name,
                expected: mismatch.expected,
                found: mismatch.found,
            })?;
        }
        Ok((self.trainer.network().clone(), substrate.calibration()))
    }

    /// Accuracy and loss with the hardware of the present stage, without noise.
    ///
    /// # Errors
    /// As [`Trainer::evaluate`].
    pub fn evaluate(&mut self, samples: &dyn Samples) -> Result<spikegrad::Evaluation, CompilerError> {
        Ok(self.trainer.evaluate(samples)?)
    }
}

impl Start {
    fn new(task: &Task<'_>, samples: &dyn Samples) -> Result<(Self, StagePlan), CompilerError> {
        deploy(task.network, task.hardware)?;
        let network = task.network.clone();
        let inputs = CalibrationInputs::new(samples, CALIBRATION_EXAMPLES)?;
        let plan = StagePlan::new(task.hardware, task.settings.epochs, task.options.weight_epochs);
        let (hardware, options, resources) = (task.hardware.clone(), task.options, task.resources);
        Ok((Self { network, hardware, options, inputs, resources }, plan))
    }

    fn substrate(&self, plan: &StagePlan) -> Result<CrossbarSubstrate, CompilerError> {
        let (inputs, isa) = (self.inputs.clone(), self.resources.isa);
        CrossbarSubstrate::new(&self.network, &self.hardware, plan.clone(), self.options, inputs, isa)
    }
}
