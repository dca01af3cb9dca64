//! The papers' shorthand for feed-forward topologies, such as `28x28-15C5-P2-40C5-P2-300-10`.

use serde::{Deserialize, Serialize};

use super::{
    FORMAT, NetworkDescription, NeuronKind, PopulationDescription, ProjectionDescription, ProjectionKindDescription,
    Threshold, WeightFormat,
};
use crate::SnnError;

/// Zero padding of the convolutions that state none of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// No padding.
    Valid,
    /// `(kernel - 1) / 2` on each side: odd kernels with stride 1 keep height and width.
    Same,
}

/// A topology in shorthand and what is needed to turn it into a description.
///
/// Parts are joined by `-`. The first is the input: `HxW` (with [`Shorthand::channels`]),
/// `CxHxW` or a number of units. Then `nCk` is a convolution to n channels with k x k kernels,
/// optionally followed by `p` and its padding and `s` and its stride (`15C5p2s1`); `Pk` sums over
/// k x k and divides by k^2, or by the number after a `d` (`P2d2`); a number is a dense population.
/// Convolutions and dense populations may end in `f` and their fraction bits (`128C3f10`). The last
/// part is the readout.
#[derive(Clone, Debug, PartialEq)]
pub struct Shorthand<'a> {
    /// The shorthand itself.
    pub topology: &'a str,
    /// Channels of an input written as `HxW`.
    pub channels: usize,
    /// Padding of convolutions without `p`; `None` demands that each states it.
    pub padding: Option<Padding>,
    /// Number format of the weights.
    pub weights: WeightFormat,
    /// The input count that stands for 1.0 (255 for 8-bit pixels).
    pub input_maximum: u32,
    /// Smallest input count: 0, or -128 for centred inputs.
    pub input_minimum: i32,
    /// Factor on the inputs, folded into the threshold of the populations they drive:
    /// `threshold = round(2^f * input_maximum / input_gain)`.
    pub input_gain: f64,
    /// Factor on the logits, folded into the threshold of the readout:
    /// `threshold = round(2^f / output_gain)`.
    pub output_gain: f64,
    /// `fraction_bits` of all populations with trained weights; chosen per population when
    /// `None` so that six standard deviations of He initialisation fit the mantissa.
    pub fraction_bits: Option<u32>,
    /// Largest magnitude of the spike counts of all populations that fire; 127 when `None`.
    pub maximum_count: Option<i32>,
}

enum Part {
    Convolution { channels: usize, kernel: usize, padding: usize, stride: usize, fraction_bits: Option<u32> },
    Pooling { window: usize, divisor: usize },
    Dense { units: usize, fraction_bits: Option<u32> },
}

impl Shorthand<'_> {
    /// Turns the shorthand into a description; shapes are checked by [`crate::Network::build`].
    ///
    /// # Errors
    /// [`SnnError::Topology`] naming the part that cannot be read or does not fit the one before.
    pub fn describe(&self) -> Result<NetworkDescription, SnnError> {
        let texts: Vec<&str> = self.topology.trim().split('-').collect();
        let fail = |part: usize, problem: String| SnnError::Topology {
            topology: self.topology.to_owned(),
            part: part + 1,
            text: texts.get(part).copied().unwrap_or_default().to_owned(),
            problem,
        };
        if texts.len() < 2 {
            return Err(fail(0, "a topology needs an input and a readout, such as 784-10".to_owned()));
        }
        for (name, gain) in [("input", self.input_gain), ("output", self.output_gain)] {
            if !(gain.is_finite() && gain > 0.0) {
                return Err(fail(0, format!("the {name} gain must be above zero, found {gain}")));
            }
        }
        if let Some(count) = self.maximum_count.filter(|count| !(1..=127).contains(count)) {
            return Err(fail(0, format!("the largest spike count must be 1 to 127, found {count}")));
        }
        let mut shape = self.input_shape(texts[0]).map_err(|problem| fail(0, problem))?;
        let mut populations = vec![PopulationDescription {
            name: "input".to_owned(),
            shape: shape.clone(),
            neuron: NeuronKind::Input,
            fraction_bits: 0,
            threshold: None,
            bias: false,
            minimum_count: Some(self.input_minimum),
            maximum_count: Some(if self.input_minimum < 0 { 127 } else { 255 }),
        }];
        let mut projections = Vec::new();
        let mut numbers = [0usize; 3];
        for (index, text) in texts.iter().enumerate().skip(1) {
            let part = self.part(text).map_err(|problem| fail(index, problem))?;
            let is_last = index + 1 == texts.len();
            if is_last && !matches!(part, Part::Dense { .. }) {
                return Err(fail(index, "the last part must be the readout, a number of classes".to_owned()));
            }
            let (kind, fan_in, next, stem) = connect(&part, &shape).map_err(|problem| fail(index, problem))?;
            numbers[stem as usize] += 1;
            let number = numbers[stem as usize];
            let name = match stem {
                _ if is_last => "readout".to_owned(),
                Stem::Convolution => format!("convolution{number}"),
                Stem::Pooling => format!("pooling{number}"),
                Stem::Dense => format!("dense{number}"),
            };
            let from = populations.last().map(|p| p.name.clone()).unwrap_or_default();
            let driven_by_input = index == 1;
            let population = match part {
                Part::Pooling { divisor, .. } => {
                    let scale = if driven_by_input { f64::from(self.input_maximum) / self.input_gain } else { 1.0 };
                    let threshold = (scale * divisor as f64).round() as i64;
                    PopulationDescription {
                        name: name.clone(),
                        shape: next.clone(),
                        neuron: NeuronKind::Linear,
                        fraction_bits: 0,
                        threshold: Some(Threshold::Uniform(threshold)),
                        bias: false,
                        minimum_count: self.maximum_count.map(|count| -count),
                        maximum_count: self.maximum_count,
                    }
                }
                Part::Convolution { fraction_bits, .. } | Part::Dense { fraction_bits, .. } => {
                    let fraction_bits = fraction_bits
                        .or(self.fraction_bits)
                        .unwrap_or_else(|| default_fraction_bits(self.weights, fan_in));
                    let input = if driven_by_input { f64::from(self.input_maximum) / self.input_gain } else { 1.0 };
                    let output = if is_last { 1.0 / self.output_gain } else { 1.0 };
                    let unit = 2f64.powi(fraction_bits.min(62) as i32);
                    let threshold = (unit * input * output).round() as i64;
                    let is_folded = driven_by_input || (is_last && self.output_gain != 1.0);
                    PopulationDescription {
                        name: name.clone(),
                        shape: next.clone(),
                        neuron: if is_last { NeuronKind::Readout } else { NeuronKind::Relu },
                        fraction_bits,
                        threshold: is_folded.then_some(Threshold::Uniform(threshold)),
                        bias: true,
                        minimum_count: None,
                        maximum_count: self.maximum_count.filter(|_| !is_last),
                    }
                }
            };
            projections.push(ProjectionDescription { name: name.clone(), from, to: name, kind });
            populations.push(population);
            shape = next;
        }
        Ok(NetworkDescription { format: FORMAT, weights: self.weights, populations, projections })
    }

    fn input_shape(&self, text: &str) -> Result<Vec<usize>, String> {
        let sizes = text.split('x').map(number).collect::<Result<Vec<_>, _>>()?;
        match sizes[..] {
            [units] => Ok(vec![units]),
            [height, width] => Ok(vec![self.channels, height, width]),
            [channels, height, width] => Ok(vec![channels, height, width]),
            _ => Err("the input is a number of units, HxW or CxHxW".to_owned()),
        }
    }

    fn part(&self, text: &str) -> Result<Part, String> {
        if let Some(window) = text.strip_prefix('P') {
            let (window, divisor) = match window.split_once('d') {
                Some((window, divisor)) => (number(window)?, Some(number(divisor)?)),
                None => (number(window)?, None),
            };
            return Ok(Part::Pooling { window, divisor: divisor.unwrap_or(window.saturating_mul(window)) });
        }
        let (size, fraction_bits) = match text.split_once('f') {
            Some((size, bits)) => (size, Some(fraction_bits(bits)?)),
            None => (text, None),
        };
        let Some((channels, rest)) = size.split_once('C') else {
            return Ok(Part::Dense { units: number(size)?, fraction_bits });
        };
        let (rest, stride) = match rest.split_once('s') {
            Some((rest, stride)) => (rest, number(stride)?),
            None => (rest, 1),
        };
        let (kernel, padding) = match rest.split_once('p') {
            Some((kernel, padding)) => (number(kernel)?, Some(unsigned(padding)?)),
            None => (number(rest)?, None),
        };
        let padding = match (padding, self.padding) {
            (Some(padding), _) => padding,
            (None, Some(Padding::Valid)) => 0,
            (None, Some(Padding::Same)) => (kernel - 1) / 2,
            (None, None) => {
                return Err(format!(
                    "the padding is not stated; write {size}p0, or choose padding = \"valid\" or \"same\""
                ));
            }
        };
        Ok(Part::Convolution { channels: number(channels)?, kernel, padding, stride, fraction_bits })
    }
}

#[derive(Clone, Copy)]
enum Stem {
    Convolution = 0,
    Pooling = 1,
    Dense = 2,
}

type Connected = (ProjectionKindDescription, usize, Vec<usize>, Stem);

/// The projection of a part, its fan-in, the shape after it and how it is called.
fn connect(part: &Part, shape: &[usize]) -> Result<Connected, String> {
    let map = |what: &str| match *shape {
        [channels, height, width] => Ok((channels, height, width)),
        _ => Err(format!("{what} needs a map of [channels, height, width] before it, found {shape:?}")),
    };
    let after = |size: usize, padding: usize, window: usize, stride: usize| {
        let padded = size.saturating_add(padding.saturating_mul(2));
        padded.checked_sub(window).map(|rest| rest / stride + 1).ok_or_else(|| {
            format!("a window of {window} does not fit the size {size} with padding {padding} (shape {shape:?})")
        })
    };
    match *part {
        Part::Convolution { channels, kernel, padding, stride, .. } => {
            let (before, height, width) = map("a convolution")?;
            let next = vec![channels, after(height, padding, kernel, stride)?, after(width, padding, kernel, stride)?];
            let kind = ProjectionKindDescription::Convolution {
                kernel: [kernel; 2],
                stride: [stride; 2],
                padding: [padding; 2],
            };
            let fan_in = before.saturating_mul(kernel).saturating_mul(kernel);
            Ok((kind, fan_in, next, Stem::Convolution))
        }
        Part::Pooling { window, .. } => {
            let (channels, height, width) = map("pooling")?;
            let next = vec![channels, after(height, 0, window, window)?, after(width, 0, window, window)?];
            let kind = ProjectionKindDescription::SumPooling { window: [window; 2], stride: [window; 2], weight: 1 };
            Ok((kind, window.saturating_mul(window), next, Stem::Pooling))
        }
        Part::Dense { units, .. } => {
            let fan_in = shape.iter().fold(1usize, |product, &size| product.saturating_mul(size));
            Ok((ProjectionKindDescription::Dense, fan_in, vec![units], Stem::Dense))
        }
    }
}

/// Largest f for which `6 * sqrt(2 / fan_in) * 2^f` fits the mantissa, at least 0.
pub fn default_fraction_bits(weights: WeightFormat, fan_in: usize) -> u32 {
    let limit = match weights {
        WeightFormat::I8 | WeightFormat::F32 => 127.0f64,
        WeightFormat::I16 => 32639.0,
    };
    let spread = 6.0 * (2.0 / fan_in.max(1) as f64).sqrt();
    (limit / spread).log2().floor().clamp(0.0, 20.0) as u32
}

fn fraction_bits(text: &str) -> Result<u32, String> {
    match unsigned(text)? {
        bits @ 0..=30 => Ok(bits as u32),
        bits => Err(format!("{bits} fraction bits are beyond the largest number of 30")),
    }
}

fn unsigned(text: &str) -> Result<usize, String> {
    const LARGEST: usize = 1 << 24;
    match text.parse::<usize>() {
        Ok(value) if value <= LARGEST => Ok(value),
        Ok(value) => Err(format!("{value} is beyond the largest size of {LARGEST}")),
        Err(_) => Err(format!("'{text}' is no number; parts look like 28x28, 15C5, P2 or 300")),
    }
}

fn number(text: &str) -> Result<usize, String> {
    match unsigned(text)? {
        0 => Err("sizes must be at least 1".to_owned()),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::{Padding, Shorthand};
    use crate::description::{Threshold, WeightFormat};

    fn shorthand(topology: &str) -> Shorthand<'_> {
        Shorthand {
            topology,
            channels: 3,
            padding: Some(Padding::Same),
            weights: WeightFormat::I8,
            input_maximum: 255,
            input_minimum: 0,
            input_gain: 20.0,
            output_gain: 0.25,
            fraction_bits: None,
            maximum_count: None,
        }
    }

    #[test]
    fn spike_counts_are_limited_where_neurons_fire() {
        let limited = Shorthand { maximum_count: Some(15), ..shorthand("8x8-4C3-P2-6-10") };
        let ranges: Vec<_> =
            limited.describe().unwrap().populations.iter().map(|p| (p.minimum_count, p.maximum_count)).collect();
        let expected = [(Some(0), Some(255)), (None, Some(15)), (Some(-15), Some(15)), (None, Some(15)), (None, None)];
        assert_eq!(ranges, expected);
        for count in [0, -1, 128] {
            let error = Shorthand { maximum_count: Some(count), ..shorthand("8x8-10") }.describe().unwrap_err();
            assert!(error.to_string().contains(&count.to_string()), "{error}");
        }
    }

    #[test]
    fn gains_divisors_and_fraction_bits_become_thresholds() {
        let description = shorthand("8x8-4C3f9-P2d2-6C1-P2-10f7").describe().unwrap();
        let population = |index: usize| &description.populations[index];
        let bits: Vec<u32> = description.populations.iter().map(|population| population.fraction_bits).collect();
        assert_eq!((bits[1], bits[5]), (9, 7));
        assert_eq!(population(1).threshold, Some(Threshold::Uniform((512.0f64 * 255.0 / 20.0).round() as i64)));
        assert_eq!(population(2).threshold, Some(Threshold::Uniform(2)));
        assert_eq!(population(3).threshold, None);
        assert_eq!(population(4).threshold, Some(Threshold::Uniform(4)));
        assert_eq!(population(5).threshold, Some(Threshold::Uniform(512)));
    }

    #[test]
    fn parts_that_cannot_be_read_are_refused() {
        for topology in ["8x8-4C3f31-10", "8x8-4C3f-10", "8x8-P2d0-10", "8x8-P2d-10", "8x8-10f-3"] {
            let error = shorthand(topology).describe().unwrap_err().to_string();
            assert!(error.contains("part"), "{topology}: {error}");
        }
    }
}
