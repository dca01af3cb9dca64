//! Cells that cannot be programmed.

use crate::circuit::random::{Draws, Purpose};
use crate::circuit::scale::refused;
use crate::circuit::{CellPlace, ChipSeed, LevelScale};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, StuckCells};

/// Gives stuck cells the conductance of the highest level or of level 0; each cell is stuck on its
/// own account.
pub(in crate::circuit) fn apply_stuck(
    siemens: &mut [f64],
    stuck: StuckCells,
    hardware: &HardwareSpecification,
    scale: &LevelScale,
    chip: ChipSeed,
    place: CellPlace,
) -> Result<(), CompilerError> {
    let (on, off) = (stuck.on_share, stuck.off_share);
    if !(on >= 0.0 && off >= 0.0 && on + off <= 1.0) {
        return Err(refused(
            hardware,
            "non_idealities.stuck",
            "shares of at least 0 that sum to at most 1",
            format!("{on} and {off}"),
            "lower them or leave them out",
        ));
    }
    let mut draws = Draws::new(chip, Purpose::Stuck, place, 0);
    for value in siemens {
        let place = draws.uniform();
        if place < on {
            *value = scale.on;
        } else if place < on + off {
            *value = scale.off;
        }
    }
    Ok(())
}
