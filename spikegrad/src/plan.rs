//! What the passes need to know of a network besides its weights.

use std::ops::Range;

use kernels::{Divisor, FiringRule};
use snn::{Connection, Network, NeuronKind, Population, Projection, Shape};

use crate::error::SpikegradError;
use crate::fan_count::FanCount;
use crate::settings::TrainingSettings;

/// A positive rational number in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ratio {
    pub numerator: i64,
    pub denominator: i64,
}

impl Ratio {
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    pub fn new(numerator: i64, denominator: i64) -> Self {
        let divisor = greatest_common_divisor(numerator, denominator).max(1);
        Self { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    pub fn value(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

pub(crate) fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// How error counts of a population are brought to one denominator on their way down:
/// `E_k / threshold_k = E_k * factor_k / denominator`.
///
/// With one threshold the factors are 1. With one per channel they are `denominator / threshold`
/// where the least common multiple keeps them within [`LARGEST_FACTOR`]; otherwise the
/// denominator is a power of two and the factors are rounded half away from zero, at least 1.
/// Both are integers and part of the definition of the backward pass: the float twin uses the
/// same quotients.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ErrorScale {
    pub denominator: i64,
    pub factors: Option<Vec<i64>>,
}

/// The largest factor of an [`ErrorScale`].
const LARGEST_FACTOR: i64 = 1 << 20;

impl ErrorScale {
    pub fn new(thresholds: &[i64]) -> Self {
        if let [denominator] = *thresholds {
            return Self { denominator, factors: None };
        }
        let smallest = thresholds.iter().copied().min().unwrap_or(1);
        let multiple = thresholds.iter().try_fold(1i64, |multiple, &threshold| {
            let next = (multiple / greatest_common_divisor(multiple, threshold)).checked_mul(threshold)?;
            (next / smallest <= LARGEST_FACTOR).then_some(next)
        });
        let denominator = multiple.unwrap_or_else(|| {
            let bits = 63 - smallest.leading_zeros();
            (LARGEST_FACTOR >> 1) << bits
        });
        let factor = |&threshold: &i64| ((2 * denominator + threshold) / (2 * threshold)).max(1);
        Self { denominator, factors: Some(thresholds.iter().map(factor).collect()) }
    }

    /// 1 / threshold of a channel as the backward pass uses it.
    pub fn reciprocal(&self, channel: usize) -> f64 {
        let factor = self.factors.as_ref().map_or(1, |factors| factors[channel]);
        factor as f64 / self.denominator as f64
    }
}

/// One population as the passes see it.
#[derive(Clone, Debug)]
pub(crate) struct PopulationPlan {
    pub neurons: usize,
    pub channels: usize,
    /// Counts are stored as i8 rather than u8.
    pub is_signed: bool,
    pub fires: bool,
    pub is_rectified: bool,
    pub low: i32,
    pub high: i32,
    /// The rule with the network's thresholds.
    pub rule: FiringRule,
    /// The rule during training: thresholds times the kept share of the populations before.
    pub training_rule: FiringRule,
    /// Share of the neurons before this population that dropout keeps.
    pub kept: Ratio,
    pub error_scale: ErrorScale,
    /// Share of its own neurons that are dropped.
    pub dropped: f64,
    /// fan-out of each neuron over projections with trained weights, or one for all.
    pub fan_out: FanCount,
    /// fan-in of each neuron over projections with trained weights, or one for all.
    pub fan_in: FanCount,
    pub role: Role,
}

/// What a population is to the passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Input,
    Hidden,
    /// The loss compares it with what it should be.
    Output,
}

/// Where the neurons of an input or output population lie among those of all inputs or outputs of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub population: usize,
    pub range: Range<usize>,
}

/// The populations of a network, its inputs and its outputs.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub populations: Vec<PopulationPlan>,
    pub inputs: Vec<Part>,
    /// The readouts; in a network without one the linear populations that project nowhere.
    pub outputs: Vec<Part>,
    /// |E| of an output stays at or below this: |dL/dlogit| <= 1.
    pub largest_output_error: i128,
}

/// The largest number of output neurons.
const LARGEST_OUTPUT: usize = 1 << 16;

/// Input and output populations of a network, in its order.
///
/// # Errors
/// [`SpikegradError::Network`] where there are none.
pub(crate) fn ends(network: &Network) -> Result<(Vec<Part>, Vec<Part>), SpikegradError> {
    let parts = |is_one: &dyn Fn(&Population) -> bool| {
        let mut start = 0;
        let found = network.populations().iter().enumerate().filter(|(_, population)| is_one(population));
        let part = found.map(|(index, population)| {
            let range = start..start + population.shape.neurons();
            start = range.end;
            Part { population: index, range }
        });
        part.collect::<Vec<Part>>()
    };
    let none = |what: &str, remedy: &str| SpikegradError::Network {
        problem: format!("it has no {what} population"),
        remedy: remedy.to_owned(),
    };
    let inputs = parts(&|population| population.neuron == NeuronKind::Input);
    let readouts = parts(&|population| population.neuron == NeuronKind::Readout);
    let outputs = if readouts.is_empty() {
        parts(&|population| population.neuron == NeuronKind::Linear && population.outgoing.is_empty())
    } else {
        readouts
    };
    match (inputs.is_empty(), outputs.is_empty()) {
        (true, _) => Err(none("input", "give it one")),
        (_, true) => Err(none("readout", "give it one, or a linear population that projects nowhere")),
        (false, false) => Ok((inputs, outputs)),
    }
}

/// Neurons of all parts together.
fn extent(parts: &[Part]) -> usize {
    parts.last().map_or(0, |part| part.range.end)
}

impl Plan {
    /// For inference: no dropout.
    pub fn for_inference(network: &Network) -> Result<Self, SpikegradError> {
        Self::new(network, &TrainingSettings::default())
    }

    pub fn new(network: &Network, settings: &TrainingSettings) -> Result<Self, SpikegradError> {
        let (inputs, outputs) = ends(network)?;
        let is_among = |parts: &[Part], index: usize| parts.iter().any(|part| part.population == index);
        for name in settings.dropout.keys() {
            let fires = network.population_index(name).is_some_and(|index| network.populations()[index].fires());
            if !fires {
                let names: Vec<&str> =
                    network.populations().iter().filter(|p| p.fires()).map(|p| p.name.as_str()).collect();
                return Err(SpikegradError::Setting {
                    field: format!("dropout.{name}"),
                    expected: format!("a population that fires, one of {}", names.join(", ")),
                    found: name.clone(),
                });
            }
        }
        let mut populations = Vec::with_capacity(network.populations().len());
        for (index, population) in network.populations().iter().enumerate() {
            let kept = kept_share(network, index, settings)?;
            let rule = |ratio: Ratio| -> Result<FiringRule, SpikegradError> {
                let divisor = match population.thresholds[..] {
                    [threshold] => Divisor::uniform(threshold * ratio.numerator, ratio.denominator)?,
                    _ => {
                        let scaled: Vec<i64> = population.thresholds.iter().map(|t| t * ratio.numerator).collect();
                        Divisor::per_channel(&scaled, ratio.denominator)?
                    }
                };
                Ok(FiringRule {
                    divisor,
                    low: population.minimum_count.max(-127),
                    high: population.maximum_count.min(127),
                    rectified: population.neuron == NeuronKind::Relu,
                })
            };
            let channels = population.shape.channels;
            populations.push(PopulationPlan {
                neurons: population.shape.neurons(),
                channels,
                is_signed: population.is_signed() && !is_nonnegative(network, index),
                fires: population.fires(),
                is_rectified: population.neuron == NeuronKind::Relu,
                low: population.minimum_count,
                high: population.maximum_count,
                rule: rule(Ratio::ONE)?,
                training_rule: rule(kept)?,
                kept,
                error_scale: ErrorScale::new(&population.thresholds),
                dropped: settings.dropout.get(&population.name).copied().unwrap_or(0.0),
                fan_out: fan(network, &population.outgoing, &population.shape, snn::operations::fan_out),
                fan_in: fan(network, &population.incoming, &population.shape, snn::operations::fan_in),
                role: match population.neuron {
                    NeuronKind::Input => Role::Input,
                    _ if is_among(&outputs, index) => Role::Output,
                    _ => Role::Hidden,
                },
            });
        }
        if extent(&outputs) > LARGEST_OUTPUT {
            return Err(SpikegradError::Network {
                problem: format!("it has {} output neurons, more than {LARGEST_OUTPUT}", extent(&outputs)),
                remedy: "make the readout smaller".to_owned(),
            });
        }
        let largest_output_error = settings.alpha.ceil() as i128;
        Ok(Self { populations, inputs, outputs, largest_output_error })
    }

    /// Input counts of an example.
    pub fn input_length(&self) -> usize {
        extent(&self.inputs)
    }

    /// Output neurons of an example.
    pub fn output_length(&self) -> usize {
        extent(&self.outputs)
    }

    pub fn is_input(&self, population: usize) -> bool {
        self.populations[population].role == Role::Input
    }

    pub fn is_output(&self, population: usize) -> bool {
        self.populations[population].role == Role::Output
    }

    /// Writes a value for each `[example][neuron]` of an output population to its place in `[examples][outputs]`.
    pub fn write_outputs(&self, population: usize, examples: usize, outputs: &mut [f64], value: impl Fn(usize) -> f64) {
        let Some(part) = self.outputs.iter().find(|part| part.population == population) else { return };
        for (example, outputs) in outputs.chunks_exact_mut(self.output_length()).take(examples).enumerate() {
            let first = example * part.range.len();
            let own = &mut outputs[part.range.clone()];
            own.iter_mut().enumerate().for_each(|(place, output)| *output = value(first + place));
        }
    }

    /// Largest |E| of a population.
    pub fn largest_error(&self, population: usize) -> i128 {
        if self.is_output(population) { self.largest_output_error } else { 127 }
    }

    /// The largest magnitude of a weight gradient of a projection over one example.
    pub fn largest_gradient(&self, projection: &Projection) -> i128 {
        let (source, target) = (&self.populations[projection.from], &self.populations[projection.to]);
        let count = i128::from(source.low.unsigned_abs().max(source.high.unsigned_abs())).max(1);
        let error = self.largest_error(projection.to);
        let positions = (target.neurons / target.channels.max(1)) as i128;
        count * error.max(1) * positions.max(1)
    }

    pub fn largest_population(&self) -> usize {
        self.populations.iter().map(|population| population.neurons).max().unwrap_or(0)
    }
}

fn fan(network: &Network, projections: &[usize], shape: &Shape, count: fn(&Connection) -> Vec<u32>) -> FanCount {
    let mut total = vec![0u32; shape.neurons()];
    for &index in projections {
        let projection = &network.projections()[index];
        if projection.weights.is_some() {
            total.iter_mut().zip(count(&projection.connection)).for_each(|(total, count)| *total += count);
        }
    }
    FanCount::new(total)
}

/// A linear population without bias that only sums counts that are never negative, with positive
/// weights, is never negative itself.
fn is_nonnegative(network: &Network, index: usize) -> bool {
    let population = &network.populations()[index];
    if !population.is_signed() {
        return true;
    }
    population.neuron == NeuronKind::Linear
        && population.bias.is_none()
        && population.incoming.iter().all(|&incoming| {
            let projection = &network.projections()[incoming];
            let is_positive = match projection.connection {
                Connection::SumPooling { weight, .. } | Connection::Identity { weight, .. } => weight > 0,
                Connection::Dense { .. } | Connection::Convolution(_) => false,
            };
            is_positive && is_nonnegative(network, projection.from)
        })
}

/// The share of neurons that dropout keeps among the populations before one; it must be the same
/// for all of them, since it becomes a factor on this population's threshold.
fn kept_share(network: &Network, index: usize, settings: &TrainingSettings) -> Result<Ratio, SpikegradError> {
    let population = &network.populations()[index];
    let mut kept: Option<Ratio> = None;
    for &incoming in &population.incoming {
        let source = &network.populations()[network.projections()[incoming].from];
        let share = settings.dropout.get(&source.name).copied().unwrap_or(0.0);
        let ratio = Ratio::new(((1.0 - share) * 1000.0).round() as i64, 1000);
        if kept.is_some_and(|other| other != ratio) {
            return Err(SpikegradError::Setting {
                field: format!("dropout.{}", source.name),
                expected: format!("the same dropout for all populations that project to '{}'", population.name),
                found: share.to_string(),
            });
        }
        kept = Some(ratio);
    }
    Ok(kept.unwrap_or(Ratio::ONE))
}
