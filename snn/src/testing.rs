//! Random networks and inputs for the tests of this workspace.

use kernels::Counts;

use crate::description::{
    FORMAT, NetworkDescription, NeuronKind, PopulationDescription, ProjectionDescription, ProjectionKindDescription,
    Threshold, WeightFormat,
};
use crate::error::SnnError;
use crate::network::{Bias, Network, Weights};
use crate::random::{Purpose, Stream};

/// Counts of one input population, owned.
#[derive(Clone, Debug)]
pub enum OwnedCounts {
    /// 0..=255.
    Unsigned(Vec<u8>),
    /// -128..=127.
    Signed(Vec<i8>),
}

impl OwnedCounts {
    /// A view of the counts.
    pub fn view(&self) -> Counts<'_> {
        match self {
            Self::Unsigned(values) => Counts::Unsigned(values),
            Self::Signed(values) => Counts::Signed(values),
        }
    }
}

/// A source of random networks.
pub struct Generator {
    stream: Stream,
}

impl Generator {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self { stream: Stream::new(seed, Purpose::Test, 0) }
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::from(self.stream.below((high - low + 1) as u32))
    }

    fn size(&mut self, low: usize, high: usize) -> usize {
        self.between(low as i64, high as i64) as usize
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.stream.below(chances) == 0
    }

    /// A network of one or two inputs, up to three hidden populations and a readout, joined by
    /// random projections, with small multiples of fractions of the thresholds as weights, so
    /// that exact halves, saturation and biases above the threshold all occur.
    ///
    /// # Errors
    /// As [`Network::build`]; none is expected.
    pub fn network(&mut self, weights: WeightFormat) -> Result<Network, SnnError> {
        let mut description =
            NetworkDescription { format: FORMAT, weights, populations: Vec::new(), projections: Vec::new() };
        let map = vec![self.size(1, 3), self.size(3, 7), self.size(3, 7)];
        self.add_input(&mut description, "input", map.clone());
        let has_second_input = self.one_in(3);
        if has_second_input {
            let units = self.size(1, 5);
            self.add_input(&mut description, "sensor", vec![units]);
        }
        let mut shape = map;
        let mut before = "input".to_owned();
        for number in 0..self.size(0, 3) {
            let name = format!("hidden{number}");
            let (kind, next) = self.projection(&shape);
            self.add_hidden(&mut description, &name, next.clone(), kind);
            connect(&mut description, &before, &name, kind);
            if next == shape && self.one_in(2) {
                let weight = self.weight_other_than_zero(3);
                connect(&mut description, &before, &name, ProjectionKindDescription::Identity { weight });
            }
            if has_second_input && self.one_in(2) {
                connect(&mut description, "sensor", &name, ProjectionKindDescription::Dense);
            }
            (before, shape) = (name, next);
        }
        let classes = self.size(1, 20);
        description.populations.push(PopulationDescription::new("readout", vec![classes], NeuronKind::Readout));
        if let Some(readout) = description.populations.last_mut() {
            readout.bias = self.one_in(2);
        }
        connect(&mut description, &before, "readout", ProjectionKindDescription::Dense);
        if has_second_input {
            connect(&mut description, "sensor", "readout", ProjectionKindDescription::Dense);
        }
        let mut network = Network::build(&description)?;
        self.fill(&mut network)?;
        network.check_bounds()?;
        Ok(network)
    }

    fn add_input(&mut self, description: &mut NetworkDescription, name: &str, shape: Vec<usize>) {
        let mut input = PopulationDescription::new(name, shape, NeuronKind::Input);
        if self.one_in(3) {
            input.minimum_count = Some(-128);
            input.maximum_count = Some(127);
        }
        description.populations.push(input);
    }

    fn add_hidden(
        &mut self,
        description: &mut NetworkDescription,
        name: &str,
        shape: Vec<usize>,
        kind: ProjectionKindDescription,
    ) {
        let neuron = if self.one_in(2) { NeuronKind::Relu } else { NeuronKind::Linear };
        let channels = shape[0];
        let mut hidden = PopulationDescription::new(name, shape, neuron);
        let scale = match kind {
            ProjectionKindDescription::SumPooling { weight, .. } => i64::from(weight.unsigned_abs()) * 4,
            _ => 1 << self.between(1, 7),
        };
        hidden.threshold = Some(if self.one_in(3) {
            Threshold::PerChannel((0..channels).map(|_| self.between(1, 2 * scale)).collect())
        } else {
            Threshold::Uniform(scale)
        });
        hidden.bias = self.one_in(2);
        if self.one_in(3) {
            hidden.maximum_count = Some(self.between(0, 5) as i32);
        }
        if neuron == NeuronKind::Linear && self.one_in(3) {
            hidden.minimum_count = Some(-self.between(0, 5) as i32);
        }
        description.populations.push(hidden);
    }

    /// A projection that a shape allows, and the shape it delivers.
    fn projection(&mut self, shape: &[usize]) -> (ProjectionKindDescription, Vec<usize>) {
        let dense = |units: usize| (ProjectionKindDescription::Dense, vec![units]);
        let &[channels, height, width] = shape else {
            return match self.between(0, 3) {
                0 => (ProjectionKindDescription::Identity { weight: self.weight_other_than_zero(9) }, shape.to_vec()),
                _ => dense(self.size(1, 40)),
            };
        };
        match self.between(0, 5) {
            0 => dense(self.size(1, 40)),
            1 => {
                let window = [self.size(1, height.min(3)), self.size(1, width.min(3))];
                let stride = if self.one_in(2) { window } else { [self.size(1, 3), self.size(1, 3)] };
                let weight = self.weight_other_than_zero(2);
                let after = |axis: usize, size: usize| (size - window[axis]) / stride[axis] + 1;
                let next = vec![channels, after(0, height), after(1, width)];
                (ProjectionKindDescription::SumPooling { window, stride, weight }, next)
            }
            _ => {
                let kernel = [self.size(1, height.min(5)), self.size(1, width.min(5))];
                let stride = if self.one_in(2) { [1, 1] } else { [self.size(1, 6), self.size(1, 3)] };
                let padding = [self.size(0, kernel[0] - 1), self.size(0, kernel[1] - 1)];
                let after = |axis: usize, size: usize| (size + 2 * padding[axis] - kernel[axis]) / stride[axis] + 1;
                // As many channels as before half of the time, so that an identity may join.
                let outputs = if self.one_in(2) { channels } else { self.size(1, 18) };
                let next = vec![outputs, after(0, height), after(1, width)];
                (ProjectionKindDescription::Convolution { kernel, stride, padding }, next)
            }
        }
    }

    fn weight_other_than_zero(&mut self, limit: i64) -> i32 {
        let weight = self.between(1, limit) as i32;
        if self.one_in(2) { weight } else { -weight }
    }

    fn fill(&mut self, network: &mut Network) -> Result<(), SnnError> {
        for index in 0..network.projections().len() {
            let projection = &network.projections()[index];
            let Some(weights) = &projection.weights else { continue };
            let threshold = network.populations()[projection.to].threshold(0);
            // Half the threshold as a unit gives exact halves; a unit of one gives everything else.
            let unit = if self.one_in(2) { (threshold / 2).max(1) } else { 1 };
            let limit = weights.format().limit().min(3.0 * threshold as f32).min(1000.0) as i64;
            let values: Vec<i64> = (0..weights.len())
                .map(|_| {
                    let value = self.between(-limit.max(1), limit.max(1));
                    if self.one_in(4) { 0 } else { value / unit * unit }
                })
                .collect();
            let weights = match weights.format() {
                WeightFormat::I8 => Weights::I8(values.iter().map(|&value| value as i8).collect()),
                WeightFormat::I16 => Weights::I16(values.iter().map(|&value| value as i16).collect()),
                WeightFormat::F32 => Weights::F32(values.iter().map(|&value| value as f32).collect()),
            };
            network.set_weights(index, weights)?;
        }
        for index in 0..network.populations().len() {
            let target = &network.populations()[index];
            let Some(bias) = &target.bias else { continue };
            let limit = 3 * target.threshold(0);
            let values: Vec<i32> = (0..bias.len()).map(|_| self.between(-limit, limit) as i32).collect();
            let bias = match bias {
                Bias::Integer(_) => Bias::Integer(values),
                Bias::Float(_) => Bias::Float(values.iter().map(|&value| value as f32).collect()),
            };
            network.set_bias(index, bias)?;
        }
        Ok(())
    }

    /// Counts for every input population of a network: mostly small, some zero, some extreme.
    pub fn inputs(&mut self, network: &Network) -> Vec<OwnedCounts> {
        let mut inputs = Vec::new();
        for population in network.populations().iter().filter(|population| population.neuron == NeuronKind::Input) {
            let (minimum, maximum) = (i64::from(population.minimum_count), i64::from(population.maximum_count));
            let values: Vec<i64> = (0..population.shape.neurons())
                .map(|_| match self.between(0, 9) {
                    0..4 => 0,
                    4..9 => self.between(-4, 6).clamp(minimum, maximum),
                    _ => self.between(minimum, maximum),
                })
                .collect();
            inputs.push(if minimum < 0 {
                OwnedCounts::Signed(values.iter().map(|&value| value as i8).collect())
            } else {
                OwnedCounts::Unsigned(values.iter().map(|&value| value as u8).collect())
            });
        }
        inputs
    }
}

fn connect(description: &mut NetworkDescription, from: &str, to: &str, kind: ProjectionKindDescription) {
    let name = format!("{from}-{to}-{}", description.projections.len());
    description.projections.push(ProjectionDescription { name, from: from.to_owned(), to: to.to_owned(), kind });
}
