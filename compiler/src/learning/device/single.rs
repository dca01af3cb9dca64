//! One device as a value.

use rand_xoshiro::rand_core::Rng;

use super::devices::Parts;
use super::random::Draws;
use super::row::{Pulses, Row};

/// One device, or pair, taken out of an array by [`super::Devices::device`].
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub(super) state: Vec<f32>,
    pub(super) weight: f32,
    pub(super) parts: Parts,
}

impl Device {
    /// What a read sees.
    pub fn weight(&self) -> f32 {
        self.weight
    }

    /// Its state; of a pair that of the device that counts as positive, and the other one.
    pub fn states(&self) -> &[f32] {
        &self.state
    }

    /// Lowest and highest state of the first device.
    pub fn bounds(&self) -> (f32, f32) {
        (self.parts.lower[0], self.parts.upper[0])
    }

    /// Gives it pulses, upwards above 0; noise comes from the generator.
    pub fn apply(&mut self, pulses: i16, generator: &mut impl Rng) {
        let mut weights = [self.weight];
        let row = Row { number: 0, state: &mut self.state, weights: &mut weights };
        let mut given = Pulses::new(1);
        given.numbers[0] = pulses;
        self.parts.pulse(row, &mut given, &mut Draws(generator));
        self.weight = weights[0];
    }
}
