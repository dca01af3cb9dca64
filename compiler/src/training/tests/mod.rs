//! Hardware-aware training against slow references.

mod columns;
mod deployment;
mod digits;
mod runs;

use kernels::Isa;
use snn::random::{Purpose, Stream};
use snn::{Network, NetworkDescription, NeuronKind, Shorthand, ShorthandPadding, WeightFormat};
use spikegrad::{Resources, Samples, TrainingSettings};

use crate::hardware::HardwareSpecification;

/// A small chip; `quantiser` is a TOML value.
pub(super) fn chip(rows: usize, bits: u32, cell_bits: u32, quantiser: &str, rest: &str) -> HardwareSpecification {
    let text = format!(
        "name = 'test'\ndescription = ''\nsources = []\n\
         array = {{ rows = {rows}, columns = 64, cell_bits = {cell_bits} }}\n\
         weights = {{ bits = {bits}, signed = 'differential-pair' }}\n\
         input = {{ coding = 'bit-serial', bits = 4, image_bits = 5 }}\n\
         quantiser = {quantiser}\n\
         device = {{ cell = 'rram', technology_nm = 65, on_resistance_ohm = 6e3, read_voltage_v = 0.5, \
         read_pulse_ns = 10, wire_resistance_ohm = 0 }}\ncost = {{}}\n{rest}"
    );
    toml::from_str(&text).unwrap()
}

/// A network for 8 x 8 digits with counts of up to 15 between populations.
pub(crate) fn network(topology: &str) -> Network {
    Network::build(&description(topology)).unwrap()
}

/// The description of [`network`].
pub(super) fn description(topology: &str) -> NetworkDescription {
    let shorthand = Shorthand {
        topology,
        channels: 1,
        padding: Some(ShorthandPadding::Same),
        weights: WeightFormat::I8,
        input_maximum: 16,
        input_minimum: 0,
        input_gain: 4.0,
        output_gain: 1.0,
        fraction_bits: None,
        maximum_count: None,
    };
    let mut description = shorthand.describe().unwrap();
    for population in &mut description.populations {
        population.maximum_count = match population.neuron {
            NeuronKind::Input => Some(16),
            NeuronKind::Relu => Some(15),
            NeuronKind::Linear | NeuronKind::Readout => None,
        };
        population.bias = matches!(population.neuron, NeuronKind::Relu | NeuronKind::Readout);
    }
    description
}

/// The embedded digits from `start` on.
pub(crate) struct Digits(datasets::Samples);

impl Digits {
    pub fn new(start: usize, count: usize) -> Self {
        let dataset = datasets::load(&datasets::Source::Digits, None).unwrap();
        Self(dataset.train.range(start..start + count))
    }
}

impl Samples for Digits {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn input_length(&self) -> usize {
        self.0.image_len()
    }

    fn classes(&self) -> usize {
        10
    }

    fn fill(&self, _: Option<u32>, index: usize, out: &mut [u8]) {
        out.copy_from_slice(self.0.image(index));
    }

    fn label(&self, index: usize) -> usize {
        self.0.label(index).into()
    }

    fn order(&self, epoch: u32) -> Vec<u32> {
        datasets::permutation(1, epoch.into(), self.len()).into_iter().map(|index| index as u32).collect()
    }
}

pub(crate) fn settings(epochs: u32) -> TrainingSettings {
    TrainingSettings { epochs, batch: 32, learning_rate: 0.02, ..TrainingSettings::default() }
}

pub(crate) fn resources(threads: usize) -> Resources {
    Resources { threads, isa: Isa::detect() }
}

/// Numbers of a test.
pub(super) struct Numbers(Stream);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(Stream::new(seed, Purpose::Test, 99))
    }

    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.0.below((high - low + 1) as u32) as i32
    }
}
