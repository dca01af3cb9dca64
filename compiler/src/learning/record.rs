//! States as named numbers, for checkpoints.

use std::collections::BTreeMap;

use crate::error::CompilerError;

/// Numbers by name. Integers of 64 bits stand as four floats of 16 bits each.
pub type Record = BTreeMap<String, Vec<f32>>;

/// An integer as four floats, the lowest 16 bits first.
pub fn wide(value: u64) -> [f32; 4] {
    std::array::from_fn(|part| ((value >> (16 * part)) & 0xffff) as f32)
}

/// What [`wide`] made four floats of; bits beyond 16 of a part are cut.
pub fn whole(parts: &[f32]) -> u64 {
    parts.iter().take(4).enumerate().map(|(part, &value)| ((value as u64) & 0xffff) << (16 * part)).sum()
}

/// Takes a name out of a record.
///
/// # Errors
/// [`CompilerError::Record`] where it is missing, has another length or holds what is no finite number.
pub fn take(record: &mut Record, name: &str, length: usize) -> Result<Vec<f32>, CompilerError> {
    let wrong = |found: String| CompilerError::Record {
        name: name.to_owned(),
        expected: format!("{length} finite numbers"),
        found,
    };
    match record.remove(name) {
        None => Err(wrong("nothing".to_owned())),
        Some(values) if values.len() != length => Err(wrong(values.len().to_string())),
        Some(values) => match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(wrong(value.to_string())),
            None => Ok(values),
        },
    }
}

/// Refuses a record of which names are left.
///
/// # Errors
/// [`CompilerError::Record`] with the first of them.
pub fn end(record: &Record) -> Result<(), CompilerError> {
    match record.iter().next() {
        None => Ok(()),
        Some((name, values)) => Err(CompilerError::Record {
            name: name.clone(),
            expected: "nothing".to_owned(),
            found: format!("{} numbers", values.len()),
        }),
    }
}
