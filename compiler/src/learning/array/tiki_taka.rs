//! Two arrays that cancel the asymmetry of devices.
//!
//! Updates go to a fast array A, whose asymmetric devices pull every weight towards the point where steps up and down
//! are equal. Row after row A is read, and what it holds beyond that point moves the weights W of the slow array:
//!
//! ```text
//! A <- A + update
//! W[r] <- W[r] + transfer_rate * learning_rate * (A[r] - A0[r])
//! ```
//!
//! the latter every `transfer_every` updates, for the next `transfer_rows` rows r.
//!
//! A0 is the symmetric point, measured by pulses up and down in turn, or 0. Buffered transfers add up in digital memory
//! and move W by whole pulses only, the rest stays there.
//!
//! Sources: Gokmen and Haensch, Frontiers in Neuroscience 14:103 (2020); buffered: Gokmen, Frontiers in Artificial
//! Intelligence 4:699148 (2021); symmetric point: Kim et al., arXiv 1907.10228.

use serde::{Deserialize, Serialize};
use snn::random::Stream;

use super::SynapseArray;
use super::updates::round_by_chance;
use crate::error::CompilerError;

/// Most pulses up and down that look for the symmetric point.
const MOST_CALIBRATION_PULSES: u32 = 100_000;

/// How the fast array hands on what it learned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TikiTakaSettings {
    /// Updates from one transfer to the next.
    pub transfer_every: u32,
    /// Rows of a transfer: one where examples are learned one by one, more where batches are; all of them when more than
    /// the array has.
    pub transfer_rows: u32,
    /// Share of what the fast array holds that moves the slow one, for a learning rate of 1.
    pub transfer_rate: f64,
    /// Share of the fast array that counts as weight.
    pub fast_share: f64,
    /// Whether transfers add up in digital memory.
    pub buffered: bool,
    /// Pairs of pulses up and down that find the symmetric point; with 0 it is taken to be 0.
    pub calibration_pulses: u32,
}

impl Default for TikiTakaSettings {
    fn default() -> Self {
        Self {
            transfer_every: 1,
            transfer_rows: 1,
            transfer_rate: 1.0,
            fast_share: 0.0,
            buffered: true,
            calibration_pulses: 2000,
        }
    }
}

impl TikiTakaSettings {
    pub(super) fn check(&self, place: &str) -> Result<(), CompilerError> {
        let wrong = |field: &str, expected: &str, found: String| CompilerError::Device {
            place: place.to_owned(),
            field: format!("tiki_taka.{field}"),
            expected: expected.to_owned(),
            found,
            remedy: "change it".to_owned(),
        };
        for (field, value) in [("transfer_every", self.transfer_every), ("transfer_rows", self.transfer_rows)] {
            if value == 0 {
                return Err(wrong(field, "at least 1", "0".to_owned()));
            }
        }
        if self.calibration_pulses > MOST_CALIBRATION_PULSES {
            let expected = format!("at most {MOST_CALIBRATION_PULSES}");
            return Err(wrong("calibration_pulses", &expected, self.calibration_pulses.to_string()));
        }
        for (field, value) in [("transfer_rate", self.transfer_rate), ("fast_share", self.fast_share)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(wrong(field, "a finite number of at least 0", value.to_string()));
            }
        }
        Ok(())
    }
}

/// The fast array and what lies between it and the slow one.
#[derive(Clone, Debug, PartialEq)]
pub struct TikiTaka {
    settings: TikiTakaSettings,
    pub(super) fast: SynapseArray,
    /// Its symmetric point, `[inputs][outputs]` of real weights.
    reference: Vec<f32>,
    /// What buffered transfers have left over; else empty.
    pub(super) buffer: Vec<f32>,
    /// Updates since the last transfer.
    pub(super) waited: u32,
    /// The next row.
    pub(super) row: usize,
}

impl TikiTaka {
    /// Finds the symmetric point of the fast array; these pulses are no updates and are not counted.
    ///
    /// # Errors
    /// Those of pulses.
    pub fn new(settings: TikiTakaSettings, mut fast: SynapseArray) -> Result<Self, CompilerError> {
        let weights = fast.inputs() * fast.outputs();
        let [up, down] = [vec![1; weights], vec![-1; weights]];
        for pair in 0..u64::from(settings.calibration_pulses) {
            fast.pulse(&up, u64::MAX - 2 * pair)?;
            fast.pulse(&down, u64::MAX - 2 * pair - 1)?;
        }
        fast.forget_counts();
        let reference = if settings.calibration_pulses > 0 { fast.weights() } else { vec![0.0; weights] };
        let buffer = if settings.buffered { vec![0.0; weights] } else { Vec::new() };
        Ok(Self { settings, fast, reference, buffer, waited: 0, row: 0 })
    }

    /// The fast array.
    pub fn fast(&self) -> &SynapseArray {
        &self.fast
    }

    /// Adds its share of the weights.
    pub(super) fn add_share(&self, weights: &mut [f32]) {
        let share = self.settings.fast_share as f32;
        if share > 0.0 {
            let held = self.fast.weights();
            let held = held.iter().zip(&self.reference).map(|(held, reference)| share * (held - reference));
            weights.iter_mut().zip(held).for_each(|(weight, held)| *weight += held);
        }
    }

    /// Hands the next rows on where it is time to.
    pub(super) fn transfer(
        &mut self,
        slow: &mut SynapseArray,
        learning_rate: f32,
        stamp: u64,
        mut stream: Stream,
    ) -> Result<(), CompilerError> {
        self.waited += 1;
        if self.waited < self.settings.transfer_every {
            return Ok(());
        }
        self.waited = 0;
        let (inputs, outputs, step) = (slow.inputs(), slow.outputs(), slow.step());
        let mut pulses = vec![0i16; inputs * outputs];
        let rate = self.settings.transfer_rate as f32 * learning_rate;
        for _ in 0..inputs.min(self.settings.transfer_rows as usize) {
            let first = self.row * outputs;
            for (place, held) in (first..).zip(self.fast.row(self.row)) {
                let wanted = rate * (held - self.reference[place]) / step;
                pulses[place] = match self.buffer.get_mut(place) {
                    None => round_by_chance(wanted, &mut stream),
                    Some(buffer) => {
                        let total = *buffer + wanted;
                        let whole = total.trunc().clamp(-32_767.0, 32_767.0);
                        *buffer = total - whole;
                        whole as i16
                    }
                };
            }
            self.row = (self.row + 1) % inputs.max(1);
        }
        slow.pulse(&pulses, stamp)
    }
}
