//! Population codes: how a value becomes spike counts, and how counts are read.

use serde::{Deserialize, Serialize};

use crate::error::SpikegradError;

/// How the neurons of a population stand for a value. `y` is 1 at the peak of a code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Code {
    /// A triangle on a circle: `y_n = 1 - 2 dist(n, c) / N`, `c = round(v N)`, dist the shorter way round.
    ///
    /// Source: stimulus of the authors of Thiele et al., "A Spiking Network for Inference of Relations Trained with
    /// Neuromorphic Backpropagation" (2019); with N = 100 it is their `|1 - 0.02 |n - c||`.
    Circular {
        /// N.
        neurons: usize,
        /// Values at which the circle begins and closes.
        #[serde(default = "unit_range")]
        range: [f64; 2],
    },
    /// A bell, on a circle or not: `y_n = exp(-(dist(n, c) / (width N))^2 / 2)`, c not rounded.
    Gaussian {
        /// N.
        neurons: usize,
        /// Standard deviation as a share of the population.
        width: f64,
        /// Values of the first and the last neuron; on a circle those at which it begins and closes.
        #[serde(default = "unit_range")]
        range: [f64; 2],
        /// Whether the last neuron is a neighbour of the first.
        #[serde(default)]
        circular: bool,
    },
    /// A triangle on a line: `y_n = max(0, 1 - |n - c| / (width N))`, c not rounded, at least `width N` from both ends,
    /// so that no triangle is cut.
    Linear {
        /// N.
        neurons: usize,
        /// Half of its foot as a share of the population.
        width: f64,
        /// Smallest and largest value.
        #[serde(default = "unit_range")]
        range: [f64; 2],
    },
    /// An image with a spot whose column stands for the value:
    /// `y = exp(-((column - c)^2 + (row - middle)^2) / (2 radius^2))`.
    Spot {
        /// Rows and columns.
        size: [usize; 2],
        /// Standard deviation in pixels.
        radius: f64,
        /// Values of the first and the last column.
        #[serde(default = "unit_range")]
        range: [f64; 2],
    },
    /// An image of a class; the value is the place of the class in `classes`.
    Image {
        /// Where images come from, for those who bring them.
        source: String,
        /// Labels of the classes that occur.
        classes: Vec<usize>,
        /// `[channels, height, width]`.
        shape: [usize; 3],
        /// Greatest value of a pixel.
        #[serde(default = "byte")]
        maximum: u8,
    },
}

fn unit_range() -> [f64; 2] {
    [0.0, 1.0]
}

fn byte() -> u8 {
    255
}

/// The most neurons of one code.
const LARGEST: usize = 1 << 16;
/// The most products of neurons and positions: a decoder holds one number for each.
const LARGEST_DECODER: usize = 1 << 22;

impl Code {
    /// Checks sizes and ranges; `variable` is named in errors.
    ///
    /// # Errors
    /// [`SpikegradError::Setting`] naming the key that is wrong.
    pub fn check(&self, variable: &str) -> Result<(), SpikegradError> {
        let wrong = |field: &str, expected: &str, found: String| {
            let field = format!("variable.{variable}.code.{field}");
            Err(SpikegradError::Setting { field, expected: expected.to_owned(), found })
        };
        if self.checked_neurons().is_none_or(|neurons| !(2..=LARGEST).contains(&neurons)) {
            return wrong("neurons", "2 to 65536 neurons", format!("{self:?}"));
        }
        if self.range().is_some() && self.neurons() * self.positions() > LARGEST_DECODER {
            return wrong("neurons", "at most 2048 neurons, or 2^22 pixels times columns", self.neurons().to_string());
        }
        if let Some([low, high]) = self.range()
            && !(low.is_finite() && high.is_finite() && low < high)
        {
            return wrong("range", "two numbers, the smaller first", format!("[{low}, {high}]"));
        }
        match self {
            Self::Gaussian { width, .. } if !(*width > 0.0 && *width <= 1.0) => {
                wrong("width", "above 0 and at most 1", width.to_string())
            }
            Self::Linear { width, .. } if !(*width > 0.0 && *width <= 0.4) => {
                wrong("width", "above 0 and at most 0.4", width.to_string())
            }
            Self::Spot { radius, .. } if !(*radius > 0.0 && *radius <= 1000.0) => {
                wrong("radius", "above 0 and at most 1000 pixels", radius.to_string())
            }
            Self::Image { classes, .. } if classes.len() < 2 || classes.len() > 1000 => {
                wrong("classes", "2 to 1000 classes", classes.len().to_string())
            }
            Self::Image { maximum: 0, .. } => wrong("maximum", "1 to 255", "0".to_owned()),
            _ => Ok(()),
        }
    }

    fn checked_neurons(&self) -> Option<usize> {
        match self {
            Self::Circular { neurons, .. } | Self::Gaussian { neurons, .. } | Self::Linear { neurons, .. } => {
                Some(*neurons)
            }
            Self::Spot { size: [rows, columns], .. } => rows.checked_mul(*columns).filter(|_| *columns >= 2),
            Self::Image { shape: [channels, height, width], .. } => channels.checked_mul(*height)?.checked_mul(*width),
        }
    }

    /// Number of neurons.
    pub fn neurons(&self) -> usize {
        self.checked_neurons().unwrap_or(0)
    }

    /// Shape of the population: an image, or units.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Image { shape, .. } => shape.to_vec(),
            Self::Spot { size: [rows, columns], .. } => vec![1, *rows, *columns],
            _ => vec![self.neurons()],
        }
    }

    /// Smallest and largest value; `None` for classes.
    pub fn range(&self) -> Option<[f64; 2]> {
        match self {
            Self::Circular { range, .. }
            | Self::Gaussian { range, .. }
            | Self::Linear { range, .. }
            | Self::Spot { range, .. } => Some(*range),
            Self::Image { .. } => None,
        }
    }

    /// Number of classes; `None` for continuous values.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Image { classes, .. } => Some(classes.len()),
            _ => None,
        }
    }

    /// Whether the value at the end of the range is that at its start.
    pub fn is_circular(&self) -> bool {
        matches!(self, Self::Circular { .. } | Self::Gaussian { circular: true, .. })
    }

    /// `found - wanted`, on a circle the shorter way round.
    pub fn distance(&self, found: f64, wanted: f64) -> f64 {
        let difference = found - wanted;
        match self.range() {
            Some([low, high]) if self.is_circular() => {
                let period = high - low;
                difference - period * (difference / period).round()
            }
            _ => difference,
        }
    }

    /// Positions along the code: neurons, or columns of an image.
    fn positions(&self) -> usize {
        match self {
            Self::Spot { size: [_, columns], .. } => *columns,
            _ => self.neurons(),
        }
    }

    /// The position of a value, from 0 at the first neuron on.
    fn position(&self, value: f64) -> f64 {
        let Some([low, high]) = self.range() else { return value };
        let share = (value - low) / (high - low);
        let count = self.positions() as f64;
        match self {
            Self::Circular { .. } => (share * count).round().rem_euclid(count),
            Self::Linear { width, .. } => width * count + share * (count - 1.0 - 2.0 * width * count),
            _ if self.is_circular() => (share * count).rem_euclid(count),
            _ => share * (count - 1.0),
        }
    }

    /// The value of a position.
    fn value(&self, position: f64) -> f64 {
        let Some([low, high]) = self.range() else { return position };
        let count = self.positions() as f64;
        let share = match self {
            Self::Linear { width, .. } => (position - width * count) / (count - 1.0 - 2.0 * width * count),
            _ if self.is_circular() => position.rem_euclid(count) / count,
            _ => position / (count - 1.0),
        };
        low + (high - low) * share
    }

    /// y of every neuron for a code that peaks at a position.
    fn profile(&self, peak: f64, out: &mut [f64]) {
        let count = self.positions() as f64;
        let around = |n: usize| {
            let distance = (n as f64 - peak).abs();
            if self.is_circular() { distance.min(count - distance) } else { distance }
        };
        match self {
            Self::Circular { .. } => {
                out.iter_mut().enumerate().for_each(|(n, y)| *y = 1.0 - 2.0 * around(n) / count);
            }
            Self::Gaussian { width, .. } => {
                let spread = width * count;
                out.iter_mut().enumerate().for_each(|(n, y)| *y = (-0.5 * (around(n) / spread).powi(2)).exp());
            }
            Self::Linear { width, .. } => {
                let foot = width * count;
                out.iter_mut().enumerate().for_each(|(n, y)| *y = (1.0 - around(n) / foot).max(0.0));
            }
            Self::Spot { size: [rows, columns], radius, .. } => {
                let middle = (*rows as f64 - 1.0) / 2.0;
                for (row, out) in out.chunks_exact_mut(*columns).enumerate() {
                    let down = (row as f64 - middle).powi(2);
                    for (column, y) in out.iter_mut().enumerate() {
                        let across = (column as f64 - peak).powi(2);
                        *y = (-0.5 * (across + down) / radius.powi(2)).exp();
                    }
                }
            }
            Self::Image { .. } => out.fill(0.0),
        }
    }

    /// y of every neuron for a continuous value.
    pub fn encode(&self, value: f64, out: &mut [f64]) {
        self.profile(self.position(value), out);
    }
}

/// Counts below this share of the largest do not enter a centre of mass, which they would move from far away.
const FAINT: f64 = 0.15;

/// Reads continuous values out of counts by a matched filter: the position whose code has the largest product with
/// the counts, each code divided by its length.
///
/// ```text
/// m* = argmax_m  sum_n r_n y_n(m) / |y(m)|
/// ```
///
/// Codes whose value is not rounded to a position are read between positions, at the top of the parabola through the
/// best position and its neighbours. A triangle on a line is read by its centre of mass `sum n r_n / sum r_n` instead,
/// over counts of at least 15 % of the largest: a population that was trained on the distance of counts becomes the mean of the
/// codes that are possible, and the centre of that is the mean of the values. Counts may be negative.
#[derive(Clone, Debug)]
pub struct Decoder {
    code: Code,
    templates: Vec<f64>,
}

impl Decoder {
    /// The decoder of a code of continuous values; `None` for classes.
    pub fn new(code: &Code) -> Option<Self> {
        code.range()?;
        let neurons = code.neurons();
        let mut templates = vec![0.0; neurons * code.positions()];
        for (position, template) in templates.chunks_exact_mut(neurons).enumerate() {
            code.profile(position as f64, template);
            let length = template.iter().map(|y| y * y).sum::<f64>().sqrt();
            template.iter_mut().for_each(|y| *y /= length);
        }
        Some(Self { code: code.clone(), templates })
    }

    /// The value that counts stand for; that of the first position when they are all zero.
    pub fn decode(&self, counts: &[f64]) -> f64 {
        let product = |template: &[f64]| template.iter().zip(counts).map(|(y, r)| y * r).sum::<f64>();
        let scores: Vec<f64> = self.templates.chunks_exact(self.code.neurons()).map(product).collect();
        let best = (0..scores.len()).fold(0, |best, place| if scores[place] > scores[best] { place } else { best });
        if matches!(self.code, Code::Circular { .. }) {
            return self.code.value(best as f64);
        }
        let largest = counts.iter().copied().fold(0.0, f64::max);
        if matches!(self.code, Code::Linear { .. }) && largest > 0.0 {
            let counted = counts.iter().enumerate().filter(|(_, count)| **count >= FAINT * largest);
            let sums = counted.fold((0.0, 0.0), |(mass, moment), (n, r)| (mass + r, moment + n as f64 * r));
            return self.code.value(sums.1 / sums.0);
        }
        let last = scores.len() - 1;
        let neighbours = match best {
            0 if self.code.is_circular() => Some((last, 1)),
            place if place == last && self.code.is_circular() => Some((last - 1, 0)),
            0 => None,
            place if place == last => None,
            place => Some((place - 1, place + 1)),
        };
        let shift = neighbours.map_or(0.0, |(before, after)| {
            let bend = scores[before] - 2.0 * scores[best] + scores[after];
            if bend < 0.0 { (0.5 * (scores[before] - scores[after]) / bend).clamp(-0.5, 0.5) } else { 0.0 }
        });
        self.code.value(best as f64 + shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circular(neurons: usize) -> Code {
        Code::Circular { neurons, range: [0.0, 1.0] }
    }

    #[test]
    fn the_circular_code_is_that_of_the_authors() {
        let mut y = vec![0.0; 100];
        for value in [0.0, 0.033, 0.5, 0.994, 0.996] {
            circular(100).encode(value, &mut y);
            let c = (value * 100.0f64).round();
            for (n, y) in y.iter().enumerate() {
                assert!((y - (1.0 - 0.02 * (n as f64 - c).abs()).abs()).abs() < 1e-12, "{value} {n}");
            }
            assert!((y.iter().sum::<f64>() - 50.0).abs() < 1e-9);
        }
    }

    /// RMSE of code and decoder without any noise, over a fine grid of values.
    fn floor(code: &Code, peak: f64) -> f64 {
        let decoder = Decoder::new(code).unwrap();
        let [low, high] = code.range().unwrap();
        let mut y = vec![0.0; code.neurons()];
        let tries = 4001;
        let squares = (0..tries).map(|index| {
            let value = low + (high - low) * (index as f64 + 0.5) / tries as f64;
            code.encode(value, &mut y);
            let counts: Vec<f64> = y.iter().map(|y| (y * peak).round()).collect();
            code.distance(decoder.decode(&counts), value).powi(2)
        });
        (squares.sum::<f64>() / tries as f64).sqrt()
    }

    #[test]
    fn the_floor_of_the_circular_code_is_its_rounding() {
        for (neurons, expected) in [(50, 0.0056), (100, 0.0028), (200, 0.0014)] {
            let found = floor(&circular(neurons), 10.0);
            assert!((found - expected).abs() < 2e-4, "{neurons} neurons: {found}");
        }
    }

    #[test]
    fn other_codes_are_read_between_their_neurons() {
        let range = [-2.0, 3.0];
        for code in [
            Code::Gaussian { neurons: 40, width: 0.08, range, circular: true },
            Code::Gaussian { neurons: 40, width: 0.08, range, circular: false },
            Code::Linear { neurons: 40, width: 0.25, range },
            Code::Spot { size: [5, 40], radius: 3.0, range },
        ] {
            code.check("v").unwrap();
            let found = floor(&code, 30.0) / 5.0;
            assert!(found < 0.008, "{code:?}: {found}");
        }
    }

    #[test]
    fn distances_go_the_shorter_way_round() {
        assert!((circular(100).distance(0.98, 0.01) + 0.03).abs() < 1e-12);
        assert!((circular(100).distance(0.3, 0.1) - 0.2).abs() < 1e-12);
        let line = Code::Linear { neurons: 10, width: 0.5, range: [0.0, 1.0] };
        assert!((line.distance(0.98, 0.01) - 0.97).abs() < 1e-12);
    }

    #[test]
    fn impossible_codes_are_refused() {
        for (code, field) in [
            (circular(1), "neurons"),
            (circular(1 << 20), "neurons"),
            (circular(2049), "neurons"),
            (Code::Spot { size: [10, 1000], radius: 1.0, range: [0.0, 1.0] }, "neurons"),
            (Code::Circular { neurons: 10, range: [1.0, 1.0] }, "range"),
            (Code::Circular { neurons: 10, range: [0.0, f64::NAN] }, "range"),
            (Code::Linear { neurons: 10, width: 0.0, range: [0.0, 1.0] }, "width"),
            (Code::Spot { size: [usize::MAX, 3], radius: 1.0, range: [0.0, 1.0] }, "neurons"),
            (Code::Spot { size: [3, 3], radius: -1.0, range: [0.0, 1.0] }, "radius"),
            (Code::Image { source: "x".into(), classes: vec![1], shape: [1, 2, 2], maximum: 9 }, "classes"),
        ] {
            let error = code.check("v").unwrap_err().to_string();
            assert!(error.contains(&format!("variable.v.code.{field}")), "{error}");
        }
    }
}
