//! Refuses specifications that are wrong or contradict themselves.

mod array;
mod cost;
mod device;
mod non_ideality;
mod periphery;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::HardwareSpecification;
use crate::CompilerError;

impl HardwareSpecification {
    /// Checks every value on its own, then every combination of values. A specification that
    /// passes is trusted afterwards. `place` is the file or preset that errors name.
    ///
    /// # Errors
    /// [`CompilerError::Hardware`] naming the first key that is wrong, what it must hold, what it
    /// holds and what to change.
    pub fn check(&self, place: &str) -> Result<(), CompilerError> {
        let checker = Checker { place };
        checker.names(self)?;
        checker.array(self)?;
        checker.weights(self)?;
        checker.input(self)?;
        checker.quantiser(self)?;
        checker.periphery(self)?;
        checker.device(self)?;
        checker.non_idealities(self)?;
        checker.cost(self)
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
        Err(CompilerError::Hardware {
            place: self.place.to_owned(),
            field: field.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
            remedy: remedy.to_string(),
        })
    }

    /// A whole number of a range.
    fn whole(
        &self,
        field: &str,
        value: impl TryInto<i64> + Display + Copy,
        range: RangeInclusive<i64>,
        remedy: &str,
    ) -> Result<(), CompilerError> {
        let holds = value.try_into().is_ok_and(|value| range.contains(&value));
        self.that(holds, field, format_args!("{} to {}", range.start(), range.end()), value, remedy)
    }

    /// A number of at least 0 and at most `most`; NaN and infinity are refused.
    fn at_least_zero(&self, field: &str, value: f64, most: f64, remedy: &str) -> Result<(), CompilerError> {
        let holds = (0.0..=most).contains(&value);
        self.that(holds, field, format_args!("a number from 0 to {most}"), value, remedy)
    }

    /// A number above 0 and at most `most`; NaN and infinity are refused.
    fn above_zero(&self, field: &str, value: f64, most: f64, remedy: &str) -> Result<(), CompilerError> {
        let holds = value > 0.0 && value <= most;
        self.that(holds, field, format_args!("a number above 0, at most {most}"), value, remedy)
    }

    /// Text that is there and has one line of at most `most` characters.
    fn text(&self, field: &str, value: &str, most: usize, remedy: &str) -> Result<(), CompilerError> {
        let length = value.chars().count();
        let found = match length {
            0 => "an empty text".to_owned(),
            _ if value.trim().is_empty() => "blanks only".to_owned(),
            _ if length > most => format!("{length} characters"),
            _ => format!("{value:?}"),
        };
        let holds = !value.trim().is_empty() && length <= most && !value.chars().any(char::is_control);
        self.that(holds, field, format_args!("one line of 1 to {most} characters"), found, remedy)
    }

    fn names(&self, specification: &HardwareSpecification) -> Result<(), CompilerError> {
        let name = &specification.name;
        self.text("name", name, 64, "give the hardware a short name")?;
        let is_plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
        self.that(
            is_plain && !name.starts_with(['.', '-']),
            "name",
            "letters, digits, '-', '_' and '.', the first a letter, digit or '_'",
            format_args!("{name:?}"),
            "choose a name that can be part of a file name",
        )?;
        self.text("description", &specification.description, 400, "describe the hardware in one sentence")?;
        for (index, source) in specification.sources.iter().enumerate() {
            self.text(&format!("sources[{index}]"), source, 2000, "name the publication, or remove the entry")?;
        }
        Ok(())
    }
}
