//! The spike counts that can occur in each population.

use serde::Serialize;
use snn::{Bias, Connection, Network, NeuronKind, Population};

/// Spike counts from `low` to `high`; 0 is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CountRange {
    /// Smallest count, at most 0.
    pub low: i32,
    /// Largest count, at least 0.
    pub high: i32,
}

impl CountRange {
    /// Largest magnitude.
    pub fn magnitude(&self) -> u32 {
        self.low.unsigned_abs().max(self.high.unsigned_abs())
    }
}

/// The range of counts of every population, in their order.
///
/// A population that trained weights enter can reach its whole clamp range, since quantised partial
/// sums bound its total input by nothing tighter. With fixed weights alone the range follows from
/// those of the populations before it: `clamp(round_half_away(A / threshold), minimum, maximum)` at
/// both ends of the total input A.
pub fn count_ranges(network: &Network) -> Vec<CountRange> {
    let mut ranges: Vec<CountRange> = Vec::with_capacity(network.populations().len());
    for population in network.populations() {
        let range = range(network, population, &ranges);
        ranges.push(CountRange { low: range.low.min(0), high: range.high.max(0) });
    }
    ranges
}

fn range(network: &Network, population: &Population, before: &[CountRange]) -> CountRange {
    let clamp = CountRange { low: population.minimum_count, high: population.maximum_count };
    if !matches!(population.neuron, NeuronKind::Relu | NeuronKind::Linear) {
        return clamp;
    }
    let (mut low, mut high) = (0i128, 0i128);
    for &index in &population.incoming {
        let projection = &network.projections()[index];
        let weight = match projection.connection {
            Connection::SumPooling { shape, weight } => {
                i128::from(weight) * shape.window[0] as i128 * shape.window[1] as i128
            }
            Connection::Identity { weight, .. } => weight.into(),
            Connection::Dense { .. } | Connection::Convolution(_) => return clamp,
        };
        let source = before[projection.from];
        let ends = [weight * i128::from(source.low), weight * i128::from(source.high)];
        low += ends[0].min(ends[1]);
        high += ends[0].max(ends[1]);
    }
    let count = |input: i128, channel: usize| {
        let bias = match &population.bias {
            Some(Bias::Integer(values)) => i128::from(values[channel]),
            Some(Bias::Float(_)) | None => 0,
        };
        let rounded = round_half_away(input + bias, population.threshold(channel).into());
        rounded.clamp(clamp.low.into(), clamp.high.into()) as i32
    };
    let channels = 0..population.shape.channels;
    CountRange {
        low: channels.clone().map(|channel| count(low, channel)).min().unwrap_or(clamp.low),
        high: channels.map(|channel| count(high, channel)).max().unwrap_or(clamp.high),
    }
}

fn round_half_away(value: i128, divisor: i128) -> i128 {
    value.signum() * ((2 * value.abs() + divisor) / (2 * divisor))
}
