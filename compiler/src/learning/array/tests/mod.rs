//! Arrays against sums of wanted changes, statistics, the exact circuit and uninterrupted runs.

mod converters;
mod reads;
mod records;
mod rules;
mod tiki_taka;
mod writing;

use snn::random::{Purpose, Stream};

use super::{ArraySettings, LearningArray, Pairing, UpdateRule};
use crate::learning::device::DeviceSpecification;

/// Every rule.
pub(in crate::learning) const RULES: [UpdateRule; 4] =
    [UpdateRule::Accumulated {}, UpdateRule::Rounded {}, UpdateRule::Amplitude {}, UpdateRule::Trains { length: 31 }];

/// A device of constants, changed by TOML lines.
pub(super) fn device(family: &str, lines: &str) -> DeviceSpecification {
    let text =
        format!("name = \"test\"\ndescription = \"test\"\nsources = []\nmodel = {{ family = \"{family}\" }}\n{lines}");
    DeviceSpecification::parse(&text, "test").unwrap()
}

/// A device without noise or spread.
pub(super) fn ideal(step: f64) -> DeviceSpecification {
    device("constant-step", &format!("step = {{ size = {step} }}"))
}

/// A device with every kind of noise and spread, and conductances.
pub(super) fn noisy() -> DeviceSpecification {
    device(
        "soft-bounds",
        "step = { size = 0.01, device_spread = 0.2, asymmetry_spread = 0.1, cycle_spread = 0.3, write_noise = 0.5 }\n\
         bounds = { lower = -1.0, upper = 1.0, lower_spread = 0.1, upper_spread = 0.1 }\n\
         retention = { lifetime_updates = 1000.0 }\n\
         energy = { write_j = 1e-12, pulse_ns = 10, lowest_conductance_s = 1e-6, highest_conductance_s = 1e-4 }",
    )
}

pub(super) fn settings(rule: UpdateRule, pairing: Pairing) -> ArraySettings {
    ArraySettings { gain: 2.0, rule, pairing, ..ArraySettings::default() }
}

fn array(device: &DeviceSpecification, settings: &ArraySettings, shape: [usize; 2], seed: u64) -> LearningArray {
    LearningArray::draw(device, settings, shape, seed, 3).unwrap()
}

/// Numbers from -1 to 1.
pub(super) struct Numbers(Stream);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(Stream::new(seed, Purpose::Test, 11))
    }

    pub fn next(&mut self) -> f32 {
        (f64::from(self.0.word()) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
    }

    pub fn vector(&mut self, length: usize) -> Vec<f32> {
        (0..length).map(|_| self.next()).collect()
    }
}
