//! Conjugate gradients on the currents of the cells.

use super::ladder::Lanes;
use super::{ArrayCircuit, TOLERANCE};
use crate::error::CompilerError;

/// Iterations after which no specification is worth going on with.
const LARGEST_LIMIT: usize = 100_000;

/// Scaled cell currents y of several circuits, and how exact they are.
pub(super) struct Iterate<const L: usize> {
    /// `[cell]`.
    pub scaled: Vec<Lanes<L>>,
    /// Norm of `D v - A y`, computed from y.
    pub residual: Lanes<L>,
    /// Products with A.
    pub iterations: usize,
}

impl ArrayCircuit<'_> {
    /// Solves for several vectors of row voltages; `voltages[row]` holds one voltage for each.
    pub(super) fn iterate<const L: usize>(&self, voltages: &[Lanes<L>]) -> Result<Iterate<L>, CompilerError> {
        let cells = self.roots.len();
        let lines = self.conductances.bit_lines.max(1);
        let right = |cell: usize| voltages[cell / lines].map(|voltage| voltage * self.roots[cell]);
        let mut scaled = vec![[0.0; L]; cells];
        let mut residual: Vec<Lanes<L>> = (0..cells).map(right).collect();
        let mut direction = residual.clone();
        let mut product = vec![[0.0; L]; cells];
        let mut sums = vec![[0.0; L]; cells];
        let mut squared = dot(&residual, &residual);
        let goal = squared.map(|value| value * TOLERANCE * TOLERANCE / 4.0);
        let limit = self.iteration_limit();
        let mut iterations = 0;
        while (0..L).any(|lane| squared[lane] > goal[lane]) {
            if iterations >= limit {
                return Err(self.not_solved(limit));
            }
            iterations += 1;
            self.product(&direction, &mut product, &mut sums);
            let curvature = dot(&direction, &product);
            let step = quotient(squared, curvature);
            for cell in 0..cells {
                for lane in 0..L {
                    scaled[cell][lane] += step[lane] * direction[cell][lane];
                    residual[cell][lane] -= step[lane] * product[cell][lane];
                }
            }
            let before = std::mem::replace(&mut squared, dot(&residual, &residual));
            let share = quotient(squared, before);
            for (direction, residual) in direction.iter_mut().zip(&residual) {
                for lane in 0..L {
                    direction[lane] = residual[lane] + share[lane] * direction[lane];
                }
            }
        }
        self.product(&scaled, &mut product, &mut sums);
        for (cell, product) in product.iter_mut().enumerate() {
            let right = right(cell);
            for lane in 0..L {
                product[lane] = right[lane] - product[lane];
            }
        }
        let reached = dot(&product, &product);
        let is_solved = (0..L).all(|lane| reached[lane] <= 4.0 * goal[lane]);
        if !is_solved {
            return Err(self.not_solved(iterations));
        }
        Ok(Iterate { scaled, residual: reached.map(f64::sqrt), iterations })
    }

    /// `product = (1 + D Z D) vector`.
    fn product<const L: usize>(&self, vector: &[Lanes<L>], product: &mut [Lanes<L>], sums: &mut [Lanes<L>]) {
        self.drops(|cell| vector[cell].map(|value| value * self.roots[cell]), product, sums);
        for ((product, vector), root) in product.iter_mut().zip(vector).zip(&self.roots) {
            for lane in 0..L {
                product[lane] = vector[lane] + root * product[lane];
            }
        }
    }

    /// Twice what conjugate gradients need at most, from the largest row sums of Z.
    fn iteration_limit(&self) -> usize {
        let (rows, lines) = (self.conductances.rows as f64, self.conductances.bit_lines as f64);
        let largest = self.conductances.siemens.iter().copied().fold(0.0, f64::max);
        let row = lines * (self.wires.driver + self.wires.wire * lines);
        let column = rows * (self.wires.sense + self.wires.wire * rows);
        let condition = 1.0 + largest * (row + column);
        let needed = 0.5 * condition.sqrt() * (2.0 * condition.sqrt() / TOLERANCE).ln();
        ((2.0 * needed) as usize).min(LARGEST_LIMIT) + 10
    }

    fn not_solved(&self, iterations: usize) -> CompilerError {
        CompilerError::Circuit {
            what: format!("array of {} rows and {} bit lines", self.conductances.rows, self.conductances.bit_lines),
            expected: format!("currents with a relative residual below {TOLERANCE:e}"),
            found: format!("a larger one after {iterations} iterations"),
            remedy: "wire, driver or sense resistances are out of proportion to those of the cells: lower them"
                .to_owned(),
        }
    }
}

fn dot<const L: usize>(left: &[Lanes<L>], right: &[Lanes<L>]) -> Lanes<L> {
    let mut sum = [0.0; L];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..L {
            sum[lane] += left[lane] * right[lane];
        }
    }
    sum
}

/// 0 where both are 0: the lane is solved.
fn quotient<const L: usize>(above: Lanes<L>, below: Lanes<L>) -> Lanes<L> {
    std::array::from_fn(|lane| if above[lane] == 0.0 { 0.0 } else { above[lane] / below[lane] })
}
