//! Refuses specifications that are wrong or contradict themselves.

mod common;
mod families;

use std::fmt::Display;

use super::{DeviceSpecification, Model};
use crate::CompilerError;

impl DeviceSpecification {
    /// Checks every value on its own, then combinations of values. A specification that passes is
    /// trusted afterwards. `place` is the file or preset that errors name.
    ///
    /// # Errors
    /// [`CompilerError::Device`] naming the first key that is wrong, what it must hold, what it holds
    /// and what to change.
    pub fn check(&self, place: &str) -> Result<(), CompilerError> {
        let checker = Checker { place };
        checker.names(self)?;
        checker.bounds(self)?;
        match &self.model {
            Model::ConstantStep {} => {}
            Model::LinearStep(model) => checker.linear(model)?,
            Model::SoftBounds(model) => checker.soft_bounds(model)?,
            Model::ExponentialStep(model) => checker.exponential(model)?,
            Model::PowerStep(model) => checker.power(model)?,
            Model::Piecewise(model) => checker.piecewise(model, self)?,
            Model::Mosfet(model) => checker.mosfet(model)?,
            Model::DomainWall(model) => checker.domain_wall(model)?,
        }
        checker.given_once(self)?;
        checker.step(self)?;
        checker.levels(self)?;
        checker.pair(self)?;
        checker.stuck(self)?;
        checker.retention(self)?;
        checker.energy(self)
    }
}

/// Makes errors about one specification.
struct Checker<'a> {
    place: &'a str,
}

impl Checker<'_> {
    /// An error about `field` unless `holds`.
    fn that(
        &self,
        holds: bool,
        field: &str,
        expected: impl Display,
        found: impl Display,
        remedy: impl Display,
    ) -> Result<(), CompilerError> {
        if holds {
            return Ok(());
        }
        Err(CompilerError::Device {
            place: self.place.to_owned(),
            field: field.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
            remedy: remedy.to_string(),
        })
    }

    /// A number from `least` to `most`; NaN is refused.
    fn within(&self, field: &str, value: f64, least: f64, most: f64, remedy: &str) -> Result<(), CompilerError> {
        let holds = (least..=most).contains(&value);
        self.that(holds, field, format_args!("a number from {least} to {most}"), value, remedy)
    }

    /// A number above 0, at most `most`.
    fn above_zero(&self, field: &str, value: f64, most: f64, remedy: &str) -> Result<(), CompilerError> {
        let holds = value > 0.0 && value <= most;
        self.that(holds, field, format_args!("a number above 0, at most {most}"), value, remedy)
    }
}
