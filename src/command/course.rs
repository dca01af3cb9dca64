//! The updates and epochs of a run, with a checkpoint wherever it may end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use spikegrad::{Diagnosis, EpochReport, Objective, Samples, Trainer};

use crate::interruption::Interruption;
use crate::output::{Output, Progress};
use crate::run_folder::{EpochRecord, Metrics, RunFolder};

/// Longest time between two checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done.
    Finished,
    /// The user asked to stop.
    Interrupted,
}

/// A trainer in its run folder.
pub struct Course<'a> {
    trainer: Trainer,
    metrics: Metrics,
    folder: &'a RunFolder,
    output: Output,
    /// Updates until the run ends as if interrupted.
    remaining: Option<u64>,
    /// Findings that were printed, without their numbers.
    known_findings: BTreeSet<(String, String)>,
}

/// What a run trains on, and what its best epoch is chosen by.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Training samples.
    pub train: &'a dyn Samples,
    /// Validation samples.
    pub validation: &'a dyn Samples,
}

/// Time and examples of the updates of an epoch since the process began or resumed it.
struct Timing {
    seconds: f64,
    examples: u64,
}

impl<'a> Course<'a> {
    /// A run at the start, or where its checkpoint left it; `remaining` updates until it ends as if interrupted.
    pub fn new(
        trainer: Trainer,
        metrics: Metrics,
        folder: &'a RunFolder,
        output: Output,
        remaining: Option<u64>,
    ) -> Self {
        Self { trainer, metrics, folder, output, remaining, known_findings: BTreeSet::new() }
    }

    /// The trainer.
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// Reports of all epochs.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Trains until all epochs are done or the user asks to stop.
    ///
    /// # Errors
    /// Those of the trainer and of the run folder.
    pub fn run(&mut self, parts: Parts<'_>, interruption: &Interruption) -> anyhow::Result<Ending> {
        if self.trainer.is_finished() {
            let epochs = self.trainer.position().epoch;
            self.output.note(format!("all {epochs} epochs are done; --epochs N with a larger N goes on"))?;
        }
        while !self.trainer.is_finished() {
            let Some(timing) = self.updates(parts, interruption)? else {
                self.trainer.save(&self.folder.checkpoint())?;
                return Ok(Ending::Interrupted);
            };
            self.end_epoch(parts, timing)?;
        }
        Ok(Ending::Finished)
    }

    /// The remaining updates of the current epoch; `None` when the user asks to stop.
    fn updates(&mut self, parts: Parts<'_>, interruption: &Interruption) -> anyhow::Result<Option<Timing>> {
        let bar = self.progress(parts);
        let batch = self.trainer.settings().batch as u64;
        let (start, first) = (Instant::now(), self.trainer.position().batch);
        let mut last_checkpoint = start;
        let examples = |batches: u64| (batches * batch).min(parts.train.len() as u64);
        loop {
            if interruption.is_requested() || self.remaining == Some(0) {
                bar.finish_and_clear();
                return Ok(None);
            }
            if self.trainer.epoch_is_complete(parts.train) {
                break;
            }
            let outcome = self.trainer.step(parts.train)?;
            self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(1));
            bar.set_position(outcome.batch);
            if !bar.is_hidden() {
                bar.set_message(format!("loss {:.4}", outcome.loss));
            }
            if last_checkpoint.elapsed() >= CHECKPOINT_INTERVAL {
                self.trainer.save(&self.folder.checkpoint())?;
                last_checkpoint = Instant::now();
            }
        }
        bar.finish_and_clear();
        let done = examples(self.trainer.position().batch) - examples(first);
        Ok(Some(Timing { seconds: start.elapsed().as_secs_f64(), examples: done }))
    }

    fn progress(&self, parts: Parts<'_>) -> ProgressBar {
        let batches = parts.train.len().div_ceil(self.trainer.settings().batch);
        let bar = self.output.progress(batches as u64, Progress::Steps);
        bar.set_prefix(format!("epoch {}", self.trainer.position().epoch + 1));
        bar
    }

    /// Evaluates and writes model, metrics and checkpoint, in this order.
    fn end_epoch(&mut self, parts: Parts<'_>, timing: Timing) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut report = self.trainer.finish_epoch(parts.validation)?;
        if timing.examples > 0 && timing.seconds > 0.0 {
            report.samples_per_second = Some(timing.examples as f64 / timing.seconds);
        }
        let record = EpochRecord {
            report,
            train_seconds: timing.seconds,
            validation_seconds: start.elapsed().as_secs_f64(),
            timed_examples: timing.examples,
        };
        if record.report.is_best {
            snn::model::save(self.trainer.network(), &self.folder.model())?;
        }
        self.metrics.push(record.clone())?;
        self.folder.write_metrics(&self.metrics)?;
        self.trainer.save(&self.folder.checkpoint())?;
        self.output.object(&record)?;
        self.output.note(epoch_line(&record.report, self.trainer.settings().epochs, parts.train.objective()))?;
        for diagnosis in &record.report.diagnoses {
            self.warn(diagnosis);
        }
        Ok(())
    }

    /// Prints a finding the first time it is made of a population.
    fn warn(&mut self, diagnosis: &Diagnosis) {
        let kind: String = diagnosis.finding.chars().filter(|character| !character.is_ascii_digit()).collect();
        if self.known_findings.insert((diagnosis.population.clone(), kind)) {
            let Diagnosis { population, finding, remedy, .. } = diagnosis;
            self.output.warning(format!("population '{population}': {finding}; {remedy}"));
        }
    }
}

fn epoch_line(report: &EpochReport, epochs: u32, objective: Objective) -> String {
    let speed = report.samples_per_second.map(|speed| format!("  {speed:.0} samples/s")).unwrap_or_default();
    let mark = if report.is_best { " *" } else { "  " };
    if objective != Objective::Class {
        return format!(
            "epoch {:>3}/{epochs}  loss {:.2}  validation loss {:.2}{mark}  right {:6.2} %  rate {:.5}{speed}",
            report.epoch,
            report.train.loss,
            report.validation.loss,
            100.0 * report.validation.accuracy,
            report.learning_rate,
        );
    }
    format!(
        "epoch {:>3}/{epochs}  loss {:.4}  train {:6.2} %  validation {:6.2} %{mark}  rate {:.5}{speed}",
        report.epoch,
        report.train.loss,
        100.0 * report.train.accuracy,
        100.0 * report.validation.accuracy,
        report.learning_rate,
    )
}
