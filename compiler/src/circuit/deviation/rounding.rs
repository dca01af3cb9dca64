//! Conductance levels that a cell can really be set to.

use crate::circuit::LevelScale;
use crate::circuit::scale::refused;
use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;

/// Conductances of levels before anything random: `off + (on - off) * l / top`.
///
/// With n settable levels, l / top becomes `k / (n - 1)`, k being the nearest whole number to
/// `l * (n - 1) / top` and the higher one of two that are equally near.
pub(in crate::circuit) fn nominal(
    levels: &[u8],
    hardware: &HardwareSpecification,
    scale: &LevelScale,
) -> Result<Vec<f64>, CompilerError> {
    let settable = hardware.non_idealities.conductance_levels;
    if let Some(number @ 0..2) = settable {
        let field = "non_idealities.conductance_levels";
        return Err(refused(hardware, field, "at least 2", number, "raise it or leave it out"));
    }
    let top = u64::from(scale.top);
    let table: Vec<f64> = (0..=top)
        .map(|level| {
            let (part, whole) = match settable {
                Some(number) => ((2 * level * u64::from(number - 1) + top) / (2 * top), u64::from(number - 1)),
                None => (level, top),
            };
            scale.off + (scale.on - scale.off) * part as f64 / whole as f64
        })
        .collect();
    Ok(levels.iter().map(|&level| table[usize::from(level)]).collect())
}
