//! What each row adds to each column.

use super::wires::{ArrayCircuit, approximate_transfer};
use super::{Conductances, LevelScale};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, SignedWeights, WireResistance};

/// Contributions of rows to columns in units of one level.
///
/// With T the current of a bit line per volt on a row (the cell's conductance where wires have no
/// resistance), contribution `[c][i]` is `(T[i, 2c] - T[i, 2c + 1]) / level` for a differential
/// pair. Without pairs it is `(T[i, c] - off) / level`: the nominal current of level 0 of the active
/// rows is subtracted, as a dummy column of such cells does (NeuroSim).
///
/// Without deviations these are the integer levels themselves, exactly, while
/// `on / level <= 2^24`: each conductance has an error of at most `3 * 2^-53 * on`, so the quotient
/// is less than `2^-25` from its integer k, and every number that near to k = 1 .. 255 rounds to k in
/// single precision; for k = 0 the difference is 0. Sums over up to 65 793 rows of such integers
/// stay below `2^24`, so single precision holds every partial sum exactly, in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveArray {
    /// Rows in use.
    pub rows: usize,
    /// Columns that are read.
    pub columns: usize,
    /// `[column][row]`.
    pub contributions: Vec<f32>,
}

impl EffectiveArray {
    /// Contributions of an array, wires included as the specification says.
    ///
    /// With [`WireResistance::Exact`] they are the exact solution of the circuit for every read: rows
    /// that are not active are held at 0 V, so the circuit is linear and its currents superpose.
    ///
    /// # Errors
    /// [`CompilerError::Hardware`] for numbers that describe no cell or wire,
    /// [`CompilerError::Circuit`] where the solver does not reach its tolerance.
    pub fn new(conductances: &Conductances, hardware: &HardwareSpecification) -> Result<Self, CompilerError> {
        let scale = LevelScale::of(hardware)?;
        let transfer = match hardware.non_idealities.wires {
            None => None,
            Some(WireResistance::Exact) => Some(ArrayCircuit::new(conductances, hardware)?.transfer()?),
            Some(WireResistance::Approximate) => {
                Some(approximate_transfer(&ArrayCircuit::new(conductances, hardware)?)?)
            }
        };
        let transfer = transfer.as_deref().unwrap_or(&conductances.siemens);
        let (rows, bit_lines) = (conductances.rows, conductances.bit_lines);
        let paired = hardware.weights.signed == SignedWeights::DifferentialPair;
        let columns = if paired { bit_lines / 2 } else { bit_lines };
        let mut contributions = vec![0f32; columns * rows];
        for (row, line) in transfer.chunks_exact(bit_lines.max(1)).enumerate() {
            for column in 0..columns {
                let difference =
                    if paired { line[2 * column] - line[2 * column + 1] } else { line[column] - scale.off };
                contributions[column * rows + row] = (difference / scale.level) as f32;
            }
        }
        Ok(Self { rows, columns, contributions })
    }
}
