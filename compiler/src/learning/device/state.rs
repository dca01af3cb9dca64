//! What updates have changed of devices, as named numbers.

use super::Devices;
use super::statistics::Counts;
use crate::error::CompilerError;
use crate::learning::record::{Record, take, whole, wide};

impl Devices {
    /// Counts updates and pulses from 0 again.
    pub fn forget_counts(&mut self) {
        self.counts = Counts::default();
    }

    /// States, weights and counts by name. What devices were made with is not among them: it follows from the
    /// specification, the seed and the place.
    pub fn record(&self, name: &str) -> Record {
        let Counts { updates, slots, up, down } = self.counts;
        let counts = [updates, slots, up, down].map(wide).concat();
        let entries = [("state", self.state.clone()), ("weights", self.weights.clone()), ("counts", counts)];
        entries.into_iter().map(|(part, values)| (format!("{name}.{part}"), values)).collect()
    }

    /// Takes over what [`Devices::record`] gave, of devices drawn alike.
    ///
    /// # Errors
    /// [`CompilerError::Record`] naming what does not fit.
    pub fn restore(&mut self, name: &str, record: &mut Record) -> Result<(), CompilerError> {
        let state = take(record, &format!("{name}.state"), self.state.len())?;
        let bounds = self.parts.lower.iter().zip(&self.parts.upper);
        if let Some((value, (lower, upper))) = state.iter().zip(bounds).find(|(v, (l, u))| *v < *l || *v > *u) {
            return Err(CompilerError::Record {
                name: format!("{name}.state"),
                expected: format!("a state within the bounds of its device, {lower} to {upper}"),
                found: value.to_string(),
            });
        }
        self.state = state;
        self.weights = take(record, &format!("{name}.weights"), self.weights.len())?;
        let counts = take(record, &format!("{name}.counts"), 16)?;
        let number = |index: usize| whole(&counts[4 * index..4 * index + 4]);
        self.counts = Counts { updates: number(0), slots: number(1), up: number(2), down: number(3) };
        Ok(())
    }
}
