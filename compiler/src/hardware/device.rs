//! The memory cell.

use serde::{Deserialize, Serialize};

/// The memory cell and how it is read. Level l of a cell with `2^b` levels has the conductance
/// `G_off + (G_on - G_off) * l / (2^b - 1)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// What the cell is, such as `rram` or `sram-8t`.
    pub cell: String,
    /// Process node.
    pub technology_nm: f64,
    /// Resistance at the highest level.
    pub on_resistance_ohm: f64,
    /// Resistance at level 0; infinite when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_resistance_ohm: Option<f64>,
    /// Voltage on an active row.
    pub read_voltage_v: f64,
    /// How long a row is driven.
    pub read_pulse_ns: f64,
    /// Wire between two neighbouring cells, of rows and of columns.
    pub wire_resistance_ohm: f64,
    /// Resistance of a row driver.
    #[serde(default)]
    pub driver_resistance_ohm: f64,
    /// Input resistance of what reads a column.
    #[serde(default)]
    pub sense_resistance_ohm: f64,
}

impl Device {
    /// Conductance of the highest level in siemens.
    pub fn on_conductance(&self) -> f64 {
        self.on_resistance_ohm.recip()
    }

    /// Conductance of level 0 in siemens.
    pub fn off_conductance(&self) -> f64 {
        self.off_resistance_ohm.map_or(0.0, f64::recip)
    }

    /// Conductance of a level in siemens.
    pub fn conductance(&self, level: u32, cell_bits: u32) -> f64 {
        let top = f64::from((1u32 << cell_bits) - 1);
        self.off_conductance() + (self.on_conductance() - self.off_conductance()) * f64::from(level) / top
    }
}
