//! The training loop, one update at a time, so that a caller can stop between any two.

mod accumulator;
mod channels;
mod checkpoint;
mod diagnosis;
mod report;
mod retained;
mod shard;
mod substrate;

pub use report::{Diagnosis, EpochReport, OperationReport, PopulationReport, Severity};

use std::path::Path;

use kernels::{Engine, Parallelism};
use rayon::prelude::*;
use snn::{Network, WeightFormat, Weights};

use crate::error::SpikegradError;
use crate::inference::{Evaluation, evaluate_with};
use crate::master::{Control, Master, UpdateRates};
use crate::pass::{PassContext, Statistics};
use crate::plan::Plan;
use crate::prepared::{Forms, Prepared};
use crate::resources::Resources;
use crate::samples::{Objective, Samples};
use crate::settings::{Gradient, TrainingSettings};
use crate::substrate::Substrate;
use accumulator::Accumulator;
use channels::ChannelSums;
use retained::{BatchGradients, RetentionPlan};
use shard::{Shard, ShardTask};

/// Shards of a batch whose errors or weights are floats: fixed, so that the order of their sums
/// does not depend on the number of threads.
const FLOAT_SHARDS: usize = 4;

/// What an update did.
#[derive(Clone, Copy, Debug)]
pub struct StepOutcome {
    /// Updates done in this epoch, this one included.
    pub batch: u64,
    /// Updates of a whole epoch.
    pub batches: u64,
    /// Mean loss of the batch.
    pub loss: f64,
}

/// Trains a network with SpikeGrad. The state is a value: [`Trainer::save`] writes all of it and
/// [`Trainer::resume`] continues as if nothing had happened.
#[derive(Debug)]
pub struct Trainer {
    network: Network,
    settings: TrainingSettings,
    plan: Plan,
    master: Master,
    prepared: Prepared,
    substrate: Option<Box<dyn Substrate>>,
    shards: Vec<Shard>,
    retention: RetentionPlan,
    /// Weights of the update before: memory for the next ones.
    spare: Vec<Option<Weights>>,
    pool: rayon::ThreadPool,
    engine: Engine,
    position: Position,
    accumulator: Accumulator,
    order: Option<Vec<u32>>,
}

/// How far a run is, and the best epoch so far.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Finished epochs.
    pub epoch: u32,
    /// Updates done in the current epoch.
    pub batch: u64,
    /// Best validation accuracy so far, or minus the least validation loss where counts are compared, and its epoch,
    /// counted from 1.
    pub best: Option<(f64, u32)>,
}

impl Trainer {
    /// Starts training: initial weights are drawn from the seed.
    ///
    /// # Errors
    /// [`SpikegradError::Setting`] and [`SpikegradError::Network`] when settings or network do
    /// not fit, [`SpikegradError::Threads`] when the pool cannot be started.
    pub fn new(network: Network, settings: TrainingSettings, resources: Resources) -> Result<Self, SpikegradError> {
        let master = Master::initialise(&network, &settings);
        Self::with_master(network, settings, resources, master, None)
    }

    /// Starts training from the parameters of a network, for example to fine-tune it.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn from_network(
        network: Network,
        settings: TrainingSettings,
        resources: Resources,
    ) -> Result<Self, SpikegradError> {
        let master = Master::from_network(&network);
        Self::with_master(network, settings, resources, master, None)
    }

    fn with_master(
        mut network: Network,
        settings: TrainingSettings,
        resources: Resources,
        master: Master,
        mut substrate: Option<Box<dyn Substrate>>,
    ) -> Result<Self, SpikegradError> {
        settings.check()?;
        let plan = Plan::new(&network, &settings)?;
        let threads = resources.threads;
        let pool = resources.pool()?;
        let engine = Engine::new(resources.isa, Parallelism::Serial)?;
        master.write_to(&mut network)?;
        if let Some(substrate) = &mut substrate {
            substrate::check(&network, &settings)?;
            substrate::constrain(substrate.as_ref(), &mut network)?;
            substrate.refresh(&network, &Position::default())?;
        }
        network.check_bounds()?;
        let forms =
            Forms { backward: settings.gradient == Gradient::Spike, float: settings.gradient == Gradient::Float };
        let prepared = Prepared::new(&network, &plan, forms, engine)?;
        let is_float = uses_floats(&network, &settings);
        let accumulator = Accumulator::new(network.populations().len());
        let context = PassContext {
            network: &network,
            plan: &plan,
            prepared: &prepared,
            engine,
            substrate: substrate.as_deref(),
        };
        let shard_count = shard_count(&plan, &network, &settings, threads, is_float)?;
        let share = settings.batch.div_ceil(shard_count);
        let retention = RetentionPlan::new(&network, &plan, settings.batch, is_float);
        let shards = (0..shard_count).map(|_| Shard::new(&context, &settings, &retention, share, is_float)).collect();
        let spare = network.projections().iter().map(|projection| projection.weights.clone()).collect();
        Ok(Self {
            network,
            settings,
            plan,
            master,
            prepared,
            substrate,
            shards,
            retention,
            spare,
            pool,
            engine,
            position: Position::default(),
            accumulator,
            order: None,
        })
    }

    /// The network with its present weights.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The settings of the run.
    pub fn settings(&self) -> &TrainingSettings {
        &self.settings
    }

    /// How far the run is.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Whether all epochs are done.
    pub fn is_finished(&self) -> bool {
        self.position.epoch >= self.settings.epochs
    }

    /// Whether all updates of the current epoch are done.
    pub fn epoch_is_complete(&self, samples: &dyn Samples) -> bool {
        self.position.batch >= batches(samples, &self.settings)
    }

    /// One update of the weights with the next batch of the current epoch.
    ///
    /// # Errors
    /// [`SpikegradError::Samples`] when the samples do not fit the network,
    /// [`SpikegradError::Diverged`] when the loss is no finite number, the weights then being those
    /// before the update, or when a float weight is none.
    pub fn step(&mut self, samples: &dyn Samples) -> Result<StepOutcome, SpikegradError> {
        self.check_samples(samples)?;
        if self.is_finished() || self.epoch_is_complete(samples) {
            return Err(SpikegradError::Samples {
                expected: "a next batch in the current epoch".to_owned(),
                found: "none left; finish the epoch, or ask for more epochs".to_owned(),
            });
        }
        let epoch = self.position.epoch;
        let order = match self.order.take() {
            Some(order) => order,
            None => samples.order(epoch),
        };
        let start = self.position.batch as usize * self.settings.batch;
        let batch = &order[start.min(order.len())..(start + self.settings.batch).min(order.len())];
        let task = ShardTask { samples, epoch, settings: &self.settings };
        let context = PassContext {
            network: &self.network,
            plan: &self.plan,
            prepared: &self.prepared,
            engine: self.engine,
            substrate: self.substrate.as_deref(),
        };
        let share = batch.len().div_ceil(self.shards.len()).max(1);
        let shards = &mut self.shards;
        self.pool.install(|| {
            let parts = shards.par_iter_mut().enumerate().map(|(index, shard)| {
                let start = (index * share).min(batch.len());
                shard.run(&context, &task, &batch[start..(start + share).min(batch.len())])
            });
            parts.collect::<Result<Vec<()>, SpikegradError>>()
        })?;
        let losses = self.shards.iter().flat_map(|shard| &shard.losses);
        let loss: f64 = losses.sum();
        let examples = batch.len();
        self.order = Some(order);
        if !loss.is_finite() {
            self.shards.iter_mut().for_each(Shard::discard);
            return Err(self.diverged("the loss"));
        }
        let total = batches(samples, &self.settings);
        let progress = (self.position.batch + 1) as f64 / total as f64;
        let learning_rate = self.settings.learning_rate_at(epoch, progress);
        let turning_rate = self.settings.turning_rate_at(epoch, progress);
        let control = Control { strength: self.settings.schedule_factor(epoch), counts: self.settings.active_counts };
        self.update(UpdateRates { learning_rate, turning_rate, control, examples })?;
        self.accumulator.examples += examples as u64;
        self.accumulator.loss += loss;
        for shard in &mut self.shards {
            self.accumulator.correct += shard.correct;
            let statistics: Vec<Statistics> = shard.take_statistics();
            self.accumulator.add(&statistics);
        }
        self.position.batch += 1;
        self.refresh_substrate()?;
        Ok(StepOutcome { batch: self.position.batch, batches: total, loss: loss / examples.max(1) as f64 })
    }

    fn update(&mut self, rates: UpdateRates) -> Result<(), SpikegradError> {
        let context = PassContext {
            network: &self.network,
            plan: &self.plan,
            prepared: &self.prepared,
            engine: self.engine,
            substrate: self.substrate.as_deref(),
        };
        let channels = ChannelSums::total(self.shards.iter().filter_map(|shard| shard.channels.as_ref()));
        let gradients = BatchGradients { context, retention: &self.retention, shards: &self.shards, channels };
        let (master, spare) = (&mut self.master, &mut self.spare);
        self.pool.install(|| master.update(&context, &self.settings, rates, &gradients, spare))?;
        if let Some(substrate) = &mut self.substrate {
            substrate::update(substrate.as_mut(), &mut self.shards, &self.plan, &self.settings, rates)?;
            for (index, weights) in spare.iter_mut().enumerate() {
                if let Some(Weights::I8(mantissas)) = weights {
                    substrate.store(index, &mut master.weights[index], mantissas)?;
                }
            }
        }
        let (network, prepared) = (&mut self.network, &mut self.prepared);
        let updated = self.pool.install(|| -> Result<(), SpikegradError> {
            for (index, weights) in spare.iter_mut().enumerate() {
                if let Some(weights) = weights {
                    network.swap_weights(index, weights)?;
                }
            }
            master.write_biases(network)?;
            network.check_bounds()?;
            prepared.refresh(network)
        });
        match updated {
            Err(SpikegradError::Snn(snn::SnnError::Parameters { .. })) => Err(self.diverged("a weight")),
            other => other,
        }
    }

    /// Ends an epoch: evaluates on validation samples and reports.
    ///
    /// The best epoch is the first with the highest validation accuracy, or the lowest loss where counts are compared
    /// ([`Objective::Counts`]); [`EpochReport::is_best`]
    /// says when to keep [`Trainer::network`].
    ///
    /// # Errors
    /// [`SpikegradError::Diverged`] when a weight is no finite number.
    pub fn finish_epoch(&mut self, validation: &dyn Samples) -> Result<EpochReport, SpikegradError> {
        if !self.master.is_finite() {
            return Err(self.diverged("a weight"));
        }
        let evaluation = self.evaluate(validation)?;
        let epoch = self.position.epoch + 1;
        let merit = match validation.objective() {
            Objective::Class => evaluation.score.accuracy,
            Objective::Counts { .. } => -evaluation.score.loss,
        };
        let is_best = self.position.best.is_none_or(|(best, _)| merit > best);
        if is_best {
            self.position.best = Some((merit, epoch));
        }
        let learning_rate = self.settings.learning_rate_at(self.position.epoch, 1.0);
        let clipped_weights = self.master.clipped_weights(&self.network);
        let mut report = self.accumulator.report(accumulator::Context {
            network: &self.network,
            plan: &self.plan,
            settings: &self.settings,
            epoch,
            learning_rate,
            validation: evaluation.score,
            is_best,
            clipped_weights: &clipped_weights,
        });
        report.figures = self.substrate.iter().flat_map(|substrate| substrate.figures()).collect();
        report.histograms = self.substrate.iter().flat_map(|substrate| substrate.histograms()).collect();
        self.accumulator = Accumulator::new(self.plan.populations.len());
        self.position.epoch = epoch;
        self.position.batch = 0;
        self.order = None;
        self.refresh_substrate()?;
        Ok(report)
    }

    /// Accuracy and loss on samples, with the present weights.
    ///
    /// # Errors
    /// [`SpikegradError::Samples`] when the samples do not fit the network.
    pub fn evaluate(&mut self, samples: &dyn Samples) -> Result<Evaluation, SpikegradError> {
        self.check_samples(samples)?;
        let context = PassContext {
            network: &self.network,
            plan: &self.plan,
            prepared: &self.prepared,
            engine: self.engine,
            substrate: self.substrate.as_deref(),
        };
        let mut activities: Vec<_> = self.shards.iter_mut().map(|shard| &mut shard.activity).collect();
        let result = self.pool.install(|| evaluate_with(&context, &mut activities, samples));
        activities.into_iter().for_each(|activity| {
            activity.take_statistics();
        });
        result
    }

    /// Writes the whole state atomically.
    ///
    /// # Errors
    /// [`SpikegradError::Snn`] when the file cannot be written; an older one is then untouched.
    pub fn save(&self, path: &Path) -> Result<(), SpikegradError> {
        checkpoint::save(self, path)
    }

    /// Continues from a checkpoint: `network` and `settings` must be those it was made with.
    ///
    /// # Errors
    /// [`SpikegradError::Checkpoint`] naming the field that does not fit.
    pub fn resume(
        network: Network,
        settings: TrainingSettings,
        resources: Resources,
        path: &Path,
    ) -> Result<Self, SpikegradError> {
        Self::new(network, settings, resources)?.restored(path)
    }

    fn restored(mut self, path: &Path) -> Result<Self, SpikegradError> {
        checkpoint::restore(&mut self, path)?;
        self.master.write_to(&mut self.network)?;
        if let Some(substrate) = &mut self.substrate {
            substrate::constrain(substrate.as_ref(), &mut self.network)?;
            substrate.refresh(&self.network, &self.position)?;
        }
        self.network.check_bounds()?;
        let float = self.settings.gradient == Gradient::Float;
        self.prepared = Prepared::new(&self.network, &self.plan, Forms { backward: !float, float }, self.engine)?;
        Ok(self)
    }

    fn diverged(&self, what: &str) -> SpikegradError {
        SpikegradError::Diverged {
            epoch: self.position.epoch + 1,
            batch: self.position.batch + 1,
            what: format!("{what} is no finite number"),
        }
    }

    fn check_samples(&self, samples: &dyn Samples) -> Result<(), SpikegradError> {
        crate::samples::check(samples, &self.network, &self.plan)
    }
}

fn batches(samples: &dyn Samples, settings: &TrainingSettings) -> u64 {
    samples.len().div_ceil(settings.batch) as u64
}

/// Whether gradients are floats.
fn uses_floats(network: &Network, settings: &TrainingSettings) -> bool {
    network.weight_format() == WeightFormat::F32 || settings.gradient == Gradient::Float
}

/// Parts of a batch: as many as threads, more where the 32-bit sums of a weight gradient ask for
/// fewer examples each.
fn shard_count(
    plan: &Plan,
    network: &Network,
    settings: &TrainingSettings,
    threads: usize,
    is_float: bool,
) -> Result<usize, SpikegradError> {
    if is_float {
        return Ok(FLOAT_SHARDS);
    }
    let mut most = settings.batch;
    for projection in network.projections().iter().filter(|projection| projection.weights.is_some()) {
        let limit = i128::from(i32::MAX) / plan.largest_gradient(projection).max(1);
        if limit == 0 {
            return Err(SpikegradError::Network {
                problem: format!("one example could overflow the 32-bit weight gradient of '{}'", projection.name),
                remedy: "lower alpha or make its maps smaller".to_owned(),
            });
        }
        most = most.min(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(threads.max(1).max(settings.batch.div_ceil(most)))
}
