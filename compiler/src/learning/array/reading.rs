//! What can be chosen about reads of an array that learns.

use serde::{Deserialize, Serialize};

use super::converter::{InputConverter, MOST_BITS, OutputConverter};
use crate::error::CompilerError;
use crate::hardware::Spread;

/// Wires of an array in ohms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wires {
    /// Between neighbouring cells.
    pub wire_resistance_ohm: f64,
    /// Between the driver of a row and its first cell.
    #[serde(default)]
    pub driver_resistance_ohm: f64,
    /// Between the last cell of a column and what reads it.
    #[serde(default)]
    pub sense_resistance_ohm: f64,
}

/// What a read of an array is like, from rows to columns; the default is exact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadSettings {
    /// Error of a column's current, drawn anew for each read; an absolute one is a share of the current of one device in
    /// state 1 at input 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Spread>,
    /// Standard deviation of the offset of a column's sense amplifier, fixed for an array, in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sense_offset: Option<f64>,
    /// Resistance of wires, to a fast approximation; needs conductances of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wires: Option<Wires>,
    /// What turns inputs into voltages or pulses of the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_converter: Option<InputConverter>,
    /// What turns currents of the columns into numbers; its range is of total inputs: of `z` with the delta rule, of
    /// multiples of the threshold in spiking networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_converter: Option<OutputConverter>,
    /// The transposed read, by which errors cross the array from columns to rows; exact when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReadSettings>,
}

/// What a transposed read is like. Wires let as much through as forwards: a network of resistors is reciprocal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorReadSettings {
    /// Error of a row's current, as [`ReadSettings::noise`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Spread>,
    /// Standard deviation of the offset of a row's sense amplifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sense_offset: Option<f64>,
    /// What turns error counts into voltages or pulses of the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_converter: Option<InputConverter>,
    /// What turns currents of the rows into numbers; its range is of error counts at the source, before rounding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_converter: Option<OutputConverter>,
}

impl ReadSettings {
    /// Whether a read from rows to columns gives the exact product of inputs and what it sees of the weights.
    pub fn is_product(&self) -> bool {
        Self { wires: None, error: None, ..self.clone() } == Self::default()
    }

    /// The read from columns to rows, in the place of the one from rows to columns.
    pub(super) fn transposed(&self) -> Self {
        let ErrorReadSettings { noise, sense_offset, input_converter, output_converter } =
            self.error.clone().unwrap_or_default();
        Self { noise, sense_offset, input_converter, output_converter, wires: None, error: None }
    }

    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`CompilerError::Device`] naming the field.
    pub(super) fn check(&self, place: &str) -> Result<(), CompilerError> {
        self.check_one(place, "read")?;
        if self.error.is_some() { self.transposed().check_one(place, "read.error") } else { Ok(()) }
    }

    fn check_one(&self, place: &str, table: &str) -> Result<(), CompilerError> {
        let wrong = |field: &str, expected: &str, found: String| CompilerError::Device {
            place: place.to_owned(),
            field: format!("{table}.{field}"),
            expected: expected.to_owned(),
            found,
            remedy: "change it".to_owned(),
        };
        let wires = self.wires.iter().flat_map(|wires| {
            [
                ("wires.wire_resistance_ohm", wires.wire_resistance_ohm),
                ("wires.driver_resistance_ohm", wires.driver_resistance_ohm),
                ("wires.sense_resistance_ohm", wires.sense_resistance_ohm),
            ]
        });
        let deviations = [("noise.sigma", self.noise.map(Spread::sigma)), ("sense_offset", self.sense_offset)];
        let deviations = deviations.into_iter().filter_map(|(field, value)| Some((field, value?)));
        for (field, value) in deviations.chain(wires) {
            if !(value.is_finite() && value >= 0.0) {
                return Err(wrong(field, "a finite number of at least 0", value.to_string()));
            }
        }
        let converters = [
            ("input_converter", self.input_converter.map(|converter| (converter.bits, converter.range))),
            ("output_converter", self.output_converter.map(|converter| (converter.bits, Some(converter.range)))),
        ];
        for (field, bits, range) in converters.into_iter().filter_map(|(field, both)| both.map(|(b, r)| (field, b, r)))
        {
            if !(1..=MOST_BITS).contains(&bits) {
                let expected = format!("1 to {MOST_BITS}");
                return Err(wrong(&format!("{field}.bits"), &expected, bits.to_string()));
            }
            if let Some(range) = range.filter(|range| !(range.is_finite() && *range > 0.0)) {
                return Err(wrong(&format!("{field}.range"), "a finite number above 0", range.to_string()));
            }
        }
        Ok(())
    }
}
