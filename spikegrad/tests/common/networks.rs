//! Random networks: chains with connections that skip populations, further inputs and several outputs.

use snn::description::FORMAT;
use snn::random::{Purpose, Stream};
use snn::{
    Bias, Network, NetworkDescription, NeuronKind, PopulationDescription, ProjectionDescription,
    ProjectionKindDescription as Kind, Threshold, WeightFormat, Weights,
};

/// Draws networks, inputs and errors from a seed.
pub struct Generator(Stream);

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self(Stream::new(seed, Purpose::Test, 7))
    }

    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::from(self.0.below((high - low + 1) as u32))
    }

    pub fn size(&mut self, low: usize, high: usize) -> usize {
        self.between(low as i64, high as i64) as usize
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.0.below(chances) == 0
    }

    /// One input, up to four hidden populations and a readout; now and then a second input that joins a hidden
    /// population, and several outputs, readouts or such as fire. Every population is also joined to earlier ones
    /// now and then, so that errors arrive over several thresholds.
    pub fn network(&mut self, weights: WeightFormat) -> Network {
        let mut description =
            NetworkDescription { format: FORMAT, weights, populations: Vec::new(), projections: Vec::new() };
        let shape = vec![self.size(1, 3), self.size(3, 6), self.size(3, 6)];
        let mut input = population("input".to_owned(), shape, NeuronKind::Input);
        if self.one_in(3) {
            (input.minimum_count, input.maximum_count) = (Some(-128), Some(127));
        }
        description.populations.push(input);
        for number in 0..self.size(1, 4) {
            let (kind, shape) = self.kind(&description.populations[number].shape.clone());
            let hidden = self.hidden(format!("hidden{number}"), shape, kind);
            description.populations.push(hidden);
            connect(&mut description, number, number + 1, kind);
            self.skip(&mut description, number + 1);
        }
        let hidden = description.populations.len() - 1;
        let neuron = if self.one_in(3) { NeuronKind::Linear } else { NeuronKind::Readout };
        for number in 0..if self.one_in(3) { 2 } else { 1 } {
            let mut output = population(format!("output{number}"), vec![self.size(1, 12)], neuron);
            output.bias = self.one_in(2);
            output.fraction_bits = self.size(0, 8) as u32;
            description.populations.push(output);
            connect(&mut description, hidden, hidden + 1 + number, Kind::Dense);
            self.skip(&mut description, hidden + 1 + number);
        }
        if self.one_in(3) {
            let mut other = population("other".to_owned(), vec![self.size(1, 9)], NeuronKind::Input);
            if self.one_in(2) {
                (other.minimum_count, other.maximum_count) = (Some(-20), Some(5));
            }
            description.populations.push(other);
            let (last, to) = (description.populations.len() - 1, self.size(1, hidden));
            connect(&mut description, last, to, Kind::Dense);
        }
        let mut network = Network::build(&description).unwrap();
        self.fill(&mut network);
        network.check_bounds().unwrap();
        network
    }

    /// Joins population `to` to an earlier one.
    fn skip(&mut self, description: &mut NetworkDescription, to: usize) {
        if self.one_in(2) {
            return;
        }
        let from = self.size(0, to - 1);
        if !description.projections.iter().all(|projection| projection.from != description.populations[to].name)
            || ["output0", "output1"].contains(&&*description.populations[from].name)
        {
            return;
        }
        let is_same = description.populations[from].shape == description.populations[to].shape;
        let weight = self.nonzero(5);
        let is_identity = is_same && description.populations[to].neuron != NeuronKind::Readout;
        connect(description, from, to, if is_identity { Kind::Identity { weight } } else { Kind::Dense });
    }

    fn nonzero(&mut self, limit: i64) -> i32 {
        let weight = self.between(1, limit) as i32;
        if self.one_in(2) { weight } else { -weight }
    }

    fn hidden(&mut self, name: String, shape: Vec<usize>, kind: Kind) -> PopulationDescription {
        let neuron = if self.one_in(3) { NeuronKind::Linear } else { NeuronKind::Relu };
        let channels = shape[0];
        let mut hidden = population(name, shape, neuron);
        let scale = match kind {
            Kind::SumPooling { window, weight, .. } => {
                (window[0] * window[1]) as i64 * i64::from(weight.unsigned_abs())
            }
            _ => 1 << self.between(1, 7),
        };
        hidden.threshold = Some(match self.between(0, 4) {
            // Small thresholds have a small least common multiple; arbitrary ones of many
            // channels need factors over a power of two.
            0 => Threshold::PerChannel((0..channels).map(|_| self.between(1, 12)).collect()),
            1 => Threshold::PerChannel((0..channels).map(|_| self.between(1, 4000)).collect()),
            2 => Threshold::Uniform(self.between(1, 200)),
            _ => Threshold::Uniform(scale),
        });
        hidden.bias = self.one_in(2);
        if self.one_in(4) {
            hidden.maximum_count = Some(self.between(0, 5) as i32);
        }
        if neuron == NeuronKind::Linear && self.one_in(4) {
            hidden.minimum_count = Some(-self.between(0, 5) as i32);
        }
        hidden
    }

    fn kind(&mut self, shape: &[usize]) -> (Kind, Vec<usize>) {
        let &[channels, height, width] = shape else {
            return match self.between(0, 3) {
                0 => (Kind::Identity { weight: self.nonzero(9) }, shape.to_vec()),
                _ => (Kind::Dense, vec![self.size(1, 24)]),
            };
        };
        match self.between(0, 6) {
            0 => (Kind::Dense, vec![self.size(1, 24)]),
            1 => (Kind::Identity { weight: self.nonzero(9) }, shape.to_vec()),
            2 => {
                let window = [self.size(1, height.min(3)), self.size(1, width.min(3))];
                let stride = if self.one_in(2) { window } else { [self.size(1, 3), self.size(1, 3)] };
                let after = |axis: usize, size: usize| (size - window[axis]) / stride[axis] + 1;
                let next = vec![channels, after(0, height), after(1, width)];
                (Kind::SumPooling { window, stride, weight: self.nonzero(2) }, next)
            }
            _ => {
                let kernel = [self.size(1, height.min(5)), self.size(1, width.min(5))];
                let stride = if self.one_in(2) { [1, 1] } else { [self.size(1, 4), self.size(1, 3)] };
                let padding = [self.size(0, kernel[0] - 1), self.size(0, kernel[1] - 1)];
                let after = |axis: usize, size: usize| (size + 2 * padding[axis] - kernel[axis]) / stride[axis] + 1;
                let next = vec![self.size(1, 9), after(0, height), after(1, width)];
                (Kind::Convolution { kernel, stride, padding }, next)
            }
        }
    }

    /// Weights that are multiples of half a threshold now and then, so that exact halves occur.
    fn fill(&mut self, network: &mut Network) {
        for index in 0..network.projections().len() {
            let projection = &network.projections()[index];
            let Some(weights) = &projection.weights else { continue };
            let threshold = network.populations()[projection.to].threshold(0);
            let unit = if self.one_in(2) { (threshold / 2).clamp(1, 60) } else { 1 };
            let limit = if self.one_in(4) { i64::MAX } else { 3 * threshold };
            let limit = limit.min(weights.format().limit().min(32639.0) as i64);
            let count = weights.len();
            let format = weights.format();
            let values: Vec<i64> = (0..count)
                .map(|_| {
                    let value = self.between(-limit, limit);
                    if self.one_in(4) { 0 } else { value / unit * unit }
                })
                .collect();
            network.set_weights(index, weights_of(format, &values)).unwrap();
        }
        for index in 0..network.populations().len() {
            let target = &network.populations()[index];
            let Some(bias) = &target.bias else { continue };
            let limit = 3 * target.threshold(0);
            let values: Vec<i32> = (0..bias.len()).map(|_| self.between(-limit, limit) as i32).collect();
            network.set_bias(index, Bias::Integer(values)).unwrap();
        }
    }

    /// Input bytes of one example, by input population: some zero, most small, some extreme.
    pub fn input(&mut self, network: &Network) -> Vec<u8> {
        let mut bytes = Vec::new();
        for index in inputs(network) {
            let input = &network.populations()[index];
            let (low, high) = (i64::from(input.minimum_count), i64::from(input.maximum_count));
            bytes.extend((0..input.shape.neurons()).map(|_| match self.between(0, 9) {
                0..3 => 0,
                3..9 => self.between(-4, 9).clamp(low, high) as u8,
                _ => self.between(low, high) as u8,
            }));
        }
        bytes
    }

    /// Error counts of the outputs, up to `largest`.
    pub fn errors(&mut self, network: &Network, largest: i64) -> Vec<i32> {
        let neurons = outputs(network).iter().map(|&index| network.populations()[index].shape.neurons()).sum();
        (0..neurons).map(|_| self.between(-largest, largest) as i32).collect()
    }
}

/// Input populations.
pub fn inputs(network: &Network) -> Vec<usize> {
    let all = network.populations().iter().enumerate();
    all.filter(|(_, population)| population.neuron == NeuronKind::Input).map(|(index, _)| index).collect()
}

/// Output populations: they project nowhere.
pub fn outputs(network: &Network) -> Vec<usize> {
    let all = network.populations().iter().enumerate();
    all.filter(|(_, population)| population.outgoing.is_empty()).map(|(index, _)| index).collect()
}

/// Cuts values of all `populations` into those of each.
pub fn cut<'v, T>(network: &Network, populations: &[usize], values: &'v [T]) -> Vec<&'v [T]> {
    let mut rest = values;
    let mut part = |&index: &usize| {
        let (own, others) = rest.split_at(network.populations()[index].shape.neurons());
        rest = others;
        own
    };
    populations.iter().map(&mut part).collect()
}

/// Integers as weights of a format.
pub fn weights_of(format: WeightFormat, values: &[i64]) -> Weights {
    match format {
        WeightFormat::I8 => Weights::I8(values.iter().map(|&value| value as i8).collect()),
        WeightFormat::I16 => Weights::I16(values.iter().map(|&value| value as i16).collect()),
        WeightFormat::F32 => Weights::F32(values.iter().map(|&value| value as f32).collect()),
    }
}

/// A population with the defaults of its kind.
pub fn population(name: String, shape: Vec<usize>, neuron: NeuronKind) -> PopulationDescription {
    PopulationDescription::new(name, shape, neuron)
}

/// Adds a projection between two populations of a description.
pub fn connect(description: &mut NetworkDescription, from: usize, to: usize, kind: Kind) {
    description.projections.push(ProjectionDescription {
        name: format!("projection{}", description.projections.len()),
        from: description.populations[from].name.clone(),
        to: description.populations[to].name.clone(),
        kind,
    });
}
