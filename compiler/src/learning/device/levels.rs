//! The same device with another number of states.

use super::{DeviceSpecification, Model};
use crate::error::CompilerError;

/// Least move by a pulse in standard deviations of the position after it: 2.3 % of a normal number are below -2.
const STEADY: f64 = 2.0;

impl DeviceSpecification {
    /// With `levels` evenly spaced states from bound to bound, of which one pulse is one: the step is
    /// `(upper - lower) / (levels - 1)`. A transistor gets pulses of the current that it takes, and no fixed states.
    ///
    /// A domain wall gets that many notches. The spread of its position after a pulse stays, however short the pulse, so
    /// pulses are as long as the wall takes to pass one notch or, where notches are closer, the least number of them that
    /// is twice the spread:
    ///
    /// ```text
    /// notch = L / (levels - 1)
    /// move by a pulse = notch * ceil( 2 * spread * sqrt(T / 300 K) / notch ),   at least one notch, at most L
    /// ```
    ///
    /// Heat then throws at most 2.3 % of all pulses back.
    ///
    /// # Errors
    /// [`CompilerError::Device`] for fewer than 2 levels, a piecewise family, whose steps are measured, and those of
    /// [`DeviceSpecification::check`].
    pub fn with_levels(&self, levels: u32) -> Result<Self, CompilerError> {
        let wrong = |expected: &str, found: String| CompilerError::Device {
            place: self.name.clone(),
            field: "levels".to_owned(),
            expected: expected.to_owned(),
            found,
            remedy: "choose another number, or another device".to_owned(),
        };
        if levels < 2 {
            return Err(wrong("at least 2", levels.to_string()));
        }
        let mut changed = self.clone();
        let step = (self.bounds.upper - self.bounds.lower) / f64::from(levels - 1);
        let factor = step / self.step_size();
        changed.levels = Some(levels);
        match &mut changed.model {
            Model::DomainWall(wall) => {
                // What exceeds a whole number by rounding does not count.
                let needed = STEADY * wall.spread() / step - 1e-9;
                let notches = needed.ceil().clamp(1.0, f64::from(levels - 1));
                wall.pulse_ns *= notches * factor;
            }
            Model::Mosfet(mosfet) => {
                mosfet.pulse_current_a *= factor;
                changed.levels = None;
            }
            Model::Piecewise(_) => return Err(wrong("a device whose steps are not measured", "piecewise".to_owned())),
            _ => changed.step.size = Some(step),
        }
        changed.check(&self.name)?;
        Ok(changed)
    }
}
