//! The same device with another number of states.

use super::{DeviceSpecification, Model};
use crate::error::CompilerError;

impl DeviceSpecification {
    /// With `levels` evenly spaced states from bound to bound, of which one pulse is one: the step is
    /// `(upper - lower) / (levels - 1)`. A domain wall gets that many notches and pulses as long as it takes to pass one,
    /// its spread of position stays; a transistor gets pulses of the current that it takes, and no fixed states.
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
            Model::DomainWall(wall) => wall.pulse_ns *= factor,
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
