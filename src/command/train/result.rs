//! What a run ends with: the summary and the plots.

use kernels::Isa;
use serde::Serialize;
use snn::WeightFormat;
use spikegrad::{Gradient, Resources, Score};

use super::course::Course;
use super::plan::Plan;

/// The last JSON object of `sterna train` and the content of `summary.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Name of the data set.
    pub dataset: String,
    /// Training seed.
    pub seed: u64,
    /// Finished epochs.
    pub epochs: u32,
    /// Epoch of the model that was kept, counted from 1.
    pub best_epoch: Option<u32>,
    /// Accuracy of that model on the validation samples.
    pub validation_accuracy: Option<f64>,
    /// Its accuracy on the test samples; none after an interruption.
    pub test_accuracy: Option<f64>,
    /// Its mean loss on the test samples in nats.
    pub test_loss: Option<f64>,
    /// Wall-clock seconds of the finished epochs, evaluation on validation samples included.
    pub train_seconds: f64,
    /// Training examples per second of the updates.
    pub samples_per_second: Option<f64>,
    /// How errors travelled.
    pub gradient: Gradient,
    /// Number format of the weights.
    pub weights: WeightFormat,
    /// Error scale.
    pub alpha: f64,
    /// Trained weights and biases.
    pub parameters: usize,
    /// Threads.
    pub threads: usize,
    /// Instruction set.
    pub instruction_set: String,
    /// Version of the program.
    pub version: &'static str,
    /// The model file.
    pub model: String,
    /// The run folder.
    pub out: String,
    /// Whether the run ended before its last epoch.
    pub interrupted: bool,
}

impl Summary {
    pub(super) fn new(plan: &Plan, course: &Course<'_>, resources: Resources, test: Option<Score>) -> Self {
        let (trainer, settings) = (course.trainer(), &plan.configuration.training);
        let records = course.metrics().records();
        let updates: f64 = records.iter().map(|record| record.train_seconds).sum();
        let validation: f64 = records.iter().map(|record| record.validation_seconds).sum();
        let examples: u64 = records.iter().map(|record| record.timed_examples).sum();
        let Resources { threads, isa }: Resources = resources;
        Self {
            dataset: plan.configuration.data.source.to_string(),
            seed: settings.seed,
            epochs: trainer.position().epoch,
            best_epoch: trainer.position().best.map(|(_, epoch)| epoch),
            validation_accuracy: trainer.position().best.map(|(accuracy, _)| accuracy),
            test_accuracy: test.map(|score| score.accuracy),
            test_loss: test.map(|score| score.loss),
            train_seconds: updates + validation,
            samples_per_second: (updates > 0.0).then(|| examples as f64 / updates),
            gradient: settings.gradient,
            weights: trainer.network().weight_format(),
            alpha: settings.alpha,
            parameters: trainer.network().parameter_count(),
            threads,
            instruction_set: Isa::name(isa).to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            model: plan.folder.model().display().to_string(),
            out: plan.folder.path().display().to_string(),
            interrupted: test.is_none(),
        }
    }

    /// The summary for people.
    pub fn text(&self) -> String {
        let percent = |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{:.2} %", 100.0 * value));
        format!(
            "{}: test accuracy {}, validation {} (epoch {} of {}), {:.1} s of training, {:.0} samples/s\nmodel: {}",
            self.dataset,
            percent(self.test_accuracy),
            percent(self.validation_accuracy),
            self.best_epoch.unwrap_or_default(),
            self.epochs,
            self.train_seconds,
            self.samples_per_second.unwrap_or_default(),
            self.model,
        )
    }
}
