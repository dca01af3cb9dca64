//! Weights held by devices.

use spikegrad::{Histogram, Quantity};

use super::{ArraySettings, Pairing};
use crate::error::CompilerError;
use crate::learning::device::{DeviceSpecification, DeviceStatistics, Devices, Elapsed, PulseTrains};

/// Fewest and most bars of a histogram.
const BARS: [usize; 2] = [8, 48];

/// Weights of `inputs` times `outputs` synapses, held by one device or two devices each. A value.
#[derive(Clone, Debug, PartialEq)]
pub struct SynapseArray {
    pairing: Pairing,
    gain: f32,
    positive: Devices,
    negative: Option<Devices>,
    /// Pulses of one device of a pair: memory for the next update.
    scratch: Vec<i16>,
}

impl SynapseArray {
    /// Draws the devices; `place` tells the arrays of one seed apart.
    ///
    /// # Errors
    /// Those of [`Devices::draw`].
    pub fn draw(
        specification: &DeviceSpecification,
        settings: &ArraySettings,
        [inputs, outputs]: [usize; 2],
        seed: u64,
        place: u64,
    ) -> Result<Self, CompilerError> {
        settings.check(&specification.name)?;
        settings.check_device(specification)?;
        let draw = |polarity: u64| Devices::draw(specification, inputs, outputs, seed, 2 * place + polarity);
        let negative = match settings.pairing {
            Pairing::Reference => None,
            Pairing::Pair => Some(draw(1)?),
        };
        let (pairing, gain) = (settings.pairing, settings.gain as f32);
        Ok(Self { pairing, gain, positive: draw(0)?, negative, scratch: Vec::new() })
    }

    /// Number of inputs: rows.
    pub fn inputs(&self) -> usize {
        self.positive.rows()
    }

    /// Number of outputs: columns.
    pub fn outputs(&self) -> usize {
        self.positive.columns()
    }

    /// How weights are held.
    pub fn pairing(&self) -> Pairing {
        self.pairing
    }

    /// Real weight of a device in state 1.
    pub fn gain(&self) -> f32 {
        self.gain
    }

    /// Change of a real weight by one pulse of the nominal device.
    pub fn step(&self) -> f32 {
        self.gain * self.positive.specification().step_size() as f32
    }

    /// Lowest and highest real weight of devices with the nominal bounds.
    pub fn range(&self) -> [f32; 2] {
        let specification = self.positive.specification();
        let (lower, upper) = (specification.bounds.lower as f32, specification.bounds.upper as f32);
        match self.pairing == Pairing::Pair || specification.pair.is_some() {
            true => [self.gain * (lower - upper), self.gain * (upper - lower)],
            false => [self.gain * lower, self.gain * upper],
        }
    }

    /// State halfway between the nominal bounds.
    pub(super) fn middle(&self) -> f32 {
        let bounds = &self.positive.specification().bounds;
        ((bounds.lower + bounds.upper) / 2.0) as f32
    }

    /// The devices, those of positive weights first.
    pub fn devices(&self) -> impl Iterator<Item = &Devices> {
        std::iter::once(&self.positive).chain(&self.negative)
    }

    pub(super) fn devices_mut(&mut self) -> impl Iterator<Item = &mut Devices> {
        std::iter::once(&mut self.positive).chain(&mut self.negative)
    }

    /// Real weights as they are held, `[inputs][outputs]`.
    pub fn weights(&self) -> Vec<f32> {
        let positive = self.positive.weights();
        match &self.negative {
            None => positive.iter().map(|&state| self.gain * state).collect(),
            Some(negative) => {
                positive.iter().zip(negative.weights()).map(|(&plus, &minus)| self.gain * (plus - minus)).collect()
            }
        }
    }

    /// Whole pulses for every weight, `[inputs][outputs]`; above 0 the weight grows. A pair shares them, the device of
    /// positive weights takes the odd one.
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] unless there is one number for each weight.
    pub fn pulse(&mut self, pulses: &[i16], stamp: u64) -> Result<(), CompilerError> {
        let Some(negative) = &mut self.negative else { return self.positive.apply(pulses, stamp) };
        let share = |pulses: i16, positive: bool| if positive { pulses - pulses / 2 } else { -(pulses / 2) };
        for (devices, is_positive) in [(&mut self.positive, true), (negative, false)] {
            self.scratch.clear();
            self.scratch.extend(pulses.iter().map(|&pulses| share(pulses, is_positive)));
            devices.apply(&self.scratch, stamp)?;
        }
        Ok(())
    }

    /// Adds `rate * inputs (outer) errors` to the real weights, on average, by pulse trains of `length` slots.
    ///
    /// # Errors
    /// As [`Devices::stochastic_update`].
    pub fn train(
        &mut self,
        inputs: &[f32],
        errors: &[f32],
        rate: f32,
        length: u32,
        stamp: u64,
    ) -> Result<(), CompilerError> {
        let share = if self.pairing == Pairing::Pair { 0.5 } else { 1.0 };
        let trains = PulseTrains { length, ..PulseTrains::new(rate * share / self.gain) };
        self.positive.stochastic_update(inputs, errors, trains, stamp)?;
        let Some(negative) = &mut self.negative else { return Ok(()) };
        let opposite: Vec<f32> = errors.iter().map(|error| -error).collect();
        negative.stochastic_update(inputs, &opposite, trains, stamp)
    }

    /// One pulse for every weight, as strong as `amounts` nominal steps, `[inputs][outputs]`. A pair shares it evenly.
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] unless there is one finite number for each weight.
    pub fn push(&mut self, amounts: &[f32], stamp: u64) -> Result<(), CompilerError> {
        let Some(negative) = &mut self.negative else { return self.positive.apply_amounts(amounts, stamp) };
        for (devices, sign) in [(&mut self.positive, 0.5f32), (negative, -0.5)] {
            let shares: Vec<f32> = amounts.iter().map(|amount| sign * amount).collect();
            devices.apply_amounts(&shares, stamp)?;
        }
        Ok(())
    }

    /// Real weights of one input, as they are held.
    pub fn row(&self, input: usize) -> Vec<f32> {
        let outputs = self.outputs();
        let places = input * outputs..(input + 1) * outputs;
        let positive = &self.positive.weights()[places.clone()];
        let negative = self.negative.as_ref().map(|negative| &negative.weights()[places]);
        let minus = |column: usize| negative.map_or(0.0, |negative| negative[column]);
        positive.iter().enumerate().map(|(column, plus)| self.gain * (plus - minus(column))).collect()
    }

    /// How the devices are spread over their conductances, or states where none are stated, between the nominal bounds.
    /// There are about twice as many bars as the root of the number of devices.
    pub fn histogram(&self) -> Histogram {
        let specification = self.positive.specification();
        let bounds = [specification.bounds.lower, specification.bounds.upper];
        let siemens: Option<Vec<Vec<f64>>> = self.devices().map(Devices::conductances_s).collect();
        let ends = bounds.map(|bound| specification.conductance_s(bound));
        let (quantity, [lowest, highest], values) = match (siemens, ends) {
            (Some(siemens), [Some(first), Some(second)]) => {
                (Quantity::Conductance, [first.min(second), first.max(second)], siemens.concat())
            }
            _ => {
                let states = self.devices().flat_map(|devices| devices.states().iter().map(|&state| state.into()));
                (Quantity::State, bounds, states.collect())
            }
        };
        let bars = ((values.len() as f64).sqrt() as usize * 2).clamp(BARS[0], BARS[1]);
        let width = (highest - lowest).max(f64::MIN_POSITIVE) / bars as f64;
        let mut devices = vec![0; bars];
        for value in values {
            devices[(((value - lowest) / width).max(0.0) as usize).min(bars - 1)] += 1;
        }
        Histogram { quantity, lowest, highest, devices }
    }

    pub(super) fn forget_counts(&mut self) {
        self.devices_mut().for_each(Devices::forget_counts);
    }

    /// Lets time pass without pulses.
    ///
    /// # Errors
    /// Those of [`Devices::relax`].
    pub fn relax(&mut self, elapsed: Elapsed, stamp: u64) -> Result<(), CompilerError> {
        self.devices_mut().try_for_each(|devices| devices.relax(elapsed, stamp))
    }

    /// What updates took, of all devices together.
    pub fn statistics(&self) -> DeviceStatistics {
        let first = self.positive.statistics();
        let Some(second) = self.negative.as_ref().map(Devices::statistics) else { return first };
        let sum = |first: Option<f64>, second: Option<f64>| Some(first? + second?);
        let free = |statistics: &DeviceStatistics| (statistics.devices - statistics.stuck) as f64;
        let saturated = first.saturated_share * free(&first) + second.saturated_share * free(&second);
        DeviceStatistics {
            devices: first.devices + second.devices,
            stuck: first.stuck + second.stuck,
            saturated_share: saturated / (free(&first) + free(&second)).max(1.0),
            updates: first.updates.max(second.updates),
            pulses_up: first.pulses_up + second.pulses_up,
            pulses_down: first.pulses_down + second.pulses_down,
            energy_j: sum(first.energy_j, second.energy_j),
            time_s: first.time_s.zip(second.time_s).map(|(first, second)| first.max(second)),
        }
    }
}
