//! Stochastic gradient descent with momentum on a run of weights.

use super::grid::{Grid, Mantissa};
use crate::dispatch::{Loop, vectorised};
use crate::error::check_length;
use crate::{Engine, KernelError};

/// Integer gradients of a run of weights, summed over the batch.
#[derive(Debug, Clone, Copy)]
pub enum GradientSums<'a> {
    /// 32-bit sums.
    Narrow(&'a [i32]),
    /// 64-bit sums.
    Wide(&'a [i64]),
}

impl GradientSums<'_> {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            GradientSums::Narrow(values) => values.len(),
            GradientSums::Wide(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The constants of a momentum step; see [`Engine::momentum_update`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MomentumUpdate {
    /// Share of the old velocity that is kept.
    pub momentum: f32,
    /// From an integer gradient to the gradient with respect to a real weight.
    pub factor: f32,
    /// Weight decay.
    pub decay: f32,
    /// Learning rate.
    pub rate: f32,
    /// Grid steps in 1.0: 2^fraction_bits.
    pub unit: f32,
    /// The largest mantissa.
    pub limit: i8,
}

/// A gradient as a float, rounded to nearest.
trait Gradient: Copy {
    fn float(self) -> f32;
}

impl Gradient for i32 {
    #[inline(always)]
    fn float(self) -> f32 {
        self as f32
    }
}

impl Gradient for i64 {
    #[inline(always)]
    fn float(self) -> f32 {
        self as f32
    }
}

/// One run of weights.
struct Run<'a, G> {
    update: MomentumUpdate,
    grid: Grid,
    gradients: &'a [G],
    weights: &'a mut [f32],
    velocities: &'a mut [f32],
    mantissas: &'a mut [i8],
}

impl<G: Gradient> Loop for Run<'_, G> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let MomentumUpdate { momentum, factor, decay, rate, .. } = self.update;
        let state = self.weights.iter_mut().zip(self.velocities).zip(self.mantissas);
        for (((weight, velocity), mantissa), &gradient) in state.zip(self.gradients) {
            let slope = gradient.float() * factor + decay * *weight;
            let moved = momentum * *velocity + slope;
            let new = *weight - rate * moved;
            *velocity = moved;
            *weight = new;
            *mantissa = i8::narrow(self.grid.round(new));
        }
    }
}

impl Engine {
    /// One step of momentum descent on a run of weights that share their constants:
    ///
    /// ```text
    /// velocity = momentum * velocity + (gradient * factor + decay * weight)
    /// weight   = weight - rate * velocity
    /// mantissa = clamp(round_half_away(weight * unit), -limit, limit)
    /// ```
    ///
    /// All slices have one value a weight. The order of the float operations is as written and every one is rounded,
    /// so the bits are the same on every instruction set. A weight that is no number has mantissa 0.
    ///
    /// # Errors
    /// [`KernelError::Length`], or [`KernelError::GridLimit`] for a negative limit.
    pub fn momentum_update(
        &self,
        update: MomentumUpdate,
        gradients: GradientSums<'_>,
        weights: &mut [f32],
        velocities: &mut [f32],
        mantissas: &mut [i8],
    ) -> Result<(), KernelError> {
        let operation = "momentum_update";
        let grid = Grid::new(operation, update.unit, update.limit.into())?;
        check_length(operation, "gradients", &[weights.len()], gradients.len())?;
        check_length(operation, "velocities", &[weights.len()], velocities.len())?;
        check_length(operation, "mantissas", &[weights.len()], mantissas.len())?;
        match gradients {
            GradientSums::Narrow(gradients) => {
                vectorised(self.isa(), Run { update, grid, gradients, weights, velocities, mantissas })
            }
            GradientSums::Wide(gradients) => {
                vectorised(self.isa(), Run { update, grid, gradients, weights, velocities, mantissas })
            }
        }
        Ok(())
    }
}
