//! Specifications as TOML.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::families::read_pulse_data;
use super::{DeviceSpecification, Model};
use crate::CompilerError;
use crate::hardware::{LARGEST_FILE, line_of, problem};

impl DeviceSpecification {
    /// Reads and checks a specification; `place` is the file or preset that errors name.
    ///
    /// # Errors
    /// [`CompilerError::DeviceSyntax`] when the text is no TOML, or a key is unknown, missing or of
    /// the wrong type; those of [`DeviceSpecification::check`].
    pub fn parse(text: &str, place: &str) -> Result<Self, CompilerError> {
        let specification = Self::parse_unchecked(text, place)?;
        specification.check(place)?;
        Ok(specification)
    }

    /// Reads and checks a file. A file of measured pulses that it names is looked for beside it.
    ///
    /// # Errors
    /// [`CompilerError::Io`] when a file cannot be read; [`CompilerError::DeviceSyntax`] for one that
    /// is too large, not UTF-8, or wrong; those of [`DeviceSpecification::parse`].
    pub fn from_file(path: &Path) -> Result<Self, CompilerError> {
        let place = path.display().to_string();
        let unreadable = |source| CompilerError::Io { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(unreadable)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let wrong = |problem: String| CompilerError::DeviceSyntax { place: place.clone(), line: None, problem };
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(wrong(format!("expected a TOML file of at most {LARGEST_FILE} bytes, found more")));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("expected UTF-8 text".to_owned()))?;
        let mut specification = Self::parse_unchecked(text, &place)?;
        if let Model::Piecewise(model) = &mut specification.model
            && model.pulses.is_empty()
            && model.conductance_s.is_empty()
            && let Some(file) = model.file.take()
        {
            let data = path.parent().unwrap_or(Path::new("")).join(file);
            (model.pulses, model.conductance_s) = read_pulse_data(&data)?;
        }
        specification.check(&place)?;
        Ok(specification)
    }

    /// The specification as TOML text, defaults and measured pulses included.
    ///
    /// # Errors
    /// [`CompilerError::DeviceSyntax`] when a number exceeds what TOML can hold; never for a checked one.
    pub fn to_toml(&self) -> Result<String, CompilerError> {
        toml::to_string(self).map_err(|error| CompilerError::DeviceSyntax {
            place: self.name.clone(),
            line: None,
            problem: error.to_string(),
        })
    }

    fn parse_unchecked(text: &str, place: &str) -> Result<Self, CompilerError> {
        toml::from_str(text).map_err(|error: toml::de::Error| CompilerError::DeviceSyntax {
            place: place.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            problem: problem(text, &error),
        })
    }
}
