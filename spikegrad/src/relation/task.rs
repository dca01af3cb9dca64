//! A task that was checked once: its network, decoders, images and random examples.

use snn::Network;

use super::description::{Presentation, RelationDescription};
use super::expression::Expression;
use super::images::ImageBank;
use super::judge::Judge;
use super::scene::{Scene, Split};
use crate::error::SpikegradError;
use crate::samples::{Objective, Samples};

/// Random examples that the values of expressions are tried on.
const TRIED: usize = 1024;

/// A relational task.
#[derive(Clone, Debug)]
pub struct Task {
    pub(super) description: RelationDescription,
    pub(super) seed: u64,
    pub(super) expressions: Vec<Option<Expression>>,
    /// Which variable each one observes.
    pub(super) observed: Vec<Option<usize>>,
    /// Where the counts of each presented variable lie among the inputs of an example.
    pub(super) inputs: Vec<Option<std::ops::Range<usize>>>,
    /// Where the counts of each variable lie among the outputs.
    pub(super) outputs: Vec<std::ops::Range<usize>>,
    pub(super) images: Vec<Option<ImageBank>>,
    pub(super) judges: Vec<Judge>,
}

impl Task {
    /// Checks a description and brings images to the variables that are coded by such, in their order.
    ///
    /// # Errors
    /// Those of [`RelationDescription::check`]; [`SpikegradError::Samples`] for images that do not fit;
    /// [`SpikegradError::Setting`] for an expression whose value leaves its range.
    pub fn new(description: RelationDescription, images: Vec<ImageBank>, seed: u64) -> Result<Self, SpikegradError> {
        description.check()?;
        let expressions = description.expressions()?;
        let variables = &description.variables;
        let mut banks = images.into_iter();
        let mut images = Vec::with_capacity(variables.len());
        for variable in variables {
            images.push(match variable.code.classes() {
                None => None,
                Some(classes) => {
                    let bank = banks.next().unwrap_or_default();
                    bank.check(&variable.name, classes, variable.code.neurons())?;
                    Some(bank)
                }
            });
        }
        let observed = variables.iter().map(|variable| {
            variable.observes.as_ref().and_then(|observation| description.variable(&observation.variable))
        });
        let (mut next_input, mut next_output) = (0, 0);
        let place = |next: &mut usize, neurons: usize| {
            *next += neurons;
            *next - neurons..*next
        };
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for (index, variable) in variables.iter().enumerate() {
            let neurons = variable.code.neurons();
            inputs.push(description.is_presented(index).then(|| place(&mut next_input, neurons)));
            outputs.push(place(&mut next_output, neurons));
        }
        let judges = variables.iter().zip(&images).map(|(variable, images)| Judge::new(variable, images.as_ref()));
        let task = Self {
            observed: observed.collect(),
            judges: judges.collect(),
            seed,
            expressions,
            inputs,
            outputs,
            images,
            description,
        };
        task.try_expressions()?;
        Ok(task)
    }

    /// Refuses expressions that leave the range of their code for some of the values they are computed from.
    fn try_expressions(&self) -> Result<(), SpikegradError> {
        for index in 0..TRIED {
            let scene = self.scene(Split::Validation, index, None);
            for (place, variable) in self.description.variables.iter().enumerate() {
                let Some(expression) = &self.expressions[place] else { continue };
                let value = expression.value(&scene.values[..place]);
                let is_inside = match (variable.code.range(), variable.code.classes()) {
                    (_, Some(classes)) => value.fract() == 0.0 && value >= 0.0 && value < classes as f64,
                    (Some(_), _) if variable.code.is_circular() => value.is_finite(),
                    (Some([low, high]), _) => (low..=high).contains(&value),
                    (None, None) => false,
                };
                if !is_inside {
                    return Err(SpikegradError::Setting {
                        field: format!("variable.{}.value", variable.name),
                        expected: match variable.code.classes() {
                            Some(classes) => format!("the number of a class, 0 to {}", classes - 1),
                            None => format!("values within {:?}; widen the range of its code", variable.code.range()),
                        },
                        found: format!("{value} where the variables before it are {:?}", &scene.values[..place]),
                    });
                }
            }
        }
        Ok(())
    }

    /// What it was made of.
    pub fn description(&self) -> &RelationDescription {
        &self.description
    }

    /// Seed of its examples.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The network that infers the variables, without weights.
    ///
    /// # Errors
    /// As [`RelationDescription::network`].
    pub fn network(&self) -> Result<Network, SpikegradError> {
        self.description.network()
    }

    /// How the counts of a variable are read.
    pub fn judge(&self, variable: usize) -> &Judge {
        &self.judges[variable]
    }

    /// Neurons of all inputs.
    pub fn input_length(&self) -> usize {
        self.inputs.iter().flatten().map(|range| range.end).max().unwrap_or(0)
    }

    /// Where the counts of a variable lie among the outputs of an example.
    pub fn output(&self, variable: usize) -> std::ops::Range<usize> {
        self.outputs[variable].clone()
    }

    /// Where the counts of a variable lie among the inputs of an example; `None` for one that is never presented.
    pub fn input(&self, variable: usize) -> Option<std::ops::Range<usize>> {
        self.inputs[variable].clone()
    }

    /// Writes the input counts of a scene; those of variables that are not presented are 0.
    pub fn write_inputs(&self, scene: &Scene, out: &mut [u8]) {
        out.fill(0);
        for (range, cue) in self.inputs.iter().zip(&scene.cues) {
            if let (Some(range), Some(cue)) = (range, cue) {
                out[range.clone()].copy_from_slice(&cue.counts);
            }
        }
    }

    /// Writes the target count of every output neuron of the variables that a scene asks for.
    pub fn write_targets(&self, scene: &Scene, out: &mut [Option<i16>]) {
        out.fill(None);
        for (place, variable) in self.description.variables.iter().enumerate() {
            if !scene.is_wanted[place] {
                continue;
            }
            let out = &mut out[self.outputs[place].clone()];
            let peak = f64::from(variable.peak);
            if let (Some(image), super::Code::Image { maximum, .. }) = (&scene.images[place], &variable.code) {
                let scale = peak / f64::from(*maximum);
                let count = |&pixel: &u8| Some((f64::from(pixel) * scale).round() as i16);
                out.iter_mut().zip(image.iter().map(count)).for_each(|(out, count)| *out = count);
            } else {
                let mut y = vec![0.0; out.len()];
                variable.code.encode(scene.values[place], &mut y);
                out.iter_mut().zip(y).for_each(|(out, y)| *out = Some((y * peak).round() as i16));
            }
        }
    }

    /// Errors of counts that weigh in full: as large as a code of the largest variable is long.
    pub fn largest_distance(&self) -> f64 {
        let length =
            |variable: &super::VariableDescription| f64::from(variable.peak) * (variable.code.neurons() as f64).sqrt();
        self.description.variables.iter().map(length).fold(1.0, f64::max)
    }

    /// Examples to train on, or to choose and test by.
    pub fn samples(&self, split: Split, count: usize) -> RelationSamples<'_> {
        RelationSamples { task: self, split, count, missing: None }
    }

    /// Variables that can be missing on their own: the directions of the relation.
    pub fn directions(&self) -> Vec<usize> {
        match self.description.relation.present {
            Presentation::AllButOne => (0..self.description.variables.len()).collect(),
            Presentation::Observations => Vec::new(),
        }
    }
}

/// Examples of a task as the trainer takes them.
#[derive(Clone, Debug)]
pub struct RelationSamples<'a> {
    task: &'a Task,
    split: Split,
    count: usize,
    missing: Option<usize>,
}

impl RelationSamples<'_> {
    /// The same examples with one variable missing in all of them.
    pub fn missing(self, variable: usize) -> Self {
        Self { missing: Some(variable), ..self }
    }

    /// An example.
    pub fn scene(&self, epoch: Option<u32>, index: usize) -> Scene {
        let split = match (self.split, epoch) {
            (Split::Train { .. }, Some(epoch)) => Split::Train { epoch },
            (split, _) => split,
        };
        self.task.scene(split, index, self.missing)
    }
}

impl Samples for RelationSamples<'_> {
    fn len(&self) -> usize {
        self.count
    }

    fn input_length(&self) -> usize {
        self.task.input_length()
    }

    fn objective(&self) -> Objective {
        Objective::Counts { largest: self.task.largest_distance() }
    }

    fn classes(&self) -> usize {
        self.task.outputs.last().map_or(0, |range| range.end)
    }

    fn fill(&self, epoch: Option<u32>, index: usize, out: &mut [u8]) {
        self.task.write_inputs(&self.scene(epoch, index), out);
    }

    fn label(&self, _index: usize) -> usize {
        0
    }

    fn targets(&self, epoch: Option<u32>, index: usize, out: &mut [Option<i16>]) {
        self.task.write_targets(&self.scene(epoch, index), out);
    }

    fn is_right(&self, epoch: Option<u32>, index: usize, outputs: &[f64]) -> bool {
        let scene = self.scene(epoch, index);
        let is_right = |place: usize| {
            self.task.judges[place].is_right(&outputs[self.task.outputs[place].clone()], scene.values[place])
        };
        (0..scene.values.len()).filter(|&place| scene.is_wanted[place]).all(is_right)
    }

    fn order(&self, _epoch: u32) -> Vec<u32> {
        (0..self.count as u32).collect()
    }
}
