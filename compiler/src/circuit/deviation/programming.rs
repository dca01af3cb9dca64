//! Variation of programming, fixed from then on.

use super::checked_sigma;
use crate::circuit::random::{Draws, Purpose};
use crate::circuit::{CellPlace, ChipSeed, LevelScale};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, Spread};

/// Varies every conductance; an absolute deviation is a share of the on-off difference. What would
/// fall below 0 is 0.
pub(in crate::circuit) fn apply_programming(
    siemens: &mut [f64],
    spread: Spread,
    hardware: &HardwareSpecification,
    scale: &LevelScale,
    chip: ChipSeed,
    place: CellPlace,
) -> Result<(), CompilerError> {
    checked_sigma(hardware, "non_idealities.programming.sigma", spread.sigma())?;
    let mut draws = Draws::new(chip, Purpose::Programming, place, 0);
    for value in siemens {
        *value = spread.disturb(*value, scale.on - scale.off, draws.normal()).max(0.0);
    }
    Ok(())
}
