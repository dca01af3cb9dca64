//! The circuits at both ends of a read: what drives the lines of one side of an array and senses those of the other.

use std::borrow::Cow;

use rand_distr::{Distribution, StandardNormal};
use snn::random::{Purpose, Stream};

use super::ReadSettings;
use super::converter::{Codes, InputConverter, OutputConverter};
use crate::hardware::Spread;

/// The circuits of reads in one direction.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learning) struct Lines {
    /// What drives the lines of one side.
    pub input: Option<InputConverter>,
    output: Option<OutputConverter>,
    noise: Option<Spread>,
    /// Of each line that is sensed; empty without offsets.
    offsets: Vec<f32>,
    /// Current that 1 in the range of the output converter stands for: of all lines or, in turn, of each.
    pub units: Vec<f32>,
    gain: f32,
    /// Of this array and direction alone.
    seed: u64,
}

impl Lines {
    /// Circuits that sense `count` lines.
    pub fn new(settings: &ReadSettings, count: usize, gain: f32, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Read, 0);
        let mut offset = |sigma: f64| (sigma * f64::from(gain) * normal(&mut stream)) as f32;
        let offsets = settings.sense_offset.map(|sigma| (0..count).map(|_| offset(sigma)).collect());
        Self {
            input: settings.input_converter,
            output: settings.output_converter,
            noise: settings.noise,
            offsets: offsets.unwrap_or_default(),
            units: vec![1.0],
            gain,
            seed,
        }
    }

    /// Whether what they deliver is the exact product.
    pub fn is_exact(&self) -> bool {
        self.input.is_none() && self.output.is_none() && self.noise.is_none() && self.offsets.is_empty()
    }

    /// Inputs as they drive the lines.
    pub fn driven<'a>(&self, inputs: &'a [f32]) -> Cow<'a, [f32]> {
        let Some(converter) = self.input else { return Cow::Borrowed(inputs) };
        let largest = inputs.iter().fold(0.0f32, |largest, input| largest.max(input.abs()));
        let codes = Codes::new(converter.bits, converter.range(largest.into()), true);
        inputs.iter().map(|&input| codes.value(input.into()) as f32).collect()
    }

    /// Adds offset and noise of a read to the currents of all lines, in real weights times inputs, and converts them.
    pub fn sense(&self, read: u64, currents: &mut [f32]) {
        currents.iter_mut().zip(&self.offsets).for_each(|(current, offset)| *current += offset);
        if let Some(noise) = self.noise {
            let mut stream = Stream::new(self.seed, Purpose::Read, read.wrapping_add(1));
            for current in &mut *currents {
                *current = noise.disturb((*current).into(), self.gain.into(), normal(&mut stream)) as f32;
            }
        }
        if let Some(converter) = self.output {
            for (current, unit) in currents.iter_mut().zip(self.units.iter().cycle()) {
                let codes = Codes::new(converter.bits, converter.range * f64::from(*unit), true);
                *current = codes.value((*current).into()) as f32;
            }
        }
    }
}

fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream.generator())
}
