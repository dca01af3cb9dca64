//! Measured pulses as CSV: columns `pulses` and `conductance_s`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::CompilerError;

/// Largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 24;
/// Most readings; far more than a measurement has.
const MOST_READINGS: usize = 100_000;
const HEADER: &str = "pulses,conductance_s";

/// Reads pulses and conductances.
///
/// # Errors
/// [`CompilerError::Io`] when the file cannot be read, and [`CompilerError::DeviceSyntax`] naming the
/// line for a file that is too large, cut off, without its header or with a number that is none.
pub(in super::super) fn read(path: &Path) -> Result<(Vec<i64>, Vec<f64>), CompilerError> {
    let unreadable = |source| CompilerError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let place = path.display().to_string();
    let wrong = |line, problem| CompilerError::DeviceSyntax { place: place.clone(), line, problem };
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(wrong(None, format!("expected a CSV file of at most {LARGEST_FILE} bytes, found more")));
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Err(wrong(None, "expected UTF-8 text".to_owned()));
    };
    parse(text).map_err(|(line, problem)| wrong(Some(line), problem))
}

/// What a text says; errors name the line, counted from 1.
fn parse(text: &str) -> Result<(Vec<i64>, Vec<f64>), (usize, String)> {
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let (line, header) = lines.next().ok_or((1, format!("expected the header '{HEADER}', found an empty file")))?;
    let names: Vec<&str> = header.split(',').map(str::trim).collect();
    if names.join(",") != HEADER {
        return Err((line, format!("expected the header '{HEADER}', found '{}'", shortened(header))));
    }
    let (mut pulses, mut conductances) = (Vec::new(), Vec::new());
    for (line, row) in lines {
        if pulses.len() == MOST_READINGS {
            return Err((line, format!("expected at most {MOST_READINGS} readings, found more")));
        }
        let fields: Vec<&str> = row.split(',').map(str::trim).take(3).collect();
        let [number, conductance] = fields[..] else {
            return Err((line, format!("expected 2 fields, pulses and conductance, found '{}'", shortened(row))));
        };
        let number: i64 = number
            .parse()
            .map_err(|_| (line, format!("pulses: expected a whole number, found '{}'", shortened(number))))?;
        let value = conductance.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
        let value = value.ok_or_else(|| {
            let expected = "expected a conductance in siemens of at least 0";
            (line, format!("conductance_s: {expected}, found '{}'", shortened(conductance)))
        })?;
        pulses.push(number);
        conductances.push(value);
    }
    Ok((pulses, conductances))
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(40).chain(['…']).collect() }
}
