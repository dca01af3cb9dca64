//! Weights on the bits of the hardware.

use rayon::prelude::*;
use snn::{Network, Weights};

use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;

/// A network whose weights the cells hold exactly. Weight `m = step * w` with `|w|` at most
/// [`crate::hardware::WeightCells::largest`].
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The network with the weights that the chip will have.
    pub network: Network,
    /// Step of each projection in the order of the network; `None` for fixed weights.
    pub steps: Vec<Option<i32>>,
}

impl Deployment {
    /// The multipliers w of a projection, in the order of its weights; `None` for fixed weights.
    pub fn multipliers(&self, projection: usize) -> Option<Vec<i8>> {
        let step = (*self.steps.get(projection)?)?;
        match &self.network.projections()[projection].weights {
            Some(Weights::I8(mantissas)) => {
                Some(mantissas.par_iter().map(|&mantissa| (i32::from(mantissa) / step) as i8).collect())
            }
            _ => None,
        }
    }
}

/// Brings the weights onto the hardware's bits.
///
/// For every projection the step s of `1..=max(1, 127 / largest)` is taken whose weights
/// `s * clamp(round_half_away(m / s), -largest, largest)` have the least squared error against the
/// mantissas m, the smallest of equals. Deploying twice changes nothing.
///
/// # Errors
/// [`CompilerError::Mapping`] for weights that are not i8, [`CompilerError::Snn`] where rounding
/// weights up lets a sum exceed 32 bits.
pub fn deploy(network: &Network, hardware: &HardwareSpecification) -> Result<Deployment, CompilerError> {
    deploy_with_steps(network, hardware, &[])
}

/// As [`deploy()`], with the steps that are given; those that are `None` or missing are chosen.
///
/// # Errors
/// As [`deploy()`], and for a step outside `1..=127`.
pub fn deploy_with_steps(
    network: &Network,
    hardware: &HardwareSpecification,
    steps: &[Option<i32>],
) -> Result<Deployment, CompilerError> {
    let largest = hardware.weights.largest();
    let mut deployed = network.clone();
    let mut chosen = Vec::with_capacity(network.projections().len());
    for (index, projection) in network.projections().iter().enumerate() {
        let refused = |problem: String, remedy: &str| CompilerError::Mapping {
            part: "projection",
            name: projection.name.clone(),
            hardware: hardware.name.clone(),
            problem,
            remedy: remedy.to_owned(),
        };
        let mantissas = match &projection.weights {
            None => {
                chosen.push(None);
                continue;
            }
            Some(Weights::I8(mantissas)) => mantissas,
            Some(other) => {
                let problem = format!("its weights are {}, cells are mapped from i8", other.format());
                return Err(refused(problem, "train it with --weights i8"));
            }
        };
        let step = steps.get(index).copied().flatten().unwrap_or_else(|| step_for(mantissas, largest));
        if !(1..=127).contains(&step) {
            let problem = format!("the step of its weights is {step}");
            return Err(refused(problem, "calibrate with a step of 1 to 127"));
        }
        let table: Vec<i8> = (0..=255u8).map(|byte| on_grid((byte as i8).into(), step, largest) as i8).collect();
        let weights = mantissas.par_iter().map(|&mantissa| table[usize::from(mantissa as u8)]).collect();
        deployed.set_weights(index, Weights::I8(weights))?;
        chosen.push(Some(step));
    }
    deployed.check_bounds()?;
    Ok(Deployment { network: deployed, steps: chosen })
}

/// The step that [`deploy()`] chooses for mantissas and a largest multiplier.
pub fn step_for(mantissas: &[i8], largest: i32) -> i32 {
    let mut histogram = [0u64; 256];
    for &mantissa in mantissas {
        histogram[usize::from(mantissa as u8)] += 1;
    }
    let error = |step: i32| -> u128 {
        let squares = (0..=255u8).map(|byte| {
            let mantissa = i32::from(byte as i8);
            let difference = (mantissa - on_grid(mantissa, step, largest)).unsigned_abs();
            u128::from(histogram[usize::from(byte)]) * u128::from(difference) * u128::from(difference)
        });
        squares.sum()
    };
    // The first of equal errors is the smallest step.
    (1..=(127 / largest.max(1)).max(1)).min_by_key(|&step| error(step)).unwrap_or(1)
}

/// `step * clamp(round_half_away(mantissa / step), -limit, limit)`, with the limit `largest`, less
/// where `step * limit` would exceed 127.
pub fn on_grid(mantissa: i32, step: i32, largest: i32) -> i32 {
    let limit = largest.min(127 / step);
    let rounded = mantissa.signum() * ((2 * mantissa.abs() + step) / (2 * step));
    step * rounded.clamp(-limit, limit)
}
