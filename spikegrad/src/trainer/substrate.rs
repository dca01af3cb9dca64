//! Training on a [`Substrate`]: its weights, its parameters, its place in the trainer.

use std::path::Path;

use snn::{Network, WeightFormat, Weights};

use super::Trainer;
use super::shard::Shard;
use crate::error::SpikegradError;
use crate::master::{Master, UpdateRates};
use crate::plan::Plan;
use crate::resources::Resources;
use crate::settings::{Gradient, TrainingSettings};
use crate::substrate::{GradientSums, Substrate, SubstrateRates};

impl Trainer {
    /// Starts training from the parameters of a network, with projections that run on `substrate`.
    ///
    /// # Errors
    /// As [`Trainer::from_network`]; [`SpikegradError::Network`] unless the weights have 8 bits, and
    /// [`SpikegradError::Setting`] unless errors are spikes.
    pub fn on_substrate(
        network: Network,
        settings: TrainingSettings,
        resources: Resources,
        substrate: Box<dyn Substrate>,
    ) -> Result<Self, SpikegradError> {
        let master = Master::from_network(&network);
        Self::with_master(network, settings, resources, master, Some(substrate))
    }

    /// Continues from a checkpoint of a trainer on a substrate: all three must be those it was made
    /// with.
    ///
    /// # Errors
    /// As [`Trainer::on_substrate`], and [`SpikegradError::Checkpoint`] naming the field that does
    /// not fit.
    pub fn resume_on_substrate(
        network: Network,
        settings: TrainingSettings,
        resources: Resources,
        substrate: Box<dyn Substrate>,
        path: &Path,
    ) -> Result<Self, SpikegradError> {
        Self::on_substrate(network, settings, resources, substrate)?.restored(path)
    }

    /// What projections run on, where it is no exact product.
    pub fn substrate(&self) -> Option<&dyn Substrate> {
        self.substrate.as_deref()
    }

    /// Forgets the best epoch so far, so that only later ones compete: what came before was not
    /// trained for the same substrate.
    pub fn forget_best(&mut self) {
        self.position.best = None;
    }

    pub(super) fn refresh_substrate(&mut self) -> Result<(), SpikegradError> {
        match &mut self.substrate {
            Some(substrate) => self.pool.install(|| substrate.refresh(&self.network, &self.position)),
            None => Ok(()),
        }
    }
}

/// Refuses what a substrate does not train.
pub(super) fn check(network: &Network, settings: &TrainingSettings) -> Result<(), SpikegradError> {
    if network.weight_format() != WeightFormat::I8 {
        return Err(SpikegradError::Network {
            problem: format!("its weights are {}, and hardware holds i8 mantissas", network.weight_format()),
            remedy: "choose weights = \"i8\"".to_owned(),
        });
    }
    if settings.gradient != Gradient::Spike {
        return Err(SpikegradError::Setting {
            field: "gradient".to_owned(),
            expected: "\"spike\" for training on hardware".to_owned(),
            found: "\"float\"".to_owned(),
        });
    }
    Ok(())
}

/// Brings all weights of a network to those that the hardware can hold.
pub(super) fn constrain(substrate: &dyn Substrate, network: &mut Network) -> Result<(), SpikegradError> {
    for index in 0..network.projections().len() {
        if let Some(Weights::I8(mantissas)) = &network.projections()[index].weights {
            let mut mantissas = mantissas.clone();
            substrate.constrain(index, &mut mantissas);
            network.set_weights(index, Weights::I8(mantissas))?;
        }
    }
    Ok(())
}

/// One step of the parameters of the substrate.
pub(super) fn update(
    substrate: &mut dyn Substrate,
    shards: &mut [Shard],
    plan: &Plan,
    settings: &TrainingSettings,
    rates: UpdateRates,
) -> Result<(), SpikegradError> {
    let projections = shards.first().map_or(0, |shard| shard.activity.carried.sums.len());
    let mut total = |projection: usize| {
        let mut total = GradientSums::default();
        for shard in &mut *shards {
            let part = &mut shard.activity.carried.sums[projection];
            total.parameters.resize(part.parameters.len(), 0);
            total.parameters.iter_mut().zip(&part.parameters).for_each(|(sum, part)| *sum += part);
            total.factors.append(&mut part.factors);
        }
        total
    };
    let sums: Vec<GradientSums> = (0..projections).map(&mut total).collect();
    let rates = SubstrateRates {
        learning_rate: rates.learning_rate,
        momentum: settings.momentum,
        share: 1.0 / (settings.alpha * rates.examples.max(1) as f64),
        examples: rates.examples,
        kept: plan.populations.iter().map(|population| population.kept.value()).collect(),
    };
    substrate.update(&sums, &rates)
}
