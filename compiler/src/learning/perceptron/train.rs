//! Epochs of the delta rule, so many examples at a time that a caller can stop between any two.

use serde::{Deserialize, Serialize};
use snn::random::{Purpose, Stream};

use super::{Examples, PerceptronSettings, Synapses};
use crate::error::CompilerError;

/// A network without hidden layer in training. A value: whatever determines its future is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Perceptron {
    pub(super) settings: PerceptronSettings,
    pub(super) synapses: Synapses,
    pub(super) outputs: usize,
    pub(super) position: Position,
}

/// How far training is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Finished epochs.
    pub epoch: u32,
    /// Examples learned in the present one.
    pub example: u64,
    /// Of these, how many were right before they were learned.
    pub right: u64,
    /// Sum of their squared errors.
    pub loss: f64,
}

/// What an epoch came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochOutcome {
    /// The epoch, counted from 1.
    pub epoch: u32,
    /// Mean of half the squared error of an example, before it was learned.
    pub loss: f64,
    /// Share of examples that were right before they were learned.
    pub accuracy: f64,
}

impl Perceptron {
    /// A network of `outputs` classes on these synapses.
    ///
    /// # Errors
    /// Those of [`PerceptronSettings::check`].
    pub fn new(settings: PerceptronSettings, synapses: Synapses, outputs: usize) -> Result<Self, CompilerError> {
        settings.check()?;
        Ok(Self { settings, synapses, outputs, position: Position::default() })
    }

    /// Its weights.
    pub fn synapses(&self) -> &Synapses {
        &self.synapses
    }

    /// Its settings.
    pub fn settings(&self) -> &PerceptronSettings {
        &self.settings
    }

    /// How far training is.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Whether all epochs are done.
    pub fn is_finished(&self) -> bool {
        self.position.epoch >= self.settings.epochs
    }

    /// Learns up to `most` further examples of the present epoch; returns what the epoch came to when it is over.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] for examples of another shape, and those of the array.
    pub fn learn(&mut self, examples: &Examples, most: usize) -> Result<Option<EpochOutcome>, CompilerError> {
        self.check(examples)?;
        if self.position.example > examples.len() as u64 {
            return Err(CompilerError::Samples {
                what: "examples of an epoch".to_owned(),
                expected: format!("at least the {} that were learned before", self.position.example),
                found: examples.len().to_string(),
            });
        }
        if self.is_finished() || examples.is_empty() {
            return Ok(None);
        }
        if self.position.example == 0 {
            self.synapses.prepare()?;
        }
        let order = order(self.settings.seed, self.position.epoch, examples.len());
        let rate = self.settings.rate(self.position.epoch);
        let first = self.position.example as usize;
        let (mut totals, mut errors) = (vec![0.0; self.outputs], vec![0.0; self.outputs]);
        for &index in &order[first..examples.len().min(first.saturating_add(most))] {
            let (inputs, label) = (examples.inputs(index), examples.label(index));
            let weights = self.synapses.weights();
            self.synapses.read(&weights, inputs, &mut totals);
            self.position.right += u64::from(largest(&totals) == label);
            for (output, (error, &total)) in errors.iter_mut().zip(&totals).enumerate() {
                let (value, derivative) = self.settings.activation.value(total);
                let distance = self.settings.activation.target(output == label) - value;
                self.position.loss += f64::from(distance).powi(2) / 2.0;
                *error = distance * derivative;
            }
            self.synapses.learn(inputs, &errors, rate)?;
            self.position.example += 1;
        }
        if (self.position.example as usize) < examples.len() {
            return Ok(None);
        }
        let count = examples.len() as f64;
        let outcome = EpochOutcome {
            epoch: self.position.epoch + 1,
            loss: self.position.loss / count,
            accuracy: self.position.right as f64 / count,
        };
        self.position = Position { epoch: outcome.epoch, ..Position::default() };
        Ok(Some(outcome))
    }

    /// Share of examples whose class has the largest total input; reads are noisy as in training.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] for examples of another shape.
    pub fn accuracy(&mut self, examples: &Examples) -> Result<f64, CompilerError> {
        self.check(examples)?;
        let weights = self.synapses.weights();
        let mut totals = vec![0.0; self.outputs];
        let mut right = 0u64;
        for index in 0..examples.len() {
            self.synapses.read(&weights, examples.inputs(index), &mut totals);
            right += u64::from(largest(&totals) == examples.label(index));
        }
        Ok(right as f64 / examples.len().max(1) as f64)
    }

    fn check(&self, examples: &Examples) -> Result<(), CompilerError> {
        let inputs = match &self.synapses {
            Synapses::Float { weights } => weights.len() / self.outputs.max(1),
            Synapses::Array { array, .. } => array.array().inputs(),
        };
        if (examples.width(), examples.classes()) == (inputs, self.outputs) {
            return Ok(());
        }
        Err(CompilerError::Samples {
            what: "inputs and classes of the examples".to_owned(),
            expected: format!("{inputs} and {}", self.outputs),
            found: format!("{} and {}", examples.width(), examples.classes()),
        })
    }
}

/// The class with the largest total input, the first among equals.
fn largest(totals: &[f32]) -> usize {
    let best = |best: usize, place: usize| if totals[place] > totals[best] { place } else { best };
    (0..totals.len()).reduce(best).unwrap_or(0)
}

/// The order of examples in an epoch.
pub(super) fn order(seed: u64, epoch: u32, count: usize) -> Vec<usize> {
    let mut stream = Stream::new(seed, Purpose::ExampleOrder, epoch.into());
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, stream.below(u32::try_from(last + 1).unwrap_or(u32::MAX)) as usize);
    }
    order
}
