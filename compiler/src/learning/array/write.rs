//! Weights into arrays.

use serde::{Deserialize, Serialize};

use super::{LearningArray, Pairing, SynapseArray};
use crate::error::CompilerError;
use crate::learning::device::finite;

/// Most turns of writing and reading.
const MOST_TURNS: u32 = 100_000;

/// How weights are written and checked, in turns: all weights are read, then each one that is off gets the pulses that
/// the nominal step asks for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verification {
    /// Most turns.
    pub turns: u32,
    /// Deviation that is accepted, in nominal steps.
    pub tolerance_steps: f64,
}

impl Default for Verification {
    fn default() -> Self {
        Self { turns: 50, tolerance_steps: 0.5 }
    }
}

impl Verification {
    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`CompilerError::Device`] naming the field.
    pub fn check(&self, place: &str) -> Result<(), CompilerError> {
        let wrong = |field: &str, expected: String, found: String| CompilerError::Device {
            place: place.to_owned(),
            field: format!("verification.{field}"),
            expected,
            found,
            remedy: "change it".to_owned(),
        };
        if self.turns > MOST_TURNS {
            return Err(wrong("turns", format!("at most {MOST_TURNS}"), self.turns.to_string()));
        }
        if !(self.tolerance_steps.is_finite() && self.tolerance_steps >= 0.0) {
            let expected = "a finite number of at least 0".to_owned();
            return Err(wrong("tolerance_steps", expected, self.tolerance_steps.to_string()));
        }
        Ok(())
    }
}

/// What writing came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Written {
    /// Turns of reading and pulses.
    pub turns: u32,
    /// Weights that are off by more than the tolerance.
    pub off: u64,
    /// Root mean square of the deviation, of real weights.
    pub deviation: f64,
}

impl SynapseArray {
    /// Puts the states for real weights, `[inputs][outputs]`, without pulses: what they would be after ideal programming.
    /// Two devices of a pair share it, in opposite directions from the middle of the nominal bounds, where both have room
    /// either way. Weights beyond the bounds are cut.
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] unless there is one finite number for each weight.
    pub fn set_weights(&mut self, weights: &[f32], stamp: u64) -> Result<(), CompilerError> {
        let (gain, pairing, middle) = (self.gain(), self.pairing(), self.middle());
        for (devices, sign) in self.devices_mut().zip([1.0, -1.0]) {
            let state = |&weight: &f32| match pairing {
                Pairing::Reference => weight / gain,
                Pairing::Pair => middle + sign * weight / (2.0 * gain),
            };
            let states: Vec<f32> = weights.iter().map(state).collect();
            devices.set_states(&states, stamp)?;
        }
        Ok(())
    }

    /// Writes real weights by pulses, reading them after every turn.
    ///
    /// # Errors
    /// As [`SynapseArray::set_weights`], and those of [`Verification::check`].
    pub fn write(
        &mut self,
        weights: &[f32],
        verification: Verification,
        first_stamp: u64,
    ) -> Result<Written, CompilerError> {
        verification.check("write")?;
        self.check_weights(weights)?;
        let step = self.step();
        let tolerance = verification.tolerance_steps as f32 * step;
        let mut turn = 0;
        loop {
            let held = self.weights();
            let deviations = weights.iter().zip(&held).map(|(weight, held)| weight - held);
            let off = deviations.clone().filter(|deviation| deviation.abs() > tolerance).count() as u64;
            if off == 0 || turn >= verification.turns {
                let squares: f64 = deviations.map(|deviation| f64::from(deviation).powi(2)).sum();
                let deviation = (squares / weights.len().max(1) as f64).sqrt();
                return Ok(Written { turns: turn, off, deviation });
            }
            let pulses: Vec<i16> = deviations
                .map(|deviation| match deviation.abs() > tolerance {
                    true => (deviation / step).round().clamp(-32_767.0, 32_767.0) as i16,
                    false => 0,
                })
                .collect();
            self.pulse(&pulses, first_stamp + u64::from(turn))?;
            turn += 1;
        }
    }
}

impl SynapseArray {
    /// Refuses another number of weights and ones that are not finite.
    fn check_weights(&self, weights: &[f32]) -> Result<(), CompilerError> {
        finite("weights", weights)?;
        if weights.len() == self.inputs() * self.outputs() {
            return Ok(());
        }
        Err(CompilerError::Pulses {
            what: "weights".to_owned(),
            expected: format!("{} x {}", self.inputs(), self.outputs()),
            found: weights.len().to_string(),
            remedy: "give one weight for each synapse".to_owned(),
        })
    }
}

impl LearningArray {
    /// Writes real weights, `[inputs][outputs]`, into the array that holds them: by pulses, reading after every turn, or
    /// ideally where there is no verification.
    ///
    /// # Errors
    /// As [`SynapseArray::set_weights`].
    pub fn write(
        &mut self,
        weights: &[f32],
        verification: Option<Verification>,
    ) -> Result<Option<Written>, CompilerError> {
        let stamp = self.stamp;
        match verification {
            None => self.array.set_weights(weights, stamp).map(|()| {
                self.stamp += 1;
                None
            }),
            Some(verification) => {
                self.stamp += u64::from(verification.turns) + 1;
                self.array.write(weights, verification, stamp).map(Some)
            }
        }
    }
}
