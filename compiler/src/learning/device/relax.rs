//! What happens to devices without pulses.

use super::Devices;
use super::functions::exponential;
use super::random::{Draws, Purpose};
use crate::error::CompilerError;

/// How much time has passed; each specification takes the measure that its retention is given in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Elapsed {
    /// Updates.
    pub updates: f64,
    /// Seconds.
    pub seconds: f64,
}

impl Devices {
    /// Lets time pass:
    ///
    /// ```text
    /// w <- reset + (w - reset) * exp(-elapsed / lifetime)        retention
    /// w <- w - seconds * I_leak / (C * V_half)                   leakage of a gate
    /// ```
    ///
    /// within the bounds. Write noise is drawn anew for `stamp` where there is such and something
    /// has decayed.
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] for a time that is negative or not finite.
    pub fn relax(&mut self, elapsed: Elapsed, stamp: u64) -> Result<(), CompilerError> {
        for (what, value) in [("elapsed updates", elapsed.updates), ("elapsed seconds", elapsed.seconds)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(CompilerError::Pulses {
                    what: what.to_owned(),
                    expected: "a finite number of at least 0".to_owned(),
                    found: value.to_string(),
                    remedy: "give the time since the last call".to_owned(),
                });
            }
        }
        let retention = self.specification.retention.as_ref();
        let in_updates = retention.is_some_and(|retention| retention.lifetime_updates.is_some());
        let passed = if in_updates { elapsed.updates } else { elapsed.seconds } as f32;
        let fall = self.parts.leak_per_s * elapsed.seconds as f32;
        if fall == 0.0 && (self.parts.decay.is_empty() || passed == 0.0) {
            return Ok(());
        }
        for (device, state) in self.state.iter_mut().enumerate() {
            let decayed = match self.parts.decay.get(device) {
                Some(decay) => {
                    let reset = self.parts.reset[device];
                    reset + (*state - reset) * exponential(-passed * decay)
                }
                None => *state,
            };
            *state = (decayed - fall).max(self.parts.lower[device]).min(self.parts.upper[device]);
        }
        self.read_again(stamp);
        Ok(())
    }

    /// What all devices weigh, with new write noise.
    pub(super) fn read_again(&mut self, stamp: u64) {
        if self.weights.is_empty() {
            return;
        }
        let width = self.width();
        for (row, weights) in self.weights.chunks_mut(self.columns).enumerate() {
            let mut draws = Draws::new(self.origin, Purpose::Read, row, stamp);
            for (column, weight) in weights.iter_mut().enumerate() {
                let device = row * width + column;
                *weight = self.parts.written(device, self.state[device], &mut draws);
                if self.parts.is_paired() {
                    let other = device + self.columns;
                    *weight -= self.parts.read(other, self.state[other]);
                }
            }
        }
    }
}
