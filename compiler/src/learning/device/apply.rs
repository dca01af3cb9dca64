//! Given numbers of pulses on the devices of an array.

use super::Devices;
use super::random::{Draws, Purpose};
use super::row::{Pulses, Row, rows, update_all};
use super::statistics::Counts;
use crate::error::CompilerError;

impl Devices {
    /// Gives every device its pulses, row-major `[rows][columns]`: the sign is the direction, the
    /// magnitude the number of pulses. Every pulse acts on the state that the one before left. All
    /// devices are written at the same time, so an update lasts as long as its largest number of pulses.
    ///
    /// `stamp` is the number of the update: each value is to be used once.
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] unless there is one number for each device, or pair.
    pub fn apply(&mut self, pulses: &[i16], stamp: u64) -> Result<(), CompilerError> {
        self.sized("pulses", "weight", self.rows * self.columns, pulses.len())?;
        let (parts, origin, columns, width) = (&self.parts, self.origin, self.columns, self.width());
        let update = |row: Row<'_>| {
            let mut given = Pulses::new(columns);
            given.numbers.copy_from_slice(&pulses[row.number * columns..][..columns]);
            let slots = given.numbers.iter().map(|pulses| u64::from(pulses.unsigned_abs())).max().unwrap_or(0);
            let mut draws = Draws::new(origin, Purpose::Pulses, row.number, stamp);
            (parts.pulse(row, &mut given, &mut draws), slots)
        };
        let rows = rows(&mut self.state, &mut self.weights, width, columns);
        let (counts, slots) = update_all(rows, 1, update);
        self.counts = self.counts + counts + Counts { updates: 1, slots, ..Counts::default() };
        Ok(())
    }
}
