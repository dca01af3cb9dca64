//! Ranges and codes of weights.

use ndarray::Array2;
use rayon::prelude::*;

use super::gptq::InverseHessian;
use super::saliency::weight_saliency;
use crate::LlmError;
use crate::spike::configuration::{TernarySection, WeightMethod, WeightSection};
use crate::spike::weights::FewBitWeights;

/// Ratios of the range that are tried.
const RATIOS: u32 = 20;
/// Smallest ratio.
const LEAST_RATIO: f32 = 0.4;
/// Smallest scale.
const SMALLEST_SCALE: f32 = 1e-10;

/// What codes of a row and group stand for: `scale * (code - zero)`.
#[derive(Clone, Copy, Debug)]
struct Grid {
    scale: f32,
    zero: i32,
    /// Codes of ternary trains lie around the zero point.
    is_ternary: bool,
}

impl Grid {
    fn code(self, weight: f32, most: i32, steps: i32) -> (u8, f32) {
        let nearest = (weight / self.scale).round() as i32 + self.zero;
        let (low, high) = if self.is_ternary { (self.zero - steps, self.zero + steps) } else { (0, most) };
        let code = nearest.clamp(low, high);
        (code as u8, self.scale * (code - self.zero) as f32)
    }
}

/// Turns weights into codes. `weights` and `products` (`sum of x x^T` over `tokens`) have their columns in the order of
/// the site's coding.
///
/// Scales and zero points are those of the range of a row and group, which covers 0, times the ratio that leaves the
/// least `sum of h (w - w')^2`, h the mean square of the activation of a column; with GPTQ they stay what they are while
/// errors move on, and weights of columns whose activation is always 0 become 0 (as published).
///
/// # Errors
/// [`LlmError::Shape`], those of [`InverseHessian::new`].
pub fn quantise(
    weights: &Array2<f32>,
    products: &Array2<f64>,
    tokens: usize,
    section: &WeightSection,
) -> Result<FewBitWeights, LlmError> {
    let (rows, columns) = weights.dim();
    LlmError::check_shape("products of activations", &[columns, columns], products.shape())?;
    // Inputs that are 0 in all samples say nothing of their weights, which would widen the ranges of their rows.
    let mut living;
    let weights = if section.method == WeightMethod::Gptq {
        living = weights.clone();
        for (column, mut weights) in living.columns_mut().into_iter().enumerate() {
            if products[[column, column]] == 0.0 {
                weights.fill(0.0);
            }
        }
        &living
    } else {
        weights
    };
    let needs_hessian = section.method == WeightMethod::Gptq || section.ternary.is_some();
    let inverse =
        needs_hessian.then(|| InverseHessian::new(products, tokens, section.damping, section.act_order)).transpose()?;
    let steps: Vec<i32> = match (&section.ternary, &inverse) {
        (Some(ternary), Some(inverse)) => {
            ternary_steps(&weight_saliency(std::slice::from_ref(weights), inverse, section.saliency), *ternary)
        }
        _ => vec![0; columns],
    };
    let most_steps = steps.iter().copied().max().unwrap_or(0);
    let bits = match section.ternary {
        Some(_) => u32::BITS - (2 * most_steps as u32).leading_zeros(),
        None => section.bits,
    };
    let most = (1i32 << bits) - 1;
    let importance: Vec<f32> =
        (0..columns).map(|column| (products[[column, column]] / tokens.max(1) as f64) as f32).collect();
    let groups: Vec<(usize, usize)> = match section.group {
        Some(size) => (0..columns).step_by(size.max(1)).map(|start| (start, columns.min(start + size))).collect(),
        None => vec![(0, columns)],
    };
    let grids: Vec<Grid> = (0..rows * groups.len())
        .into_par_iter()
        .map(|index| {
            let (row, (start, end)) = (index / groups.len(), groups[index % groups.len()]);
            let part: Vec<f32> = (start..end).map(|column| weights[[row, column]]).collect();
            if section.ternary.is_some() {
                ternary_grid(&part, &importance[start..end], &steps[start..end], most_steps)
            } else {
                range_grid(&part, &importance[start..end], most, section)
            }
        })
        .collect();
    let group_of = |column: usize| section.group.map_or(0, |size| column / size.max(1));
    let code = |row: usize, column: usize, weight: f32| {
        grids[row * groups.len() + group_of(column)].code(weight, most, steps[column])
    };
    let codes = match &inverse {
        Some(inverse) if section.method == WeightMethod::Gptq => inverse.quantise(weights, code),
        _ => (0..rows * columns)
            .map(|index| {
                let (row, column) = (index / columns, index % columns);
                code(row, column, weights[[row, column]]).0
            })
            .collect(),
    };
    Ok(FewBitWeights {
        bits,
        rows,
        columns,
        group: section.group,
        packed: FewBitWeights::pack(bits, columns, &codes),
        scales: grids.iter().map(|grid| grid.scale).collect(),
        zeros: grids.iter().map(|grid| grid.zero as u8).collect(),
        is_symmetric: section.symmetric && section.ternary.is_none(),
    })
}

/// The range of weights, or the part of it with the least error. The symmetric range is that of the largest magnitude on
/// both sides of 0, its zero point `2^(bits - 1)` (as GPTQ's code).
fn range_grid(weights: &[f32], importance: &[f32], most: i32, section: &WeightSection) -> Grid {
    let (low, high) = weights.iter().fold((0.0f32, 0.0f32), |(low, high), &w| (low.min(w), high.max(w)));
    let (low, high) = if section.symmetric { (low.min(-high), high.max(-low)) } else { (low, high) };
    let at = |ratio: f32| {
        let scale = ((high - low) * ratio / most as f32).max(SMALLEST_SCALE);
        let nearest = ((-low * ratio / scale).round() as i32).clamp(0, most);
        let zero = if section.symmetric { (most + 1) / 2 } else { nearest };
        Grid { scale, zero, is_ternary: false }
    };
    if !section.clip {
        return at(1.0);
    }
    best(weights, importance, |grid, weight, _| grid.code(weight, most, 0).1, at)
}

/// The scale of ternary trains with the least error.
fn ternary_grid(weights: &[f32], importance: &[f32], steps: &[i32], most_steps: i32) -> Grid {
    let largest = weights.iter().fold(0.0f32, |largest, w| largest.max(w.abs()));
    // The scale of a column with one step lies between an eighth of the largest weight and all of it.
    let at = |ratio: f32| {
        let ratio = (ratio - LEAST_RATIO) / (1.0 - LEAST_RATIO) * 0.875 + 0.125;
        Grid { scale: (largest * ratio).max(SMALLEST_SCALE), zero: most_steps, is_ternary: true }
    };
    best(weights, importance, |grid, weight, place| grid.code(weight, 0, steps[place]).1, at)
}

/// The grid with the least weighted squared error, the widest of equal ones.
fn best(
    weights: &[f32],
    importance: &[f32],
    value: impl Fn(Grid, f32, usize) -> f32,
    at: impl Fn(f32) -> Grid,
) -> Grid {
    let (mut chosen, mut least) = (at(1.0), f64::INFINITY);
    for step in 0..=RATIOS {
        let grid = at(1.0 - (1.0 - LEAST_RATIO) * step as f32 / RATIOS as f32);
        let errors = weights.iter().zip(importance).enumerate().map(|(place, (&weight, &importance))| {
            f64::from(importance) * f64::from(weight - value(grid, weight, place)).powi(2)
        });
        let error: f64 = errors.sum();
        if error < least {
            (chosen, least) = (grid, error);
        }
    }
    chosen
}

/// Steps of each column: more for the share with the largest saliency.
fn ternary_steps(saliency: &[f64], section: TernarySection) -> Vec<i32> {
    let mut order: Vec<usize> = (0..saliency.len()).collect();
    order.sort_by(|&a, &b| saliency[b].total_cmp(&saliency[a]).then(a.cmp(&b)));
    let salient = (section.share * saliency.len() as f64).round() as usize;
    let mut steps = vec![1; saliency.len()];
    for &column in order.iter().take(salient) {
        steps[column] = section.steps as i32;
    }
    steps
}
