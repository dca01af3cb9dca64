//! Makes the devices of an array.

use super::devices::Parts;
use super::families::{self, SlopeReference};
use super::random::{Draws, Origin, Purpose};
use super::rule::Rule;
use super::statistics::Counts;
use super::{DeviceSpecification, Devices, Distribution, Model};
use crate::error::CompilerError;

/// Most devices of one array; more would not fit into memory.
const MOST_DEVICES: usize = 1 << 28;

impl Devices {
    /// Draws `rows * columns` devices, or pairs of them, in the state that weighs 0, or the nearest one
    /// that each can hold: of two levels that are equally near, as with an even number of them, one by
    /// chance, so that a sum of many devices is about 0. `place` tells the arrays of one seed apart.
    ///
    /// # Errors
    /// Those of [`DeviceSpecification::check`], and [`CompilerError::Pulses`] for an array without
    /// devices or of more than 2^28.
    pub fn draw(
        specification: &DeviceSpecification,
        rows: usize,
        columns: usize,
        seed: u64,
        place: u64,
    ) -> Result<Self, CompilerError> {
        specification.check(&specification.name)?;
        let width = if specification.pair.is_some() { columns.saturating_mul(2) } else { columns };
        let devices = rows.checked_mul(width).filter(|devices| (1..=MOST_DEVICES).contains(devices));
        let Some(devices) = devices else {
            return Err(CompilerError::Pulses {
                what: "array of devices".to_owned(),
                expected: format!("1 to {MOST_DEVICES} devices"),
                found: format!("{rows} x {width}"),
                remedy: "split the array".to_owned(),
            });
        };
        let origin = Origin { seed, place };
        let mut parts = Parts::of(specification, devices);
        let mut state = Vec::with_capacity(devices);
        for row in 0..rows {
            let mut draws = Draws::new(origin, Purpose::Manufacture, row, 0);
            // A stream of their own, so that devices do not depend on the number of their levels.
            let mut sides = Draws::new(origin, Purpose::FirstLevel, row, 0);
            state.extend((0..width).map(|_| parts.manufacture(specification, &mut draws, &mut sides)));
        }
        let is_plain = parts.write_noise == 0.0 && parts.offset.is_empty() && !parts.is_paired();
        let weights = if is_plain { Vec::new() } else { vec![0.0; rows * columns] };
        let specification = specification.clone();
        let mut made = Self { specification, rows, columns, origin, state, weights, parts, counts: Counts::default() };
        made.read_again(0);
        Ok(made)
    }
}

impl Parts {
    fn of(specification: &DeviceSpecification, devices: usize) -> Self {
        let size = specification.step_size();
        let room = |is_used: bool| Vec::with_capacity(if is_used { devices } else { 0 });
        let model = &specification.model;
        let is_sloped = matches!(
            model,
            Model::LinearStep(_) | Model::SoftBounds(_) | Model::ExponentialStep(_) | Model::PowerStep(_)
        );
        let leak = if let Model::Mosfet(mosfet) = model { mosfet.leak_per_s() } else { 0.0 };
        Self {
            rule: Rule::of(specification),
            step: size as f32,
            sizes: specification.sizes(),
            write_noise: (specification.step.write_noise * size) as f32,
            levels: specification.levels,
            pair: specification.pair.clone(),
            highest: specification.bounds.upper as f32,
            leak_per_s: leak as f32,
            up: room(true),
            down: room(true),
            lower: room(true),
            upper: room(true),
            slope_up: room(is_sloped),
            slope_down: room(is_sloped),
            gain: room(matches!(model, Model::Mosfet(_))),
            offset: room(matches!(model, Model::Mosfet(_))),
            decay: room(specification.retention.is_some()),
            reset: room(specification.retention.is_some() || specification.pair.is_some()),
            stuck: Vec::with_capacity(devices),
        }
    }

    /// Draws the next device and gives its first state. Every device takes its numbers in one order.
    fn manufacture(&mut self, specification: &DeviceSpecification, draws: &mut Draws, sides: &mut Draws) -> f32 {
        let (step, bounds) = (&specification.step, &specification.bounds);
        let mut upper = bounds.upper * (1.0 + bounds.upper_spread * draws.wide_normal()).abs();
        let mut lower = bounds.lower * (1.0 + bounds.lower_spread * draws.wide_normal()).abs();
        let gain = match step.device_distribution {
            Distribution::Normal => 1.0 + step.device_spread * draws.wide_normal(),
            Distribution::LogNormal => (step.device_spread * draws.wide_normal()).exp(),
        };
        let skew = step.asymmetry_spread * draws.wide_normal();
        let [size_up, size_down] = self.sizes;
        let mut up = size_up * (gain + step.asymmetry.min(0.0) + skew).abs();
        let mut down = size_down * (gain - step.asymmetry.max(0.0) - skew).abs();
        let mut first = self.family(specification, [up, down, lower, upper], draws);
        if let Some(retention) = &specification.retention {
            let lifetime = retention.lifetime_updates.or(retention.lifetime_s).unwrap_or(f64::INFINITY);
            let lifetime = lifetime * (1.0 + retention.lifetime_spread * draws.wide_normal()).abs();
            self.decay.push(lifetime.recip() as f32);
            self.reset.push((retention.reset + retention.reset_spread * draws.wide_normal()) as f32);
        } else if let Some(pair) = &specification.pair {
            self.reset.push((pair.reset + pair.reset_spread * draws.wide_normal()) as f32);
        }
        let stuck = specification.stuck.as_ref().filter(|stuck| draws.uniform() < stuck.share);
        if let Some(stuck) = stuck {
            let state = (stuck.lower + (stuck.upper - stuck.lower) * draws.uniform()).clamp(lower, upper);
            (up, down, lower, upper, first) = (0.0, 0.0, state, state, state);
            for slopes in [&mut self.slope_up, &mut self.slope_down] {
                slopes.last_mut().into_iter().for_each(|slope| *slope = 0.0);
            }
        }
        self.stuck.push(stuck.is_some());
        self.up.push(up as f32);
        self.down.push(down as f32);
        self.lower.push(lower as f32);
        self.upper.push(upper as f32);
        self.nearest(self.stuck.len() - 1, first as f32, || sides.uniform() < 0.5)
    }

    /// What a family draws for a device; gives the state that weighs 0.
    fn family(
        &mut self,
        specification: &DeviceSpecification,
        [up, down, lower, upper]: [f64; 4],
        draws: &mut Draws,
    ) -> f64 {
        let slope = families::slope;
        match &specification.model {
            Model::LinearStep(model) => {
                let share_up = model.slope_up + model.slope_up_spread * draws.wide_normal();
                let share_down = model.slope_down + model.slope_down_spread * draws.wide_normal();
                let (lower, upper) = match model.reference {
                    SlopeReference::NominalBounds => (specification.bounds.lower, specification.bounds.upper),
                    SlopeReference::DeviceBounds => (lower, upper),
                };
                self.slope_up.push(slope(up, share_up, upper) as f32);
                self.slope_down.push(slope(down, share_down, lower) as f32);
            }
            Model::SoftBounds(model) => {
                self.slope_up.push(slope(up, 1.0, upper) as f32);
                self.slope_down.push(slope(down, 1.0, lower) as f32);
                if model.subtract_symmetry_point || model.reference_spread > 0.0 {
                    let error = model.reference_spread * draws.wide_normal();
                    let is_subtracted = model.subtract_symmetry_point;
                    let point = if is_subtracted { families::symmetry_point(up, down, lower, upper) } else { 0.0 };
                    self.gain.push(1.0);
                    self.offset.push(-(point + error) as f32);
                    return point + error;
                }
            }
            Model::ExponentialStep(model) => {
                let [slope_up, slope_down] = model.slopes(lower, upper);
                self.slope_up.push(slope_up as f32);
                self.slope_down.push(slope_down as f32);
            }
            Model::PowerStep(model) => {
                let factor = (1.0 + model.exponent_spread * draws.wide_normal()).abs();
                self.slope_up.push((model.exponent_up * factor) as f32);
                self.slope_down.push((model.exponent_down * factor) as f32);
            }
            Model::Mosfet(mosfet) => {
                let (gain, offset) = mosfet.read(draws.wide_normal(), draws.wide_normal());
                self.gain.push(gain as f32);
                self.offset.push(offset as f32);
            }
            _ => {}
        }
        0.0
    }
}
