//! Rounding of weights onto the grid of mantissas.

use crate::dispatch::{Loop, vectorised};
use crate::error::check_length;
use crate::{Engine, KernelError};

/// A mantissa type.
pub(crate) trait Mantissa: Copy + Into<i32> {
    /// The value, which is in range.
    fn narrow(value: i32) -> Self;
}

impl Mantissa for i8 {
    #[inline(always)]
    fn narrow(value: i32) -> i8 {
        value as i8
    }
}

impl Mantissa for i16 {
    #[inline(always)]
    fn narrow(value: i32) -> i16 {
        value as i16
    }
}

/// The grid: `unit` steps in 1.0, mantissas up to `limit` in absolute value.
#[derive(Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) unit: f32,
    pub(crate) limit: f32,
}

impl Grid {
    pub(crate) fn new(operation: &'static str, unit: f32, limit: i32) -> Result<Grid, KernelError> {
        if limit < 0 {
            return Err(KernelError::GridLimit { operation, found: limit });
        }
        Ok(Grid { unit, limit: limit as f32 })
    }

    /// `clamp(round_half_away(weight * unit), -limit, limit)`, 0 for NaN.
    ///
    /// As the limit is an integer below 2^23, the clamp may come first; then the truncated value and the remaining
    /// fraction are exact.
    #[inline(always)]
    pub(crate) fn round(self, weight: f32) -> i32 {
        let value = weight * self.unit;
        let value = if value > self.limit { self.limit } else { value };
        let value = if value < -self.limit { -self.limit } else { value };
        let value = if value.is_nan() { 0.0 } else { value };
        // SAFETY: the value is no NaN and the limit is that of 16 bits at most.
        let whole = unsafe { value.to_int_unchecked::<i32>() };
        let fraction = value - whole as f32;
        whole + i32::from(fraction >= 0.5) - i32::from(fraction <= -0.5)
    }
}

/// Rounds a run of weights.
struct Round<'a, M> {
    grid: Grid,
    weights: &'a [f32],
    out: &'a mut [M],
}

impl<M: Mantissa> Loop for Round<'_, M> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (mantissa, &weight) in self.out.iter_mut().zip(self.weights) {
            *mantissa = M::narrow(self.grid.round(weight));
        }
    }
}

impl Engine {
    /// `out = clamp(round_half_away(weight * unit), -limit, limit)`, the mantissas of an 8-bit weight format.
    ///
    /// `unit` is 2^fraction_bits. A weight that is no number becomes 0.
    ///
    /// # Errors
    /// [`KernelError::Length`], or [`KernelError::GridLimit`] for a negative limit.
    pub fn round_to_grid(&self, weights: &[f32], unit: f32, limit: i8, out: &mut [i8]) -> Result<(), KernelError> {
        let grid = Grid::new("round_to_grid", unit, limit.into())?;
        check_length("round_to_grid", "out", &[weights.len()], out.len())?;
        vectorised(self.isa(), Round { grid, weights, out });
        Ok(())
    }

    /// [`Engine::round_to_grid`] for a 16-bit weight format.
    ///
    /// # Errors
    /// As for [`Engine::round_to_grid`].
    pub fn round_to_wide_grid(
        &self,
        weights: &[f32],
        unit: f32,
        limit: i16,
        out: &mut [i16],
    ) -> Result<(), KernelError> {
        let grid = Grid::new("round_to_wide_grid", unit, limit.into())?;
        check_length("round_to_wide_grid", "out", &[weights.len()], out.len())?;
        vectorised(self.isa(), Round { grid, weights, out });
        Ok(())
    }
}
