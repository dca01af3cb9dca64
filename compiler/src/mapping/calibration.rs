//! What samples or training determine: scale factors and quantiser levels.

use crate::columns::comparator_levels;
use crate::error::CompilerError;
use crate::hardware::{Granularity, HardwareSpecification, Quantiser, Range, SignedWeights};
use crate::program::{Broadcast, CrossbarLayout};

/// Numbers over `[row tile, slice, stream, output]` whose sizes of 1 stand for all.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleValues {
    /// Sizes; each 1 or the full size of [`CrossbarLayout::sizes`].
    pub shape: [usize; 4],
    /// Values, last dimension fastest: at least 0 and finite. The scale factor of a partial sum is
    /// in units of `multiplier * count`, so 1 is the factor of an ideal quantiser.
    pub values: Vec<f64>,
}

/// Calibration of one projection. What the quantiser does not take must be absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectionCalibration {
    /// Step of the weights that the other numbers belong to ([`super::Deployment::steps`]); chosen
    /// by the weights when absent.
    pub step: Option<i32>,
    /// Scale factors of sign and ternary quantisers.
    pub scale_factors: Option<ScaleValues>,
    /// Common factor of the scale factors in fixed point, above 0; that of [`super::common_factor`] when absent.
    pub common_factor: Option<f64>,
    /// Thresholds of a ternary quantiser, steps of a uniform one with calibrated range.
    pub quantiser_levels: Option<Broadcast>,
    /// What each output gets from sign and ternary quantisers when no row is active, in units of
    /// `multiplier * count`: one for each channel of the population, whose bias takes it up. When absent,
    /// `sum of scale * Q(0) * weight_k * weight_j`.
    pub rest: Option<Vec<f64>>,
}

/// No resting input is larger.
const LARGEST_REST: f64 = 2_147_483_648.0;

/// Calibration of a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// One for each projection in the order of the network; missing ones are empty.
    pub projections: Vec<ProjectionCalibration>,
}

impl Calibration {
    /// Nothing: enough for ideal quantisers and for uniform ones whose step the array determines.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether compilation for this hardware needs scale factors or levels from samples or training.
    pub fn is_needed(hardware: &HardwareSpecification) -> bool {
        match hardware.quantiser {
            Quantiser::Ideal {} => false,
            Quantiser::Uniform { range, .. } => range == Range::Calibrated,
            Quantiser::Sign {} | Quantiser::Ternary {} => true,
        }
    }

    /// The steps of all projections, as [`super::deploy_with_steps`] takes them.
    pub fn steps(&self) -> Vec<Option<i32>> {
        self.projections.iter().map(|projection| projection.step).collect()
    }
}

impl ScaleValues {
    /// The same value everywhere.
    pub fn uniform(value: f64) -> Self {
        Self { shape: [1; 4], values: vec![value] }
    }
}

impl Granularity {
    /// Sizes of the scale factors for partial sums of `[row tiles, slices, streams, outputs]`.
    pub fn shape(self, [row_tiles, slices, streams, outputs]: [usize; 4]) -> [usize; 4] {
        match self {
            Self::Layer => [1; 4],
            Self::Channel => [1, 1, 1, outputs],
            Self::Column => [row_tiles, slices, 1, outputs],
            Self::ColumnStream => [row_tiles, slices, streams, outputs],
        }
    }
}

/// Smallest step of a uniform converter that clips no partial sum of an array:
/// `round_half_away(largest / step) <= high`, with the largest partial sum
/// `rows * (2^cell_bits - 1)` and the largest code `high` of [`Quantiser::Uniform`].
pub(crate) fn full_range_step(hardware: &HardwareSpecification, bits: u32) -> i32 {
    let largest = hardware.array.rows as u64 * ((1u64 << hardware.array.cell_bits) - 1);
    let high = match hardware.weights.signed {
        SignedWeights::DifferentialPair => (1u64 << (bits - 1)) - 1,
        SignedWeights::ReferenceColumn => (1u64 << bits) - 1,
    };
    i32::try_from(2 * largest / (2 * high + 1) + 1).unwrap_or(i32::MAX)
}

/// Scale factors and levels of one projection after their checks.
pub(super) struct Checked {
    pub(super) scale_factors: Option<ScaleValues>,
    pub(super) quantiser_levels: Broadcast,
    pub(super) rest: Option<Vec<f64>>,
}

/// Checks a calibration against quantiser and sizes, and fills in what the array determines. `channels`
/// are those of the population that the projection enters.
pub(super) fn checked(
    calibration: Option<&ProjectionCalibration>,
    name: &str,
    layout: &CrossbarLayout,
    channels: usize,
    hardware: &HardwareSpecification,
) -> Result<Checked, CompilerError> {
    let refused = |problem: String, remedy: &str| CompilerError::Mapping {
        part: "projection",
        name: name.to_owned(),
        hardware: hardware.name.clone(),
        problem,
        remedy: remedy.to_owned(),
    };
    let again = "calibrate again for this hardware";
    let (scales, levels) =
        calibration.map_or((None, None), |c| (c.scale_factors.as_ref(), c.quantiser_levels.as_ref()));
    let sizes = layout.sizes();
    let fits = |shape: [usize; 4], full: [usize; 4], count: usize| {
        shape.iter().zip(full).all(|(&size, full)| size == 1 || size == full)
            && shape.iter().product::<usize>() == count
    };
    if let Some(scales) = scales {
        let full = hardware.scale_factors.granularity.shape(sizes);
        if !fits(scales.shape, full, scales.values.len()) {
            let problem = format!("{} scale factors of sizes {:?} for {full:?}", scales.values.len(), scales.shape);
            return Err(refused(problem, again));
        }
        if let Some(wrong) = scales.values.iter().find(|value| !value.is_finite() || **value < 0.0) {
            return Err(refused(format!("a scale factor is {wrong}"), "scale factors are finite and at least 0"));
        }
    }
    if let Some(common) = calibration.and_then(|calibration| calibration.common_factor)
        && !(common > 0.0 && common.is_finite())
    {
        return Err(refused(format!("the common factor of its scale factors is {common}"), "it is finite and above 0"));
    }
    if let Some(levels) = levels {
        if !fits(levels.shape, sizes, levels.values.len()) {
            let problem = format!("{} quantiser levels of sizes {:?} for {sizes:?}", levels.values.len(), levels.shape);
            return Err(refused(problem, again));
        }
        if let Some(wrong) = levels.values.iter().find(|&&level| level < 1) {
            return Err(refused(format!("a quantiser level is {wrong}"), "levels are integers of at least 1"));
        }
    }
    let rest = calibration.and_then(|calibration| calibration.rest.clone());
    if let Some(rest) = &rest {
        if rest.len() != layout.outputs || rest.len() != channels {
            let problem = format!("{} resting inputs for {} outputs, {channels} channels", rest.len(), layout.outputs);
            return Err(refused(problem, again));
        }
        if let Some(wrong) = rest.iter().find(|value| value.is_nan() || value.abs() > LARGEST_REST) {
            return Err(refused(format!("a resting input is {wrong}"), "resting inputs are below 2^31"));
        }
    }
    let missing = |what: &str| {
        let problem = format!("its quantiser needs {what}, which neither samples nor training have determined");
        refused(problem, "calibrate on samples or retrain for this hardware")
    };
    let superfluous = |what: &str| refused(format!("its quantiser takes no {what}, the calibration has some"), again);
    match hardware.quantiser {
        Quantiser::Ideal {} | Quantiser::Uniform { .. } if scales.is_some() => Err(superfluous("scale factors")),
        Quantiser::Ideal {} | Quantiser::Uniform { .. } if rest.is_some() => Err(superfluous("resting inputs")),
        Quantiser::Ideal {} | Quantiser::Sign {} if levels.is_some() => Err(superfluous("quantiser levels")),
        Quantiser::Sign {} | Quantiser::Ternary {} if scales.is_none() => Err(missing("scale factors")),
        Quantiser::Ternary {} if levels.is_none() => Err(missing("thresholds")),
        Quantiser::Uniform { range: Range::Calibrated, .. } if levels.is_none() => Err(missing("steps")),
        Quantiser::Uniform { bits, range } => {
            let step = match range {
                Range::Full => full_range_step(hardware, bits),
                Range::Unit | Range::Calibrated => 1,
            };
            let quantiser_levels = levels.cloned().unwrap_or_else(|| Broadcast::uniform(step));
            Ok(Checked { scale_factors: None, quantiser_levels, rest })
        }
        _ => Ok(Checked {
            scale_factors: scales.cloned(),
            quantiser_levels: match hardware.quantiser {
                Quantiser::Sign {} => comparator_levels(sizes),
                _ => levels.cloned().unwrap_or_else(|| Broadcast::uniform(1)),
            },
            rest,
        }),
    }
}
