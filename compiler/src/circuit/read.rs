//! What is added to a partial sum when it is read.

use super::deviation::checked_sigma;
use super::random::{Draws, Purpose};
use super::{CellPlace, ChipSeed, LevelScale};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, Spread};

/// Noise of the column currents of one array, drawn anew for each read and column.
///
/// It is that of the current which the comparator or converter sees: of a column, or of the
/// difference of a pair. An absolute deviation is a share of the current of one cell at its highest
/// level, `on / level` levels.
#[derive(Clone, Copy, Debug)]
pub struct ReadNoise {
    spread: Spread,
    unit: f64,
    chip: ChipSeed,
    place: CellPlace,
}

impl ReadNoise {
    /// The noise of an array; `None` where the specification has none.
    ///
    /// # Errors
    /// [`CompilerError::Hardware`] for numbers that describe no noise or cell.
    pub fn of(hardware: &HardwareSpecification, chip: ChipSeed, array: usize) -> Result<Option<Self>, CompilerError> {
        let Some(spread) = hardware.non_idealities.read else { return Ok(None) };
        checked_sigma(hardware, "non_idealities.read.sigma", spread.sigma())?;
        let unit = LevelScale::of(hardware)?.on_levels();
        Ok(Some(Self { spread, unit, chip, place: CellPlace::positive(array) }))
    }

    /// Disturbs the partial sums of all columns of one read. `read` tells the reads of an array
    /// apart, such as `(sample * positions + position) * streams + stream`: equal numbers get equal
    /// noise.
    pub fn apply(&self, read: u64, partial_sums: &mut [f32]) {
        let mut draws = Draws::new(self.chip, Purpose::Read, self.place, read);
        for sum in partial_sums {
            *sum = self.spread.disturb(f64::from(*sum), self.unit, draws.normal()) as f32;
        }
    }
}

/// Offsets of the comparators or converters of an array's columns in levels; `None` where the
/// specification has none. A column's offset is the same in every read of a chip.
///
/// # Errors
/// [`CompilerError::Hardware`] for numbers that describe no offset or cell.
pub fn sense_offsets(
    hardware: &HardwareSpecification,
    chip: ChipSeed,
    array: usize,
    columns: usize,
) -> Result<Option<Vec<f32>>, CompilerError> {
    let Some(sigma) = hardware.non_idealities.sense_offset else { return Ok(None) };
    checked_sigma(hardware, "non_idealities.sense_offset", sigma)?;
    let unit = f64::from(LevelScale::of(hardware)?.top);
    let mut draws = Draws::new(chip, Purpose::SenseOffset, CellPlace::positive(array), 0);
    Ok(Some((0..columns).map(|_| (sigma * unit * draws.normal()) as f32).collect()))
}
