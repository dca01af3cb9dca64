//! How well a network infers what is missing, and how near it comes to the best estimate.

use snn::Network;

use super::description::Noise;
use super::scene::{Scene, Split};
use super::task::{RelationSamples, Task};
use crate::error::SpikegradError;
use crate::inference::{Outputs, infer};
use crate::resources::Resources;
use crate::samples::Samples;

/// Test examples with one variable missing, and what was inferred of it.
#[derive(Clone, Debug)]
pub struct Direction {
    /// The missing variable.
    pub variable: usize,
    /// True and inferred value of each example.
    pub values: Vec<[f64; 2]>,
    /// Root mean square of their distance, of continuous values; on a circle the shorter way round.
    pub rmse: Option<f64>,
    /// Largest distance.
    pub largest_error: Option<f64>,
    /// Share of examples whose class is inferred, by the nearest mean image.
    pub accuracy: Option<f64>,
    /// All outputs and the activity of the network.
    pub outputs: Outputs,
}

/// One test example of a task with observations.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// The example.
    pub scene: Scene,
    /// Inferred value of each variable.
    pub inferred: Vec<f64>,
    /// Best estimate of the observed variable: mean and standard deviation of its posterior.
    pub posterior: super::Posterior,
    /// Best estimate from each cue alone, where it is presented.
    pub alone: Vec<Option<f64>>,
}

/// How two cues that contradict each other are weighed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CueWeight {
    /// The two variables.
    pub cues: [usize; 2],
    /// Standard deviation of each.
    pub extents: [f64; 2],
    /// Share of the first cue in the estimate, `(estimate - second) / (first - second)`, averaged.
    pub weight: f64,
    /// The same of the best estimate, `e2^2 / (e1^2 + e2^2)`.
    pub best: f64,
}

impl Task {
    /// Infers variable `missing` of test examples from all others.
    ///
    /// # Errors
    /// As [`infer`].
    pub fn infer_missing(
        &self,
        network: &Network,
        missing: usize,
        examples: usize,
        resources: Resources,
    ) -> Result<Direction, SpikegradError> {
        let samples = self.samples(Split::Test, examples).missing(missing);
        let outputs = infer(network, &samples, resources)?;
        let judge = &self.judges[missing];
        let mut values = Vec::with_capacity(examples);
        let (mut squares, mut largest, mut right) = (0.0, 0.0f64, 0u64);
        for index in 0..examples {
            let wanted = samples.scene(None, index).values[missing];
            let counts = &outputs.example(index)[self.output(missing)];
            let error = judge.error(counts, wanted);
            squares += error * error;
            largest = largest.max(error.abs());
            right += u64::from(error == 0.0);
            values.push([wanted, judge.value(counts)]);
        }
        let is_continuous = self.description.variables[missing].code.range().is_some();
        let count = examples.max(1) as f64;
        Ok(Direction {
            variable: missing,
            values,
            rmse: is_continuous.then(|| (squares / count).sqrt()),
            largest_error: is_continuous.then_some(largest),
            accuracy: (!is_continuous).then(|| right as f64 / count),
            outputs,
        })
    }

    /// Infers all variables of test examples with observations of `observed`, beside the best estimates.
    ///
    /// # Errors
    /// As [`infer`].
    pub fn estimate(
        &self,
        network: &Network,
        observed: usize,
        examples: usize,
        resources: Resources,
    ) -> Result<(Vec<Estimate>, Outputs), SpikegradError> {
        let samples = self.samples(Split::Test, examples);
        let outputs = infer(network, &samples, resources)?;
        let estimate = |index: usize| {
            let scene = samples.scene(None, index);
            let counts = outputs.example(index);
            let inferred =
                self.judges.iter().zip(&self.outputs).map(|(judge, range)| judge.value(&counts[range.clone()]));
            let alone = (0..scene.cues.len()).map(|place| {
                let is_cue = scene.cues[place].is_some() && self.observed[place] == Some(observed);
                is_cue.then(|| self.posterior(&scene, observed, |used| used == place).mean)
            });
            Estimate {
                inferred: inferred.collect(),
                posterior: self.posterior(&scene, observed, |_| true),
                alone: alone.collect(),
                scene,
            }
        };
        Ok(((0..examples).map(estimate).collect(), outputs))
    }

    /// Shows pairs of shifted observations of `observed` that differ by `distance`, at extents over their ranges, and
    /// tells how the estimate weighs them. Values lie in the middle half of the range, where no end of it matters.
    ///
    /// # Errors
    /// As [`infer`].
    pub fn cue_weights(
        &self,
        network: &Network,
        observed: usize,
        distance: f64,
        resources: Resources,
    ) -> Result<Vec<CueWeight>, SpikegradError> {
        let Some([low, high]) = self.description.variables[observed].code.range() else { return Ok(Vec::new()) };
        let shifted: Vec<(usize, [f64; 2])> = (0..self.description.variables.len())
            .filter(|&place| self.observed[place] == Some(observed))
            .filter_map(|place| match self.description.variables[place].observes.as_ref()?.noise {
                Noise::Shift { sigma } => Some((place, sigma)),
                Noise::Events { .. } => None,
            })
            .collect();
        let mut conflicts = Vec::new();
        for (place, &(first, first_range)) in shifted.iter().enumerate() {
            for &(second, second_range) in &shifted[place + 1..] {
                for (step, other) in (0..STEPS).flat_map(|step| (0..STEPS).map(move |other| (step, other))) {
                    let at =
                        |[low, high]: [f64; 2], step: usize| low * (high / low).powf(step as f64 / (STEPS - 1) as f64);
                    let extents = [at(first_range, step), at(second_range, other)];
                    conflicts.push(Conflict { cues: [first, second], extents, distance, low, high });
                }
            }
        }
        let samples = Conflicts { task: self, conflicts: &conflicts };
        let outputs = infer(network, &samples, resources)?;
        let range = self.output(observed);
        let weigh = |(number, conflict): (usize, &Conflict)| {
            let shares = (0..TRIES).map(|attempt| {
                let [first, second] = conflict.values(attempt);
                let counts = &outputs.example(number * TRIES + attempt)[range.clone()];
                let code = &self.description.variables[observed].code;
                code.distance(self.judges[observed].value(counts), second) / code.distance(first, second)
            });
            let [first, second] = conflict.extents;
            CueWeight {
                cues: conflict.cues,
                extents: conflict.extents,
                weight: shares.sum::<f64>() / TRIES as f64,
                best: second.powi(2) / (first.powi(2) + second.powi(2)),
            }
        };
        Ok(conflicts.iter().enumerate().map(weigh).collect())
    }

    /// The inputs of a scene.
    pub fn inputs(&self, scene: &Scene) -> Vec<u8> {
        let mut inputs = vec![0; self.input_length()];
        self.write_inputs(scene, &mut inputs);
        inputs
    }
}

/// Extents of each cue.
const STEPS: usize = 5;
/// Examples of each pair of extents; even, so that either cue is the larger equally often.
const TRIES: usize = 200;

struct Conflict {
    cues: [usize; 2],
    extents: [f64; 2],
    distance: f64,
    low: f64,
    high: f64,
}

impl Conflict {
    /// What the cues show.
    fn values(&self, attempt: usize) -> [f64; 2] {
        let share = 0.25 + 0.5 * (attempt as f64 + 0.5) / TRIES as f64;
        let middle = self.low + (self.high - self.low) * share;
        let half = if attempt.is_multiple_of(2) { self.distance / 2.0 } else { -self.distance / 2.0 };
        [middle + half, middle - half]
    }
}

struct Conflicts<'a> {
    task: &'a Task,
    conflicts: &'a [Conflict],
}

impl Samples for Conflicts<'_> {
    fn len(&self) -> usize {
        self.conflicts.len() * TRIES
    }

    fn input_length(&self) -> usize {
        self.task.input_length()
    }

    fn objective(&self) -> crate::Objective {
        self.all().objective()
    }

    fn classes(&self) -> usize {
        self.all().classes()
    }

    fn fill(&self, _epoch: Option<u32>, index: usize, out: &mut [u8]) {
        out.fill(0);
        let conflict = &self.conflicts[index / TRIES];
        for ((&cue, value), extent) in conflict.cues.iter().zip(conflict.values(index % TRIES)).zip(conflict.extents) {
            if let Some(range) = self.task.input(cue) {
                out[range].copy_from_slice(&self.task.shifted_cue(cue, value, extent).counts);
            }
        }
    }

    fn label(&self, _index: usize) -> usize {
        0
    }

    fn order(&self, _epoch: u32) -> Vec<u32> {
        (0..self.len() as u32).collect()
    }
}

impl Conflicts<'_> {
    fn all(&self) -> RelationSamples<'_> {
        self.task.samples(Split::Test, 1)
    }
}
