//! Codes of weights column by column, each error made up for by the columns that follow (GPTQ, Frantar et al., 2023).

use nalgebra::DMatrix;
use ndarray::Array2;
use rayon::prelude::*;

use crate::LlmError;

/// The upper Cholesky factor of the inverse of a damped Hessian, and the order of its columns.
#[derive(Clone, Debug)]
pub struct InverseHessian {
    /// Column at each place of the order.
    order: Vec<usize>,
    /// `[place][place]`, upper triangle, row-major.
    upper: Vec<f64>,
}

impl InverseHessian {
    /// Of `products / tokens` (`sum of x x^T`), with `damping` times the mean of its diagonal added to the diagonal;
    /// columns of the largest diagonal first where `act_order` says so.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] when the matrix is not positive definite in spite of its damping.
    pub fn new(products: &Array2<f64>, tokens: usize, damping: f64, act_order: bool) -> Result<Self, LlmError> {
        let size = products.nrows();
        let factor = 2.0 / tokens.max(1) as f64;
        let diagonal: Vec<f64> = (0..size).map(|index| factor * products[[index, index]]).collect();
        let mean = diagonal.iter().sum::<f64>() / size.max(1) as f64;
        let damp = damping * if mean > 0.0 { mean } else { 1.0 };
        let mut order: Vec<usize> = (0..size).collect();
        if act_order {
            order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]).then(a.cmp(&b)));
        }
        let hessian = DMatrix::from_fn(size, size, |row, column| {
            let value = factor * products[[order[row], order[column]]];
            if row == column { value + damp } else { value }
        });
        let refused = || LlmError::configuration("weights.damping", "enough for a positive definite Hessian", damping);
        let inverse = hessian.cholesky().ok_or_else(refused)?.inverse();
        let lower = inverse.cholesky().ok_or_else(refused)?.unpack();
        let mut upper = vec![0.0; size * size];
        for row in 0..size {
            for column in row..size {
                upper[row * size + column] = lower[(column, row)];
            }
        }
        Ok(Self { order, upper })
    }

    /// `[H^-1]_jj` of each column.
    pub fn diagonal(&self) -> Vec<f64> {
        let size = self.order.len();
        let mut diagonal = vec![0.0; size];
        for place in 0..size {
            diagonal[self.order[place]] = (0..=place).map(|row| self.upper[row * size + place].powi(2)).sum();
        }
        diagonal
    }

    /// `U_jj^2` of each column, `U^T U = H^-1` in the order of the columns: what [`InverseHessian::diagonal`] is once the
    /// columns before j are fixed.
    pub fn pivots(&self) -> Vec<f64> {
        let size = self.order.len();
        let mut pivots = vec![0.0; size];
        for (place, &column) in self.order.iter().enumerate() {
            pivots[column] = self.upper[place * size + place].powi(2);
        }
        pivots
    }

    /// Codes of all rows: `code(row, column, weight)` gives the code of a weight and what it stands for.
    pub fn quantise(&self, weights: &Array2<f32>, code: impl Fn(usize, usize, f32) -> (u8, f32) + Sync) -> Vec<u8> {
        let columns = weights.ncols();
        let rows: Vec<Vec<u8>> = (0..weights.nrows())
            .into_par_iter()
            .map(|row| {
                let mut left: Vec<f64> = self.order.iter().map(|&column| f64::from(weights[[row, column]])).collect();
                let mut codes = vec![0; columns];
                for (place, &column) in self.order.iter().enumerate() {
                    let (chosen, value) = code(row, column, left[place] as f32);
                    codes[column] = chosen;
                    let factors = &self.upper[place * columns + place..][..columns - place];
                    let error = (left[place] - f64::from(value)) / factors[0];
                    for (left, factor) in left[place + 1..].iter_mut().zip(&factors[1..]) {
                        *left -= error * factor;
                    }
                }
                codes
            })
            .collect();
        rows.concat()
    }
}
