//! Specifications as TOML and JSON.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use super::{
    Array, Cost, Device, HardwareSpecification, Inputs, NonIdealities, Periphery, Quantiser, ScaleFactors, WeightCells,
};
use crate::CompilerError;

/// Largest specification that is read, in bytes; text written by hand is far smaller.
pub const LARGEST_FILE: u64 = 1 << 20;

/// The keys of a specification in the order of its documentation. Scale factors are left out where
/// the quantiser takes none.
#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    description: &'a str,
    sources: &'a [String],
    array: &'a Array,
    weights: &'a WeightCells,
    input: &'a Inputs,
    quantiser: &'a Quantiser,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale_factors: Option<&'a ScaleFactors>,
    periphery: &'a Periphery,
    device: &'a Device,
    non_idealities: &'a NonIdealities,
    cost: &'a Cost,
}

impl HardwareSpecification {
    /// Reads and checks a specification; `place` is the file or preset that errors name.
    ///
    /// # Errors
    /// [`CompilerError::Syntax`] with line and key when the text is no TOML, or a key is unknown,
    /// missing or of the wrong type; those of [`HardwareSpecification::check`]; and
    /// [`CompilerError::Hardware`] when scale factors are given for a quantiser that takes none.
    pub fn from_toml(text: &str, place: &str) -> Result<Self, CompilerError> {
        let wrong = |error: toml::de::Error| CompilerError::Syntax {
            place: place.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            problem: problem(text, &error),
        };
        let specification: Self = toml::from_str(text).map_err(wrong)?;
        let keys: toml::Table = toml::from_str(text).map_err(wrong)?;
        if keys.contains_key("scale_factors") && !specification.quantiser.has_scale_factors() {
            return Err(CompilerError::Hardware {
                place: place.to_owned(),
                field: "scale_factors".to_owned(),
                expected: format!("nothing beside the quantiser '{}'", specification.quantiser),
                found: "a section".to_owned(),
                remedy: "remove [scale_factors], or choose the quantiser 'sign' or 'ternary'".to_owned(),
            });
        }
        specification.check(place)?;
        Ok(specification)
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`CompilerError::Io`] when it cannot be read, [`CompilerError::Syntax`] when it is larger than
    /// [`LARGEST_FILE`] or is not UTF-8, and those of [`HardwareSpecification::from_toml`].
    pub fn from_file(path: &Path) -> Result<Self, CompilerError> {
        let place = path.display().to_string();
        let unreadable = |source| CompilerError::Io { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(unreadable)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LARGEST_FILE {
            let problem = format!("expected a TOML file of at most {LARGEST_FILE} bytes, found more");
            return Err(CompilerError::Syntax { place, line: None, problem });
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::from_toml(text, &place),
            Err(error) => {
                let line = bytes.iter().take(error.valid_up_to()).filter(|&&byte| byte == b'\n').count() + 1;
                Err(CompilerError::Syntax { place, line: Some(line), problem: "expected UTF-8 text".to_owned() })
            }
        }
    }

    /// The specification as TOML text, every key with its value.
    ///
    /// # Errors
    /// [`CompilerError::Syntax`] when a number exceeds what TOML can hold; never for a checked one.
    pub fn to_toml(&self) -> Result<String, CompilerError> {
        toml::to_string(&self.written()).map_err(|error| CompilerError::Syntax {
            place: self.name.clone(),
            line: None,
            problem: error.to_string(),
        })
    }

    /// What [`HardwareSpecification::to_toml`] writes, for other forms such as JSON.
    pub fn written(&self) -> impl Serialize + '_ {
        Written {
            name: &self.name,
            description: &self.description,
            sources: &self.sources,
            array: &self.array,
            weights: &self.weights,
            input: &self.input,
            quantiser: &self.quantiser,
            scale_factors: self.quantiser.has_scale_factors().then_some(&self.scale_factors),
            periphery: &self.periphery,
            device: &self.device,
            non_idealities: &self.non_idealities,
            cost: &self.cost,
        }
    }
}

/// The line of an offset, counted from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

/// The parser's message behind the key it is about, where that is known.
pub(crate) fn problem(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().trim().replace('\n', "; ");
    let key = error.span().and_then(|span| key_at(text, span.start));
    key.map_or(message.clone(), |key| format!("{key}: {message}"))
}

/// The key at an offset: the last section header up to its line, and the key of its line.
fn key_at(text: &str, offset: usize) -> Option<String> {
    let mut section = None;
    let mut key = None;
    for line in text.lines().take(line_of(text, offset)) {
        let line = line.trim();
        key = None;
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = Some(header.trim_matches(['[', ' ']).to_owned());
        } else if !line.starts_with('#') {
            key = line.split_once('=').map(|(key, _)| key.trim().to_owned());
        }
    }
    match (section, key) {
        (Some(section), Some(key)) => Some(format!("{section}.{key}")),
        (section, key) => key.or(section),
    }
}
