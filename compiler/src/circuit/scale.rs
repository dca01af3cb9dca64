//! Conductance of one level, and what partial sums are counted in.

use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;

/// The conductances of a specification in numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelScale {
    /// Conductance of level 0 in siemens.
    pub off: f64,
    /// Conductance of the highest level in siemens.
    pub on: f64,
    /// The highest level, `2^cell_bits - 1`.
    pub top: u32,
    /// Conductance of one level in siemens: `(on - off) / top`.
    pub level: f64,
}

impl LevelScale {
    /// The scale of a chip.
    ///
    /// # Errors
    /// [`CompilerError::Hardware`] for cells of 0 or more than 8 bits, and unless
    /// `0 <= off < on`, all finite.
    pub fn of(hardware: &HardwareSpecification) -> Result<Self, CompilerError> {
        let bits = hardware.array.cell_bits;
        if !(1..=8).contains(&bits) {
            return Err(refused(hardware, "array.cell_bits", "1 to 8", bits, "choose another number of bits"));
        }
        let (off, on) = (hardware.device.off_conductance(), hardware.device.on_conductance());
        if !(off >= 0.0 && off < on && on.is_finite()) {
            return Err(refused(
                hardware,
                "device.on_resistance_ohm",
                "a positive resistance below device.off_resistance_ohm",
                hardware.device.on_resistance_ohm,
                "change one of the two",
            ));
        }
        let top = (1u32 << bits) - 1;
        Ok(Self { off, on, top, level: (on - off) / f64::from(top) })
    }

    /// What one cell at the highest level adds to a partial sum, its off-conductance included, in
    /// levels: `on / level`.
    pub fn on_levels(&self) -> f64 {
        self.on / self.level
    }
}

/// The error of a specification that no circuit can be built from.
pub(super) fn refused(
    hardware: &HardwareSpecification,
    field: &str,
    expected: &str,
    found: impl std::fmt::Display,
    remedy: &str,
) -> CompilerError {
    CompilerError::Hardware {
        place: hardware.name.clone(),
        field: field.to_owned(),
        expected: expected.to_owned(),
        found: found.to_string(),
        remedy: remedy.to_owned(),
    }
}
