//! Arrays with resistive wires, solved exactly.
//!
//! A row wire starts at its driver and passes all bit lines; a column wire passes all rows and ends,
//! below the last one, at what reads it, a virtual ground. Between neighbouring cells lies one
//! segment of wire; the driver and the sense resistance lie between the outer nodes and the ideal
//! sources. Rows that are not driven are held at 0 V through their driver.
//!
//! Unknowns are the cell currents `i = G (u_row - u_column)`. Kirchhoff's current law in the wires
//! gives the node voltages `u_row = v - Z_row i` and `u_column = Z_column i`, with the resistances
//! that two cells share on their way,
//!
//! ```text
//! Z_row[j, k]    = R_driver + R_wire min(j, k)                    bit lines j, k of one row
//! Z_column[i, k] = R_sense  + R_wire (rows - 1 - max(i, k))       rows i, k of one bit line
//! ```
//!
//! so Ohm's law of all cells reads, with D the square roots of G and `i = D y`,
//!
//! ```text
//! (1 + D (Z_row + Z_column) D) y = D v
//! ```
//!
//! This is symmetric with no eigenvalue below 1, whatever is zero among conductances and
//! resistances. Conjugate gradients solve it (Hestenes and Stiefel, 1952); products with Z take a
//! few running sums. As the least eigenvalue is 1, the residual bounds the error:
//! `|error of a column current| <= sqrt(sum of G in the column) * |residual|`.

mod approximation;
mod gradients;
mod ladder;
mod solution;
mod transfer;

pub use approximation::approximate_transfer;
pub use solution::{NodeVoltages, Solution};

use super::Conductances;
use super::scale::refused;
use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;

/// Norm of the residual that solutions reach, relative to the right-hand side.
pub const TOLERANCE: f64 = 1e-10;

/// Resistances of the wires in ohms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WireResistances {
    /// Between neighbouring cells, of rows and columns.
    pub wire: f64,
    /// Between the source of a row and its first cell.
    pub driver: f64,
    /// Between the last cell of a column and the virtual ground.
    pub sense: f64,
}

/// An array, its wires, drivers and sense inputs.
#[derive(Clone, Debug)]
pub struct ArrayCircuit<'a> {
    conductances: &'a Conductances,
    /// Square roots of the conductances.
    roots: Vec<f64>,
    wires: WireResistances,
}

impl WireResistances {
    /// Those of a chip.
    ///
    /// # Errors
    /// [`CompilerError::Hardware`] unless all are finite and at least 0.
    pub fn of(hardware: &HardwareSpecification) -> Result<Self, CompilerError> {
        let device = &hardware.device;
        for (field, value) in [
            ("device.wire_resistance_ohm", device.wire_resistance_ohm),
            ("device.driver_resistance_ohm", device.driver_resistance_ohm),
            ("device.sense_resistance_ohm", device.sense_resistance_ohm),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(refused(hardware, field, "a finite resistance of at least 0", value, "change it"));
            }
        }
        Ok(Self {
            wire: device.wire_resistance_ohm,
            driver: device.driver_resistance_ohm,
            sense: device.sense_resistance_ohm,
        })
    }
}

impl<'a> ArrayCircuit<'a> {
    /// Cells with the wires of a chip.
    ///
    /// # Errors
    /// As [`WireResistances::of`].
    pub fn new(conductances: &'a Conductances, hardware: &HardwareSpecification) -> Result<Self, CompilerError> {
        Ok(Self::with_wires(conductances, WireResistances::of(hardware)?))
    }

    /// Cells with given wires: resistances are finite and at least 0.
    pub fn with_wires(conductances: &'a Conductances, wires: WireResistances) -> Self {
        let roots = conductances.siemens.iter().map(|value| value.sqrt()).collect();
        Self { conductances, roots, wires }
    }

    /// The cells.
    pub fn conductances(&self) -> &Conductances {
        self.conductances
    }

    /// The wires.
    pub fn wires(&self) -> WireResistances {
        self.wires
    }
}
