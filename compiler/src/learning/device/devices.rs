//! An array of devices.

use super::random::Origin;
use super::rule::Rule;
use super::specification::Pair;
use super::statistics::Counts;
use super::{Device, DeviceSpecification, Model};
use crate::error::CompilerError;

/// Devices of an array, row-major `[rows][columns]`: rows are inputs, columns are outputs. A value:
/// whatever determines its future is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Devices {
    pub(super) specification: DeviceSpecification,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) origin: Origin,
    pub(super) state: Vec<f32>,
    /// Weights where they differ from the states; else empty.
    pub(super) weights: Vec<f32>,
    pub(super) parts: Parts,
    pub(super) counts: Counts,
}

/// What devices were made with and keep. Vectors hold one number for each device, or none where
/// the family has no use for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parts {
    pub rule: Rule,
    /// Nominal step at f = 1, what pulse trains count in.
    pub step: f32,
    /// Nominal steps upwards and downwards, before asymmetry.
    pub sizes: [f64; 2],
    /// Standard deviation of the weight around the state.
    pub write_noise: f32,
    pub levels: Option<u32>,
    pub pair: Option<Pair>,
    /// Nominal upper bound.
    pub highest: f32,
    /// Fall of all states in a second.
    pub leak_per_s: f32,
    pub up: Vec<f32>,
    pub down: Vec<f32>,
    pub lower: Vec<f32>,
    pub upper: Vec<f32>,
    /// Slopes, factors on the state in exponents, or exponents.
    pub slope_up: Vec<f32>,
    pub slope_down: Vec<f32>,
    /// `weight = gain * state + offset`.
    pub gain: Vec<f32>,
    pub offset: Vec<f32>,
    /// Inverse lifetime.
    pub decay: Vec<f32>,
    /// State that devices decay to or are reset to.
    pub reset: Vec<f32>,
    pub stuck: Vec<bool>,
}

impl Devices {
    /// Number of rows: inputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns: outputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// What the devices were drawn from.
    pub fn specification(&self) -> &DeviceSpecification {
        &self.specification
    }

    /// What a read sees, row-major `[rows][columns]`: the states, less the reference where devices have
    /// one, with the write noise of the last write.
    pub fn weights(&self) -> &[f32] {
        if self.weights.is_empty() { &self.state } else { &self.weights }
    }

    /// States, `[rows][columns]`; of pairs `[rows][2][columns]`, those that count as positive first.
    pub fn states(&self) -> &[f32] {
        &self.state
    }

    /// Conductances in siemens, in the order of the states; `None` where the specification tells none.
    pub fn conductances_s(&self) -> Option<Vec<f64>> {
        let specification = &self.specification;
        let (zero, one) = (specification.conductance_s(0.0)?, specification.conductance_s(1.0)?);
        let nominal = |&state: &f32| zero + (one - zero) * f64::from(state);
        let Model::Mosfet(mosfet) = &specification.model else {
            return Some(self.state.iter().map(nominal).collect());
        };
        let unit = mosfet.beta_a_per_v2 * mosfet.half_span_v();
        let device = |(device, state): (usize, &f32)| zero + unit * f64::from(self.parts.read(device, *state));
        Some(self.state.iter().enumerate().map(device).collect())
    }

    /// Puts every device that is not stuck into the state nearest to the given one that it can hold:
    /// one number for each weight. Halfway between two levels neighbours go opposite ways, upwards
    /// where row and column add up to an even number: sums over rows and columns then lean neither
    /// way, and two devices of one place in arrays that are subtracted from each other go the same
    /// way. Of a pair the positive part goes to the first device, the negative part to the second.
    /// Nothing is counted; write noise is drawn for `stamp`.
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] unless there is one finite number for each weight.
    pub fn set_states(&mut self, states: &[f32], stamp: u64) -> Result<(), CompilerError> {
        self.sized("states", "weight", self.rows * self.columns, states.len())?;
        finite("states", states)?;
        let width = self.width();
        for (index, &wanted) in states.iter().enumerate() {
            let first = index / self.columns * width + index % self.columns;
            let second = self.parts.is_paired().then(|| (first + self.columns, (-wanted).max(0.0)));
            let wanted = if second.is_some() { wanted.max(0.0) } else { wanted };
            let is_even = (index / self.columns + index % self.columns).is_multiple_of(2);
            for (device, wanted) in [(first, wanted)].into_iter().chain(second) {
                self.state[device] = self.parts.nearest(device, wanted, || is_even);
            }
        }
        self.read_again(stamp);
        Ok(())
    }

    /// Devices of a row.
    pub(super) fn width(&self) -> usize {
        self.state.len() / self.rows
    }

    /// One device, or pair, of the array as a value of its own; `None` outside the array.
    pub fn device(&self, row: usize, column: usize) -> Option<Device> {
        if row >= self.rows || column >= self.columns {
            return None;
        }
        let first = row * self.width() + column;
        let second = self.parts.is_paired().then_some(first + self.columns);
        let devices: Vec<usize> = [first].into_iter().chain(second).collect();
        let weight = self.weights()[row * self.columns + column];
        let state = devices.iter().map(|&device| self.state[device]).collect();
        Some(Device { state, weight, parts: self.parts.of_devices(&devices) })
    }

    /// Refuses a length that is not one number for each row, column or device.
    pub(super) fn sized(&self, what: &str, each: &str, expected: usize, found: usize) -> Result<(), CompilerError> {
        if expected == found {
            return Ok(());
        }
        Err(CompilerError::Pulses {
            what: what.to_owned(),
            expected: format!("{expected} numbers, one for each {each} of {} x {}", self.rows, self.columns),
            found: format!("{found}"),
            remedy: "give the rows of the array as inputs and its columns as outputs".to_owned(),
        })
    }
}

/// Refuses numbers that are not finite.
pub(in crate::learning) fn finite(what: &str, values: &[f32]) -> Result<(), CompilerError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(CompilerError::Pulses {
            what: format!("{what}[{index}]"),
            expected: "a finite number".to_owned(),
            found: values[index].to_string(),
            remedy: "lower the learning rate, or look for what diverged".to_owned(),
        }),
    }
}

impl Parts {
    /// Whether a weight is two devices.
    pub fn is_paired(&self) -> bool {
        self.pair.is_some()
    }

    /// What a device weighs in a state, without write noise.
    #[inline]
    pub fn read(&self, device: usize, state: f32) -> f32 {
        if self.offset.is_empty() { state } else { self.gain[device] * state + self.offset[device] }
    }

    /// The state nearest to `wanted` that a device can hold.
    #[inline]
    pub fn held(&self, device: usize, wanted: f32) -> f32 {
        let (lower, upper) = (self.lower[device], self.upper[device]);
        let bounded = wanted.max(lower).min(upper);
        match self.levels {
            Some(levels) if upper > lower => {
                let pitch = (upper - lower) / (levels - 1) as f32;
                (lower + ((bounded - lower) / pitch).round() * pitch).min(upper)
            }
            _ => bounded,
        }
    }

    /// The same, where states halfway between two levels are raised to the upper one if `is_raised` says so.
    pub fn nearest(&self, device: usize, wanted: f32, is_raised: impl FnOnce() -> bool) -> f32 {
        let (lower, upper) = (self.lower[device], self.upper[device]);
        let Some(levels) = self.levels.filter(|_| upper > lower) else { return self.held(device, wanted) };
        let (last, range) = (f64::from(levels - 1), f64::from(upper) - f64::from(lower));
        let above = (f64::from(wanted.max(lower).min(upper)) - f64::from(lower)) / range * last;
        // Bounds and states are rounded to f32.
        let is_halfway = (above - above.floor() - 0.5).abs() <= last * f64::from(f32::EPSILON);
        if !is_halfway {
            return self.held(device, wanted);
        }
        let level = above.floor() + if is_raised() { 1.0 } else { 0.0 };
        self.held(device, (f64::from(lower) + level / last * range) as f32)
    }

    /// The parts of some devices.
    fn of_devices(&self, devices: &[usize]) -> Self {
        let pick = |values: &[f32]| devices.iter().filter_map(|&device| values.get(device).copied()).collect();
        Self {
            rule: self.rule.clone(),
            pair: self.pair.clone(),
            up: pick(&self.up),
            down: pick(&self.down),
            lower: pick(&self.lower),
            upper: pick(&self.upper),
            slope_up: pick(&self.slope_up),
            slope_down: pick(&self.slope_down),
            gain: pick(&self.gain),
            offset: pick(&self.offset),
            decay: pick(&self.decay),
            reset: pick(&self.reset),
            stuck: devices.iter().map(|&device| self.stuck[device]).collect(),
            ..*self
        }
    }
}
