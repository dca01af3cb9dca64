//! Transfer conductances from one solution.

use super::ArrayCircuit;
use crate::error::CompilerError;

/// Approximate transfer conductances in siemens, `[row][bit line]`: the currents of the cells when
/// one volt is on all rows.
///
/// This linearises at average inputs: each row, on average, has the same share p of the read
/// voltage, and since the circuit is linear, every p gives the same currents per volt. What a row
/// adds to a column is taken to be the current of its cell there; that rows share the voltage lost
/// along a column, and leak into rows at 0 V, is counted at its average. Column currents are exact
/// for all rows active and, for rows that are active independently with equal probability, exact
/// in the mean.
///
/// # Errors
/// [`CompilerError::Circuit`] where the solver does not reach its tolerance.
pub fn approximate_transfer(circuit: &ArrayCircuit<'_>) -> Result<Vec<f64>, CompilerError> {
    Ok(circuit.solve(&vec![1.0; circuit.conductances().rows])?.cell_currents)
}
