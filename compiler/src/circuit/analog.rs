//! One array of one chip, ready to be read.

use super::{ArrayLevels, ChipSeed, EffectiveArray, ReadNoise, realise_array, sense_offsets};
use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;

/// Contributions, noise and offsets of one array of one chip.
#[derive(Clone, Debug)]
pub struct AnalogArray {
    /// What each row adds to each column.
    pub effective: EffectiveArray,
    /// Noise of each read.
    pub read_noise: Option<ReadNoise>,
    /// Offset of each column, in levels.
    pub sense_offsets: Option<Vec<f32>>,
}

impl AnalogArray {
    /// The array number `array` of a chip.
    ///
    /// # Errors
    /// As [`realise_array`] and [`EffectiveArray::new`].
    pub fn realise(
        levels: &ArrayLevels,
        hardware: &HardwareSpecification,
        chip: ChipSeed,
        array: usize,
    ) -> Result<Self, CompilerError> {
        let conductances = realise_array(levels, hardware, chip, array)?;
        let effective = EffectiveArray::new(&conductances, hardware)?;
        let sense_offsets = sense_offsets(hardware, chip, array, effective.columns)?;
        Ok(Self { effective, read_noise: ReadNoise::of(hardware, chip, array)?, sense_offsets })
    }

    /// Adds the noise of read number `read` and the offsets to the partial sums of all columns.
    pub fn disturb(&self, read: u64, partial_sums: &mut [f32]) {
        if let Some(noise) = &self.read_noise {
            noise.apply(read, partial_sums);
        }
        if let Some(offsets) = &self.sense_offsets {
            for (sum, offset) in partial_sums.iter_mut().zip(offsets) {
                *sum += offset;
            }
        }
    }

    /// Partial sums of all columns without noise and offsets; `active` says which rows are driven.
    pub fn partial_sums(&self, active: &[bool], partial_sums: &mut [f32]) {
        let rows = self.effective.rows.max(1);
        for (sum, contributions) in partial_sums.iter_mut().zip(self.effective.contributions.chunks_exact(rows)) {
            *sum = active.iter().zip(contributions).filter(|(active, _)| **active).map(|(_, value)| value).sum();
        }
    }
}
