//! Current of every column per volt on every row.

use rayon::prelude::*;

use super::ArrayCircuit;
use crate::error::CompilerError;

/// Rows whose unit voltages are solved for side by side.
const LANES: usize = 4;

impl ArrayCircuit<'_> {
    /// Transfer conductances in siemens, `[row][bit line]`: currents of the columns for one volt on
    /// one row and 0 V on the others. The circuit is linear, so column currents for any voltages v
    /// are `sum over the rows of v[row] * transfer[row][column]`.
    ///
    /// # Errors
    /// [`CompilerError::Circuit`] where the solver does not reach its tolerance.
    pub fn transfer(&self) -> Result<Vec<f64>, CompilerError> {
        let (rows, lines) = (self.conductances.rows, self.conductances.bit_lines);
        if self.wires.wire == 0.0 && self.wires.driver == 0.0 && self.wires.sense == 0.0 {
            return Ok(self.conductances.siemens.clone());
        }
        let groups: Vec<Vec<f64>> = (0..rows.div_ceil(LANES))
            .into_par_iter()
            .map(|group| self.transfer_of(group * LANES..((group + 1) * LANES).min(rows), lines))
            .collect::<Result<_, _>>()?;
        Ok(groups.concat())
    }

    fn transfer_of(&self, driven: std::ops::Range<usize>, lines: usize) -> Result<Vec<f64>, CompilerError> {
        let mut voltages = vec![[0.0; LANES]; self.conductances.rows];
        for (lane, row) in driven.clone().enumerate() {
            voltages[row][lane] = 1.0;
        }
        let iterate = self.iterate(&voltages)?;
        let mut transfer = vec![0.0; driven.len() * lines];
        for (scaled, roots) in iterate.scaled.chunks_exact(lines.max(1)).zip(self.roots.chunks_exact(lines.max(1))) {
            for line in 0..lines {
                for lane in 0..driven.len() {
                    transfer[lane * lines + line] += scaled[line][lane] * roots[line];
                }
            }
        }
        Ok(transfer)
    }
}
