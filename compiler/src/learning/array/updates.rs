//! Wanted changes of weights as pulses.

use snn::random::{Purpose, Stream};

use super::{ArraySettings, SynapseArray, TikiTaka, UpdateRule};
use crate::error::CompilerError;
use crate::learning::device::{DeviceSpecification, DeviceStatistics, Elapsed};

/// An array with the circuits that update it. A value: whatever determines its future is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningArray {
    pub(super) array: SynapseArray,
    rule: UpdateRule,
    pub(super) tiki_taka: Option<TikiTaka>,
    /// What accumulated updates have left over, `[inputs][outputs]` of real weights; else empty.
    pub(super) remainder: Vec<f32>,
    update_s: f64,
    /// Of the updates to come: what transfers are in proportion to.
    learning_rate: f32,
    seed: u64,
    place: u64,
    /// Number of the next update.
    pub(super) stamp: u64,
    scratch: Scratch,
}

/// Memory for the next update.
#[derive(Clone, Debug, Default, PartialEq)]
struct Scratch {
    wanted: Vec<f32>,
    pulses: Vec<i16>,
}

impl LearningArray {
    /// Draws an array of `[inputs, outputs]` synapses in state 0; `place` tells the arrays of one seed apart.
    ///
    /// # Errors
    /// [`CompilerError::Device`] for settings out of range, and those of [`SynapseArray::draw`].
    pub fn draw(
        specification: &DeviceSpecification,
        settings: &ArraySettings,
        shape: [usize; 2],
        seed: u64,
        place: u64,
    ) -> Result<Self, CompilerError> {
        let array = SynapseArray::draw(specification, settings, shape, seed, 2 * place)?;
        let tiki_taka = settings.tiki_taka.map(|tiki_taka| {
            let fast = SynapseArray::draw(specification, settings, shape, seed, 2 * place + 1)?;
            TikiTaka::new(tiki_taka, fast)
        });
        let is_accumulated = settings.rule == UpdateRule::Accumulated {};
        let remainder = if is_accumulated { vec![0.0; shape[0] * shape[1]] } else { Vec::new() };
        let (rule, tiki_taka) = (settings.rule, tiki_taka.transpose()?);
        let update_s = settings.update_ns * 1e-9;
        Ok(Self {
            array,
            rule,
            tiki_taka,
            remainder,
            update_s,
            learning_rate: 1.0,
            seed,
            place,
            stamp: 1,
            scratch: Scratch::default(),
        })
    }

    /// The array that holds the weights.
    pub fn array(&self) -> &SynapseArray {
        &self.array
    }

    /// The second array and its transfers, where there are any.
    pub fn tiki_taka(&self) -> Option<&TikiTaka> {
        self.tiki_taka.as_ref()
    }

    /// Real weights, `[inputs][outputs]`.
    pub fn weights(&self) -> Vec<f32> {
        let mut weights = self.array.weights();
        if let Some(tiki_taka) = &self.tiki_taka {
            tiki_taka.add_share(&mut weights);
        }
        weights
    }

    /// Adds `wanted` to the real weights, `[inputs][outputs]`, as nearly as pulses can. Pulse trains need an example's
    /// two factors, [`LearningArray::learn`]; here they stand back for [`UpdateRule::Rounded`].
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] unless there is one finite number for each weight.
    pub fn change(&mut self, wanted: &[f32]) -> Result<(), CompilerError> {
        let stamp = self.next_stamp();
        let target = self.tiki_taka.as_mut().map_or(&mut self.array, |tiki_taka| &mut tiki_taka.fast);
        let step = target.step();
        if self.rule == (UpdateRule::Amplitude {}) {
            let amounts: Vec<f32> = wanted.iter().map(|change| change / step).collect();
            target.push(&amounts, stamp)?;
        } else {
            let pulses = &mut self.scratch.pulses;
            pulses.clear();
            if self.rule == (UpdateRule::Accumulated {}) {
                pulses.extend(self.remainder.iter_mut().zip(wanted).map(|(remainder, change)| {
                    let total = *remainder + change;
                    let whole = (total / step).round().clamp(-MOST_PULSES, MOST_PULSES);
                    *remainder = total - whole * step;
                    whole as i16
                }));
            } else {
                let mut stream = Stream::new(self.seed, Purpose::Rounding, self.place << 40 | stamp);
                pulses.extend(wanted.iter().map(|change| round_by_chance(change / step, &mut stream)));
            }
            target.pulse(pulses, stamp)?;
        }
        self.transfer()
    }

    /// Adds `rate * inputs (outer) errors` of one example.
    ///
    /// # Errors
    /// As [`LearningArray::change`].
    pub fn learn(&mut self, inputs: &[f32], errors: &[f32], rate: f32) -> Result<(), CompilerError> {
        if let UpdateRule::Trains { length } = self.rule {
            let stamp = self.next_stamp();
            let target = self.tiki_taka.as_mut().map_or(&mut self.array, |tiki_taka| &mut tiki_taka.fast);
            target.train(inputs, errors, rate, length, stamp)?;
            return self.transfer();
        }
        let mut wanted = std::mem::take(&mut self.scratch.wanted);
        wanted.clear();
        wanted.extend(inputs.iter().flat_map(|input| errors.iter().map(move |error| rate * input * error)));
        let done = self.change(&wanted);
        self.scratch.wanted = wanted;
        done
    }

    /// Whole pulses for every weight, `[inputs][outputs]`, whatever the rule.
    ///
    /// # Errors
    /// As [`SynapseArray::pulse`].
    pub fn pulse(&mut self, pulses: &[i16]) -> Result<(), CompilerError> {
        let stamp = self.next_stamp();
        let target = self.tiki_taka.as_mut().map_or(&mut self.array, |tiki_taka| &mut tiki_taka.fast);
        target.pulse(pulses, stamp)?;
        self.transfer()
    }

    /// Sets the learning rate of the updates to come: transfers of a second array are in proportion to it, so that they
    /// fade with a schedule. It is 1 at the start, and no part of the array's record.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate as f32;
    }

    /// Lets the time of some updates pass without pulses.
    ///
    /// # Errors
    /// Those of [`SynapseArray::relax`].
    pub fn relax(&mut self, updates: f64) -> Result<(), CompilerError> {
        let elapsed = Elapsed { updates, seconds: updates * self.update_s };
        self.array.relax(elapsed, self.stamp)?;
        self.tiki_taka.as_mut().map_or(Ok(()), |tiki_taka| tiki_taka.fast.relax(elapsed, self.stamp))
    }

    /// What updates took: of the array that holds the weights, then of the second one.
    pub fn statistics(&self) -> Vec<DeviceStatistics> {
        let fast = self.tiki_taka.as_ref().map(|tiki_taka| tiki_taka.fast.statistics());
        std::iter::once(self.array.statistics()).chain(fast).collect()
    }

    pub(super) fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp - 1
    }

    fn transfer(&mut self) -> Result<(), CompilerError> {
        match &mut self.tiki_taka {
            None => Ok(()),
            Some(tiki_taka) => {
                let stream = Stream::new(self.seed, Purpose::Rounding, (self.place << 40 | self.stamp) ^ TRANSFER);
                tiki_taka.transfer(&mut self.array, self.learning_rate, self.stamp, stream)
            }
        }
    }
}

/// Most pulses of a device in one update.
const MOST_PULSES: f32 = 32_767.0;
/// Tells the random numbers of transfers from those of updates.
const TRANSFER: u64 = 1 << 63;

/// `value` rounded down or up, up with the probability of what it exceeds the integer below by.
pub(super) fn round_by_chance(value: f32, stream: &mut Stream) -> i16 {
    let below = value.floor();
    let chance = f64::from(value) - f64::from(below);
    let is_up = f64::from(stream.word()) < chance * 4_294_967_296.0;
    (below + f32::from(u8::from(is_up))).clamp(-MOST_PULSES, MOST_PULSES) as i16
}
