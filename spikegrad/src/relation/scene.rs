//! One example of a task: true values, what is presented of them, what is asked for.

use rand_distr::{Distribution, Poisson, StandardNormal};
use snn::random::{Purpose, Stream};

use super::description::{Noise, Presentation, Targets, VariableDescription};
use super::task::Task;

/// Where an example comes from; splits share no random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Examples of a training epoch.
    Train {
        /// Counted from 0.
        epoch: u32,
    },
    /// Examples that the best epoch is chosen by.
    Validation,
    /// Examples of tests.
    Test,
}

impl Split {
    fn position(self, index: usize) -> u64 {
        let (part, epoch) = match self {
            Self::Train { epoch } => (0u64, epoch),
            Self::Validation => (1, 0),
            Self::Test => (2, 0),
        };
        (part << 62) | (u64::from(epoch & 0x3fff_ffff) << 32) | (index as u64 & 0xffff_ffff)
    }
}

/// What a population of inputs shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    /// The value shown; of an observation the shifted one, of a class its place.
    pub value: f64,
    /// Standard deviation of the shift, or light; 0 without noise.
    pub extent: f64,
    /// Spike counts of the inputs.
    pub counts: Vec<u8>,
}

/// An example.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// True value of each variable; of an observation that of what it observes.
    pub values: Vec<f64>,
    /// What is presented of each variable.
    pub cues: Vec<Option<Cue>>,
    /// Whether the loss asks for a variable.
    pub is_wanted: Vec<bool>,
    /// For variables coded by images the image that the output should become.
    pub images: Vec<Option<Vec<u8>>>,
}

/// A uniform number of `0..1`.
fn uniform(stream: &mut Stream) -> f64 {
    let high = u64::from(stream.word());
    let word = (high << 32) | u64::from(stream.word());
    (word >> 11) as f64 / (1u64 << 53) as f64
}

/// Uniform in the logarithm.
fn spread(stream: &mut Stream, [low, high]: [f64; 2]) -> f64 {
    (low.ln() + (high.ln() - low.ln()) * uniform(stream)).exp()
}

impl Task {
    /// The example with an index, a pure function of it, the split and the seed; with `missing` the variable that is
    /// left out and asked for.
    pub fn scene(&self, split: Split, index: usize, missing: Option<usize>) -> Scene {
        let mut stream = Stream::new(self.seed, Purpose::Relation, split.position(index));
        let variables = &self.description.variables;
        let mut values = Vec::with_capacity(variables.len());
        for (place, variable) in variables.iter().enumerate() {
            let value = self.draw(&mut stream, variable, place, &values);
            values.push(value);
        }
        let is_observing = self.description.relation.present == Presentation::Observations;
        let asks_for_all = is_observing || self.description.relation.targets == Targets::All;
        let left_out = match missing {
            None if !is_observing => Some(stream.below(variables.len() as u32) as usize),
            other => other,
        };
        let mut is_presented: Vec<bool> =
            (0..variables.len()).map(|place| self.inputs[place].is_some() && left_out != Some(place)).collect();
        if is_observing {
            self.drop_out(&mut stream, &mut is_presented);
        }
        let mut images = Vec::with_capacity(variables.len());
        let mut cues = Vec::with_capacity(variables.len());
        for (place, variable) in variables.iter().enumerate() {
            images.push(self.image(&mut stream, split, place, values[place]));
            // Numbers are drawn whether they are used or not, so that one cue does not change another.
            let cue = self.cue(&mut stream, split, variable, place, values[place]);
            cues.push(Some(cue).filter(|_| is_presented[place]));
        }
        let is_wanted = (0..variables.len()).map(|place| asks_for_all || left_out == Some(place)).collect();
        Scene { values, cues, is_wanted, images }
    }

    fn draw(&self, stream: &mut Stream, variable: &VariableDescription, place: usize, before: &[f64]) -> f64 {
        if let Some(observed) = self.observed[place] {
            return before[observed];
        }
        let value = match (&self.expressions[place], variable.code.range()) {
            (Some(expression), _) => expression.value(before),
            (None, Some([low, high])) => low + (high - low) * uniform(stream),
            (None, None) => f64::from(stream.below(variable.code.classes().unwrap_or(1) as u32)),
        };
        match (variable.code.range(), variable.code.classes()) {
            (None, Some(classes)) => value.round().clamp(0.0, (classes - 1) as f64),
            (Some([low, high]), _) if !variable.code.is_circular() => value.clamp(low, high),
            _ => value,
        }
    }

    /// Drops observations, each with its chance; one of equal chances stays where all would go.
    fn drop_out(&self, stream: &mut Stream, is_presented: &mut [bool]) {
        let before = is_presented.to_vec();
        for (is_presented, variable) in is_presented.iter_mut().zip(&self.description.variables) {
            let chance = variable.observes.as_ref().map_or(0.0, |observation| observation.dropout);
            *is_presented &= uniform(stream) >= chance;
        }
        let stays = stream.word() as usize;
        if !is_presented.contains(&true) {
            let all: Vec<usize> = (0..before.len()).filter(|&place| before[place]).collect();
            if let Some(&place) = all.get(stays % all.len().max(1)) {
                is_presented[place] = true;
            }
        }
    }

    fn image(&self, stream: &mut Stream, split: Split, place: usize, value: f64) -> Option<Vec<u8>> {
        let bank = self.images[place].as_ref()?;
        let classes = if split == Split::Test { &bank.test } else { &bank.train };
        let images = classes.get(value as usize)?;
        Some(images[stream.below(images.len() as u32) as usize].clone())
    }

    fn cue(&self, stream: &mut Stream, split: Split, variable: &VariableDescription, place: usize, value: f64) -> Cue {
        if let Some(counts) = self.image(stream, split, place, value) {
            return Cue { value, extent: 0.0, counts };
        }
        let noise = variable.observes.as_ref().map(|observation| observation.noise);
        let peak = f64::from(variable.peak);
        let mut y = vec![0.0; variable.code.neurons()];
        let (value, extent) = match noise {
            None => (value, 0.0),
            Some(Noise::Shift { sigma }) => {
                let extent = spread(stream, sigma);
                let normal: f64 = StandardNormal.sample(stream.generator());
                (value + extent * normal, extent)
            }
            Some(Noise::Events { light, .. }) => (value, spread(stream, light)),
        };
        variable.code.encode(value, &mut y);
        let counts = match noise {
            None => self.rounded(&y, peak),
            Some(Noise::Shift { sigma: [smallest, _] }) => self.rounded(&y, peak * (smallest / extent).powi(2)),
            Some(Noise::Events { background, .. }) => {
                let events = |&y: &f64| {
                    let mean = extent * peak * y + background;
                    let drawn = Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(stream.generator()));
                    drawn.min(f64::from(super::network::MOST_EVENTS)) as u8
                };
                y.iter().map(events).collect()
            }
        };
        Cue { value, extent, counts }
    }

    /// The counts of a cue that shows a value with a reliability of choice, for the study of conflicts.
    pub fn shifted_cue(&self, place: usize, value: f64, extent: f64) -> Cue {
        let variable = &self.description.variables[place];
        let mut y = vec![0.0; variable.code.neurons()];
        variable.code.encode(value, &mut y);
        let gain = match variable.observes.as_ref().map(|observation| observation.noise) {
            Some(Noise::Shift { sigma: [smallest, _] }) => (smallest / extent).powi(2),
            Some(Noise::Events { .. }) => extent,
            None => 1.0,
        };
        Cue { value, extent, counts: self.rounded(&y, f64::from(variable.peak) * gain) }
    }

    fn rounded(&self, y: &[f64], peak: f64) -> Vec<u8> {
        y.iter().map(|y| (y * peak).round() as u8).collect()
    }
}
