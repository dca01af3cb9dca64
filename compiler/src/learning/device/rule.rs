//! The law of a specification's family, as numbers that pulses compute with.

use super::DeviceSpecification;
use super::families::{ConstantLaw, CycleNoise, ExponentialLaw, LinearLaw, PowerLaw, TableLaw};
use super::specification::Model;

/// How the step depends on the state.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Constant(ConstantLaw),
    Linear(LinearLaw),
    Exponential(ExponentialLaw),
    Power(PowerLaw),
    Table(TableLaw),
}

impl Rule {
    pub fn of(specification: &DeviceSpecification) -> Self {
        let spread = specification.step.cycle_spread;
        let cycle_spread = spread as f32;
        let constant = |fixed: f64| Self::Constant(ConstantLaw { cycle_spread, fixed_spread: fixed as f32 });
        let linear = |noise: CycleNoise| Self::Linear(LinearLaw { cycle_spread, noise });
        match &specification.model {
            Model::ConstantStep {} | Model::Mosfet(_) => constant(0.0),
            Model::DomainWall(wall) => constant(wall.spread()),
            Model::LinearStep(model) => linear(model.noise),
            Model::SoftBounds(model) => linear(model.noise),
            Model::ExponentialStep(model) => Self::Exponential(ExponentialLaw::new(model, spread)),
            Model::PowerStep(_) => Self::Power(PowerLaw { cycle_spread }),
            Model::Piecewise(model) => {
                let size = specification.step_size();
                Self::Table(TableLaw::new(model, &specification.bounds, size, spread))
            }
        }
    }
}
