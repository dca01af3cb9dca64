//! The whole circuit, node by node, by dense Gaussian elimination.

use crate::circuit::Conductances;
use crate::circuit::wires::WireResistances;

/// Currents of the bit lines and voltages of all nodes.
pub(super) struct Nodal {
    pub columns: Vec<f64>,
    pub row_nodes: Vec<f64>,
    pub column_nodes: Vec<f64>,
}

/// Modified nodal analysis: unknowns are the voltages of all nodes and the currents of all pieces
/// of wire. Every node has the equation "what enters leaves", every piece of wire from a to b
/// `u_a - u_b = R i`, which holds for R = 0 too.
pub(super) fn solve(conductances: &Conductances, wires: WireResistances, voltages: &[f64]) -> Nodal {
    let (rows, lines) = (conductances.rows, conductances.bit_lines);
    let cells = rows * lines;
    // Nodes: row wires 0..cells, column wires cells..2 cells. Wires: (from, to, resistance, source).
    let mut pieces: Vec<(Option<usize>, Option<usize>, f64, f64)> = vec![];
    for (row, &voltage) in voltages.iter().enumerate() {
        pieces.push((None, Some(row * lines), wires.driver, voltage));
        for line in 1..lines {
            pieces.push((Some(row * lines + line - 1), Some(row * lines + line), wires.wire, 0.0));
        }
    }
    let sense = pieces.len();
    for line in 0..lines {
        pieces.push((Some(cells + (rows - 1) * lines + line), None, wires.sense, 0.0));
    }
    for row in 1..rows {
        for line in 0..lines {
            let node = cells + row * lines + line;
            pieces.push((Some(node - lines), Some(node), wires.wire, 0.0));
        }
    }
    let size = 2 * cells + pieces.len();
    let mut system = vec![vec![0.0; size + 1]; size];
    for cell in 0..cells {
        let conductance = conductances.siemens[cell];
        for (node, other) in [(cell, cells + cell), (cells + cell, cell)] {
            system[node][node] += conductance;
            system[node][other] -= conductance;
        }
    }
    for (piece, &(from, to, resistance, source)) in pieces.iter().enumerate() {
        let current = 2 * cells + piece;
        if let Some(from) = from {
            system[from][current] += 1.0;
            system[current][from] += 1.0;
        }
        if let Some(to) = to {
            system[to][current] -= 1.0;
            system[current][to] -= 1.0;
        }
        system[current][current] -= resistance;
        system[current][size] -= source;
    }
    let solution = eliminate(system);
    Nodal {
        columns: solution[2 * cells + sense..][..lines].to_vec(),
        row_nodes: solution[..cells].to_vec(),
        column_nodes: solution[cells..2 * cells].to_vec(),
    }
}

/// Gaussian elimination with partial pivoting; the last column is the right-hand side.
fn eliminate(mut system: Vec<Vec<f64>>) -> Vec<f64> {
    let size = system.len();
    for step in 0..size {
        let pivot = (step..size).max_by(|&a, &b| system[a][step].abs().total_cmp(&system[b][step].abs())).unwrap();
        system.swap(step, pivot);
        let (above, below) = system.split_at_mut(step + 1);
        let line = &above[step];
        for other in below {
            let factor = other[step] / line[step];
            if factor != 0.0 {
                for (value, pivot) in other[step..].iter_mut().zip(&line[step..]) {
                    *value -= factor * pivot;
                }
            }
        }
    }
    let mut solution = vec![0.0; size];
    for step in (0..size).rev() {
        let known: f64 = (step + 1..size).map(|column| system[step][column] * solution[column]).sum();
        solution[step] = (system[step][size] - known) / system[step][step];
    }
    solution
}
