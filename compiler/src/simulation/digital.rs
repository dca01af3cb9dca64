//! Projections with fixed weights, added digitally.

use kernels::{Counts, Engine, PoolingShape, Store};

use crate::columns::Total;
use crate::error::CompilerError;

/// Adds `weight * window sum` of each channel.
pub(super) fn add_pooling<T: Total>(
    engine: Engine,
    shape: &PoolingShape,
    weight: T,
    input: Counts<'_>,
    examples: usize,
    totals: &mut [T],
) -> Result<(), CompilerError> {
    let scale = i32::try_from(weight.wide());
    if let (Some(totals), Ok(scale)) = (T::narrow(totals), scale) {
        engine.sum_pooling(shape, examples, input, Store { accumulate: true, scale }, totals)?;
        return Ok(());
    }
    let mut sums = vec![0; totals.len()];
    engine.sum_pooling(shape, examples, input, Store::OVERWRITE, &mut sums)?;
    totals.iter_mut().zip(sums).for_each(|(total, sum)| *total = *total + weight * T::of_sum(sum));
    Ok(())
}

/// Adds `weight * count`, neuron by neuron.
pub(super) fn add_identity<T: Total>(weight: T, input: Counts<'_>, totals: &mut [T]) {
    match input {
        Counts::Unsigned(counts) => {
            for (total, &count) in totals.iter_mut().zip(counts) {
                *total = *total + weight * T::of_sum(count.into());
            }
        }
        Counts::Signed(counts) => {
            for (total, &count) in totals.iter_mut().zip(counts) {
                *total = *total + weight * T::of_sum(count.into());
            }
        }
    }
}
