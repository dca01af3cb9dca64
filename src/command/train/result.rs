//! What a run ends with: the summary and the plots.

use anyhow::Context as _;
use kernels::Isa;
use serde::Serialize;
use snn::{Connection, Network, WeightFormat};
use spikegrad::{Gradient, Objective, Resources, Score};

use super::plan::Plan;
use crate::command::course::Course;
use crate::plots;
use crate::run_folder::{Metrics, RunFolder};

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

/// Plots of the epochs.
pub(super) fn draw(folder: &RunFolder, metrics: &Metrics) -> anyhow::Result<()> {
    let reports = metrics.reports();
    if reports.is_empty() {
        return Ok(());
    }
    let plots = folder.plots();
    std::fs::create_dir_all(&plots).with_context(|| format!("cannot make the folder {}", plots.display()))?;
    drawn(plots::learning_curves(&reports, Objective::Class, &plots.join("learning_curves.png")))?;
    drawn(plots::spikes_per_population(&reports, &plots.join("spikes_per_population.png")))?;
    drawn(plots::error_spikes(&reports, &plots.join("error_spikes.png")))?;
    Ok(())
}

/// A plot without anything to draw, such as spikes of a network that has no firing population, is
/// left out.
fn drawn(result: Result<(), plots::PlotError>) -> Result<(), plots::PlotError> {
    match result {
        Err(plots::PlotError::Empty { .. }) => Ok(()),
        other => other,
    }
}

/// Plots of the model that was kept and its test.
pub(super) fn draw_model(
    folder: &RunFolder,
    model: &Network,
    confusion: &[Vec<u64>],
    classes: &[String],
) -> anyhow::Result<()> {
    let plots = folder.plots();
    std::fs::create_dir_all(&plots).with_context(|| format!("cannot make the folder {}", plots.display()))?;
    drawn(plots::confusion_matrix(confusion, classes, &plots.join("confusion_matrix.png")))?;
    if let Some((kernels, [height, width, channels])) = first_kernels(model) {
        drawn(plots::kernels(&kernels, height, width, channels, &plots.join("kernels.png")))?;
    }
    Ok(())
}

/// The kernels of the first convolution on the input, `[height, width, channels]` each.
fn first_kernels(model: &Network) -> Option<(Vec<Vec<f32>>, [usize; 3])> {
    let input = model.single_input()?;
    let projection = model.projections().iter().find(|projection| projection.from == input)?;
    let (Connection::Convolution(shape), Some(weights)) = (&projection.connection, &projection.weights) else {
        return None;
    };
    let patch = shape.patch();
    let values: Vec<f32> = (0..weights.len()).map(|index| weights.get(index) as f32).collect();
    let kernels = values.chunks_exact(patch).map(<[f32]>::to_vec).collect();
    Some((kernels, [shape.kernel[0], shape.kernel[1], shape.input_channels]))
}
