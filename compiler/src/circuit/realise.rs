//! From the levels that are programmed to the conductances that one chip has.

use super::deviation::{apply_drift, apply_programming, apply_stuck, nominal};
use super::{ArrayLevels, CellPlace, ChipSeed, Conductances, LevelScale};
use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;

/// Conductances of cells of one polarity on one chip.
///
/// `levels` are `[row][column]`. Each deviation that the specification names has its own random
/// numbers; they are applied in this order:
///
/// 1. the level is rounded to the nearest level that can be set (`conductance_levels`);
/// 2. programming varies the conductance, which is 0 where that would fall below 0;
/// 3. it drifts, `G * (t / t0)^-nu`;
/// 4. stuck cells have the conductance of the highest level or of level 0, whatever came before.
///
/// Cell `row * columns + column` of a place takes the same random numbers whatever else is drawn.
///
/// # Errors
/// [`CompilerError::Circuit`] where sizes or levels do not fit, [`CompilerError::Hardware`] for
/// numbers that describe no cell.
pub fn realise(
    levels: &[u8],
    rows: usize,
    columns: usize,
    hardware: &HardwareSpecification,
    chip: ChipSeed,
    place: CellPlace,
) -> Result<Conductances, CompilerError> {
    let scale = LevelScale::of(hardware)?;
    let wrong = |expected: String, found: String| CompilerError::Circuit {
        what: format!("levels of array {}", place.array),
        expected,
        found,
        remedy: "compile the network again".to_owned(),
    };
    if rows.checked_mul(columns) != Some(levels.len()) {
        return Err(wrong(format!("{rows} rows of {columns} columns"), format!("{} levels", levels.len())));
    }
    if let Some(level) = levels.iter().find(|&&level| u32::from(level) > scale.top) {
        return Err(wrong(format!("levels up to {}", scale.top), level.to_string()));
    }
    let mut siemens = nominal(levels, hardware, &scale)?;
    let deviations = &hardware.non_idealities;
    if let Some(spread) = deviations.programming {
        apply_programming(&mut siemens, spread, hardware, &scale, chip, place)?;
    }
    if let Some(drift) = deviations.drift {
        apply_drift(&mut siemens, drift, hardware, chip, place)?;
    }
    if let Some(stuck) = deviations.stuck {
        apply_stuck(&mut siemens, stuck, hardware, &scale, chip, place)?;
    }
    Conductances::new(rows, columns, siemens)
}

/// Conductances of a whole array, pairs side by side: `[row][bit line]`.
///
/// # Errors
/// As [`realise`].
pub fn realise_array(
    levels: &ArrayLevels,
    hardware: &HardwareSpecification,
    chip: ChipSeed,
    array: usize,
) -> Result<Conductances, CompilerError> {
    let (rows, columns) = (levels.rows, levels.columns);
    let positive = realise(&levels.positive, rows, columns, hardware, chip, CellPlace::positive(array))?;
    match &levels.negative {
        None => Ok(positive),
        Some(negative) => {
            let negative = realise(negative, rows, columns, hardware, chip, CellPlace::negative(array))?;
            Conductances::pairs(&positive, &negative)
        }
    }
}
