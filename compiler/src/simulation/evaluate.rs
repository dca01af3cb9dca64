//! Accuracy of a compiled network on samples.

use rayon::prelude::*;
use serde::Serialize;
use spikegrad::{Objective, Resources, Samples};

use super::{SimulationOptions, Simulator};
use crate::error::CompilerError;
use crate::program::Program;
use crate::statistics::{PopulationStatistics, ProjectionStatistics, RunStatistics};

/// Bytes of counts of one population that are computed together.
const GROUP_BYTES: usize = 1 << 20;

/// Outcome of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Share of examples whose largest logit is their label's, the first of equal ones counting; where counts are
    /// compared, of those that [`Samples::is_right`] calls right.
    pub accuracy: f64,
    /// Their number.
    pub correct: u64,
    /// Predicted class of each example; empty where counts are compared.
    pub predictions: Vec<u16>,
    /// What happened in arrays and populations.
    pub statistics: RunStatistics,
}

/// Runs a program on samples; no deviations, all reads counted.
///
/// # Errors
/// [`CompilerError::Samples`] when the samples do not fit the program, and those of
/// [`Simulator::new`].
pub fn evaluate(program: &Program, samples: &dyn Samples, resources: Resources) -> Result<Evaluation, CompilerError> {
    let simulator = Simulator::new(program, SimulationOptions::new(resources.isa))?;
    evaluate_with(&simulator, samples, resources.threads, &|_| {})
}

/// Runs a prepared program on samples. `progress` is told the number of examples after each group.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_with(
    simulator: &Simulator<'_>,
    samples: &dyn Samples,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Evaluation, CompilerError> {
    let (length, classes, count) = (simulator.input_length(), simulator.classes(), samples.len());
    if samples.input_length() != length || samples.classes() > classes || count == 0 || classes > 1 << 16 {
        return Err(CompilerError::Samples {
            what: "samples".to_owned(),
            expected: format!("at least one, of {length} counts and at most {classes} classes"),
            found: format!("{count} of {} counts and {} classes", samples.input_length(), samples.classes()),
        });
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
    let pool = pool.map_err(|error| CompilerError::Samples {
        what: "threads".to_owned(),
        expected: "a pool that the system grants".to_owned(),
        found: error.to_string(),
    })?;
    let populations = &simulator.program().layout.populations;
    let largest = populations.iter().map(|population| population.shape.iter().product::<usize>()).max().unwrap_or(1);
    let group = (GROUP_BYTES / largest.max(1)).clamp(1, 64).min(count.div_ceil(threads.max(1)));
    let share = count.div_ceil(threads.max(1)).div_ceil(group) * group;
    let starts: Vec<usize> = (0..count).step_by(share).collect();
    let has_classes = samples.objective() == Objective::Class;
    let part = |start: usize| -> Result<(Vec<u16>, u64, RunStatistics), CompilerError> {
        let mut state = simulator.state(group);
        let mut input = vec![0; length * group];
        let (mut predictions, mut correct) = (Vec::with_capacity(share), 0);
        for first in (start..count.min(start + share)).step_by(group) {
            let examples = group.min(count.min(start + share) - first);
            for (slot, counts) in input.chunks_exact_mut(length).take(examples).enumerate() {
                samples.fill(None, first + slot, counts);
            }
            simulator.run(&mut state, &input[..length * examples], examples, first as u64)?;
            for (logits, index) in state.logits().chunks_exact(classes).zip(first..) {
                if has_classes {
                    let predicted = prediction(logits);
                    correct += u64::from(usize::from(predicted) == samples.label(index));
                    predictions.push(predicted);
                } else {
                    correct += u64::from(samples.is_right(None, index, logits));
                }
            }
            progress(examples as u64);
        }
        Ok((predictions, correct, state.statistics().clone()))
    };
    let parts = pool.install(|| starts.par_iter().map(|&start| part(start)).collect::<Result<Vec<_>, _>>())?;
    let mut predictions = Vec::with_capacity(count);
    let (mut statistics, mut correct) = (RunStatistics::default(), 0);
    for (part, right, seen) in parts {
        predictions.extend(part);
        correct += right;
        statistics.add(&seen);
    }
    Ok(Evaluation { accuracy: correct as f64 / count as f64, correct, predictions, statistics })
}

/// The first of the largest logits.
fn prediction(logits: &[f64]) -> u16 {
    let mut best = 0;
    for (index, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = index;
        }
    }
    best as u16
}

impl RunStatistics {
    /// Adds what happened elsewhere in the same program.
    pub fn add(&mut self, other: &Self) {
        self.examples += other.examples;
        self.projections.resize(self.projections.len().max(other.projections.len()), ProjectionStatistics::default());
        self.populations.resize(self.populations.len().max(other.populations.len()), PopulationStatistics::default());
        for (sum, other) in self.projections.iter_mut().zip(&other.projections) {
            sum.reads += other.reads;
            sum.empty_reads += other.empty_reads;
            sum.active_rows += other.active_rows;
            sum.conversions += other.conversions;
            sum.zero_codes += other.zero_codes;
            sum.clipped += other.clipped;
        }
        for (sum, other) in self.populations.iter_mut().zip(&other.populations) {
            sum.spikes += other.spikes;
            sum.active_neurons += other.active_neurons;
            sum.clipped += other.clipped;
        }
    }
}
