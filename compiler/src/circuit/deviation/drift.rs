//! Change of conductances with time.

use super::checked_sigma;
use crate::circuit::random::{Draws, Purpose};
use crate::circuit::scale::refused;
use crate::circuit::{CellPlace, ChipSeed};
use crate::error::CompilerError;
use crate::hardware::{Drift, HardwareSpecification};

/// `G(t) = G * (t / t0)^-nu` with an exponent nu of each cell, normal and at least 0 (the law of
/// phase-change memory as aihwkit has it).
pub(in crate::circuit) fn apply_drift(
    siemens: &mut [f64],
    drift: Drift,
    hardware: &HardwareSpecification,
    chip: ChipSeed,
    place: CellPlace,
) -> Result<(), CompilerError> {
    checked_sigma(hardware, "non_idealities.drift.exponent_sigma", drift.exponent_sigma)?;
    for (field, value, fits) in [
        ("non_idealities.drift.time_s", drift.time_s, drift.time_s >= drift.reference_time_s),
        ("non_idealities.drift.reference_time_s", drift.reference_time_s, drift.reference_time_s > 0.0),
        ("non_idealities.drift.exponent", drift.exponent, true),
    ] {
        if !(value.is_finite() && fits) {
            return Err(refused(
                hardware,
                field,
                "finite numbers with 0 < reference_time_s <= time_s",
                value,
                "change it or leave drift out",
            ));
        }
    }
    let elapsed = (drift.time_s / drift.reference_time_s).ln();
    let mut draws = Draws::new(chip, Purpose::Drift, place, 0);
    for value in siemens {
        let exponent = (drift.exponent + drift.exponent_sigma * draws.normal()).max(0.0);
        *value *= (-exponent * elapsed).exp();
    }
    Ok(())
}
