//! No sum of the simulation leaves 64 bits.

use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, Quantiser, SignedWeights};
use crate::program::{Broadcast, Crossbar, CrossbarLayout, DigitalKind, Layout, ProjectionKind};

/// Largest magnitude of a total input, so that rounding `A / threshold` stays within 64 bits too.
const LIMIT: i128 = 1 << 61;

/// Proves for every population that its total input, every partial sum of it, its biases and its
/// thresholds stay within 2^61, whatever the counts are.
///
/// # Errors
/// [`CompilerError::Mapping`] naming the population.
pub(crate) fn check(layout: &Layout, crossbars: &[Option<Crossbar>]) -> Result<(), CompilerError> {
    for (index, population) in layout.populations.iter().enumerate() {
        let largest = |values: &[i64]| values.iter().map(|value| i128::from(value.unsigned_abs())).max().unwrap_or(0);
        let mut bound = largest(&population.bias).max(largest(&population.thresholds));
        for (projection, crossbar) in layout.projections.iter().zip(crossbars) {
            if projection.to != index {
                continue;
            }
            let source = &layout.populations[projection.from];
            let count = i128::from(source.minimum_count.unsigned_abs().max(source.maximum_count.unsigned_abs()));
            let contribution = match (&projection.kind, crossbar) {
                (ProjectionKind::Digital(kind), _) => digital(kind, count),
                (ProjectionKind::Crossbar(part), Some(crossbar)) => analog(part, crossbar, &layout.hardware),
                (ProjectionKind::Crossbar(_), None) => 0,
            };
            bound = bound.saturating_add(contribution);
        }
        if bound > LIMIT {
            return Err(CompilerError::Mapping {
                part: "population",
                name: population.name.clone(),
                hardware: layout.hardware.name.clone(),
                problem: format!("its total input could reach {bound}, beyond the limit of 2^61"),
                remedy: "lower scale_factors.bits or input.bits, or the weights of fixed projections".to_owned(),
            });
        }
    }
    Ok(())
}

fn digital(kind: &DigitalKind, count: i128) -> i128 {
    match *kind {
        DigitalKind::SumPooling { window, weight, .. } => {
            let synapses = (window[0] as i128).saturating_mul(window[1] as i128);
            synapses.saturating_mul(weight.unsigned_abs().into()).saturating_mul(count)
        }
        DigitalKind::Identity { weight } => i128::from(weight.unsigned_abs()) * count,
    }
}

/// unit * sum over row tiles, slices and streams of |scale * Q * weight_k * weight_j|.
fn analog(layout: &CrossbarLayout, crossbar: &Crossbar, hardware: &HardwareSpecification) -> i128 {
    let largest =
        |tensor: &Broadcast| tensor.values.iter().map(|value| i128::from(value.unsigned_abs())).max().unwrap_or(0);
    let sum =
        |weights: &mut dyn Iterator<Item = i64>| weights.map(|weight| i128::from(weight.unsigned_abs())).sum::<i128>();
    let code = match hardware.quantiser {
        Quantiser::Ideal {} => {
            (hardware.array.rows.min(layout.fan_in) as i128) * ((1i128 << hardware.array.cell_bits) - 1)
        }
        Quantiser::Uniform { bits, .. } => largest(&crossbar.quantiser_levels) << bits,
        Quantiser::Sign {} | Quantiser::Ternary {} => 1,
    };
    let slices = sum(&mut layout.slices.iter().copied());
    let streams = sum(&mut layout.streams.iter().map(|stream| stream.weight));
    let of_tiles = layout.row_tiles as i128 * slices * streams * largest(&crossbar.scale_factors);
    let reference = match hardware.weights.signed {
        SignedWeights::DifferentialPair => 0,
        SignedWeights::ReferenceColumn => {
            let weight = i128::from(layout.reference_weight.unsigned_abs());
            layout.fan_in as i128 * weight * streams * largest(&crossbar.scale_factors).max(1)
        }
    };
    of_tiles.saturating_mul(code).saturating_add(reference).saturating_mul(layout.unit.into())
}
