//! A small separable task: each class brightens its own part of a small image.

use snn::description::FORMAT;
use snn::random::{Purpose, Stream};
use snn::{Network, NetworkDescription, NeuronKind, ProjectionKindDescription as Kind, Threshold, WeightFormat};
use spikegrad::{Samples, Schedule, TrainingSettings};

use super::networks::{connect, population};

pub const CLASSES: usize = 4;
const SIDE: usize = 6;

/// Images of 6 x 6 pixels in four classes; class c brightens quadrant c.
pub struct Quadrants {
    images: Vec<Vec<u8>>,
    pub seed: u64,
}

impl Quadrants {
    pub fn new(count: usize, seed: u64) -> Self {
        let image = |index: usize| {
            let mut stream = Stream::new(seed, Purpose::Test, index as u64);
            let class = index % CLASSES;
            let pixel = |position: usize| {
                let (y, x) = (position / SIDE, position % SIDE);
                let quadrant = 2 * (y / (SIDE / 2)) + x / (SIDE / 2);
                (stream.below(60) + if quadrant == class { 90 } else { 0 }) as u8
            };
            (0..SIDE * SIDE).map(pixel).collect()
        };
        Self { images: (0..count).map(image).collect(), seed }
    }
}

impl Samples for Quadrants {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn input_length(&self) -> usize {
        SIDE * SIDE
    }

    fn classes(&self) -> usize {
        CLASSES
    }

    fn fill(&self, epoch: Option<u32>, index: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.images[index]);
        // Augmentation: one pixel of each image is blanked, another one in each epoch.
        if let Some(epoch) = epoch {
            out[(epoch as usize * 7 + index) % (SIDE * SIDE)] = 0;
        }
    }

    fn label(&self, index: usize) -> usize {
        index % CLASSES
    }

    fn order(&self, epoch: u32) -> Vec<u32> {
        let mut stream = Stream::new(self.seed, Purpose::Test, (1 << 40) | u64::from(epoch));
        let mut order: Vec<u32> = (0..self.images.len() as u32).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, stream.below(place as u32 + 1) as usize);
        }
        order
    }
}

/// 6x6 - 4 channels convolved 3x3 - average pooling 2 - 20 - 4, biases everywhere.
pub fn network(weights: WeightFormat) -> Network {
    Network::build(&description(weights)).unwrap()
}

pub fn description(weights: WeightFormat) -> NetworkDescription {
    let mut description =
        NetworkDescription { format: FORMAT, weights, populations: Vec::new(), projections: Vec::new() };
    let mut add = |name: &str, shape: Vec<usize>, neuron: NeuronKind, bits: u32, threshold: Option<i64>| {
        let mut new = population(name.to_owned(), shape, neuron);
        new.fraction_bits = bits;
        new.threshold = threshold.map(Threshold::Uniform);
        new.bias = matches!(neuron, NeuronKind::Relu | NeuronKind::Readout);
        description.populations.push(new);
    };
    add("input", vec![1, SIDE, SIDE], NeuronKind::Input, 0, None);
    // An input gain of 1/20: pixels of up to 150 count as about 7 spikes.
    add("convolution", vec![4, SIDE, SIDE], NeuronKind::Relu, 6, Some(20 << 6));
    add("pooling", vec![4, SIDE / 2, SIDE / 2], NeuronKind::Linear, 0, Some(4));
    add("hidden", vec![20], NeuronKind::Relu, 6, None);
    add("readout", vec![CLASSES], NeuronKind::Readout, 6, None);
    connect(&mut description, 0, 1, Kind::Convolution { kernel: [3, 3], stride: [1, 1], padding: [1, 1] });
    connect(&mut description, 1, 2, Kind::SumPooling { window: [2, 2], stride: [2, 2], weight: 1 });
    connect(&mut description, 2, 3, Kind::Dense);
    connect(&mut description, 3, 4, Kind::Dense);
    description
}

pub fn settings() -> TrainingSettings {
    TrainingSettings {
        epochs: 4,
        batch: 20,
        learning_rate: 0.05,
        momentum: 0.9,
        schedule: Schedule::Constant {},
        alpha: 50.0,
        seed: 3,
        ..TrainingSettings::default()
    }
}
