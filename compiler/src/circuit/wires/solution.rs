//! Currents, voltages and power of one read.

use super::ArrayCircuit;
use crate::error::CompilerError;

/// Currents of one read.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// Of every cell from its row to its bit line, in amperes: `[row][bit line]`.
    pub cell_currents: Vec<f64>,
    /// Of every bit line into the virtual ground, in amperes.
    pub column_currents: Vec<f64>,
    /// Bounds of the errors of the column currents, in amperes.
    pub column_errors: Vec<f64>,
    /// Of every driver into its row, in amperes.
    pub row_currents: Vec<f64>,
    /// What the drivers deliver: sum over the rows of voltage times current, in watts.
    pub power_w: f64,
    /// Norm of the residual relative to the right-hand side; 0 for no voltages.
    pub residual: f64,
    /// Iterations of the solver.
    pub iterations: usize,
}

/// Voltages of the nodes of one read, in volts: `[row][bit line]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeVoltages {
    /// On the row wires.
    pub rows: Vec<f64>,
    /// On the column wires.
    pub columns: Vec<f64>,
}

impl Solution {
    /// Energy in joules that the drivers deliver in a pulse of some seconds.
    pub fn energy_j(&self, pulse_s: f64) -> f64 {
        self.power_w * pulse_s
    }
}

impl ArrayCircuit<'_> {
    /// Currents for given voltages of the row drivers.
    ///
    /// # Errors
    /// [`CompilerError::Circuit`] unless there is one finite voltage per row, or where the solver
    /// does not reach its tolerance.
    pub fn solve(&self, row_voltages: &[f64]) -> Result<Solution, CompilerError> {
        let (rows, lines) = (self.conductances.rows, self.conductances.bit_lines);
        if row_voltages.len() != rows || row_voltages.iter().any(|voltage| !voltage.is_finite()) {
            return Err(CompilerError::Circuit {
                what: "voltages of the rows".to_owned(),
                expected: format!("{rows} finite numbers"),
                found: format!("{} numbers", row_voltages.len()),
                remedy: "give one voltage for each row".to_owned(),
            });
        }
        let voltages: Vec<[f64; 1]> = row_voltages.iter().map(|&voltage| [voltage]).collect();
        let iterate = self.iterate(&voltages)?;
        let cell_currents: Vec<f64> = iterate.scaled.iter().zip(&self.roots).map(|(&[y], root)| y * root).collect();
        let mut column_currents = vec![0.0; lines];
        let mut column_conductances = vec![0.0; lines];
        let mut row_currents = vec![0.0; rows];
        let mut right = 0.0;
        for row in 0..rows {
            for line in 0..lines {
                let cell = row * lines + line;
                column_currents[line] += cell_currents[cell];
                column_conductances[line] += self.conductances.siemens[cell];
                row_currents[row] += cell_currents[cell];
                right += self.conductances.siemens[cell] * row_voltages[row].powi(2);
            }
        }
        let [residual] = iterate.residual;
        Ok(Solution {
            power_w: row_voltages.iter().zip(&row_currents).map(|(voltage, current)| voltage * current).sum(),
            column_errors: column_conductances.iter().map(|sum: &f64| sum.sqrt() * residual).collect(),
            cell_currents,
            column_currents,
            row_currents,
            residual: if right > 0.0 { residual / right.sqrt() } else { 0.0 },
            iterations: iterate.iterations,
        })
    }

    /// Voltages of all nodes that go with a solution for `row_voltages`.
    pub fn node_voltages(&self, row_voltages: &[f64], solution: &Solution) -> NodeVoltages {
        let lines = self.conductances.bit_lines;
        let cells = self.roots.len();
        let mut rows = Vec::with_capacity(cells);
        for (row, currents) in solution.cell_currents.chunks_exact(lines.max(1)).enumerate() {
            let mut carried = solution.row_currents[row];
            let mut voltage = row_voltages[row] - self.wires.driver * carried;
            for current in currents {
                rows.push(voltage);
                carried -= current;
                voltage -= self.wires.wire * carried;
            }
        }
        let mut columns = vec![0.0; cells];
        for line in 0..lines {
            let mut carried = solution.column_currents[line];
            let mut voltage = self.wires.sense * carried;
            for row in (0..self.conductances.rows).rev() {
                columns[row * lines + line] = voltage;
                carried -= solution.cell_currents[row * lines + line];
                voltage += self.wires.wire * carried;
            }
        }
        NodeVoltages { rows, columns }
    }
}
