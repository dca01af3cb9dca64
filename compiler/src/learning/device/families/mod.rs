//! The families of devices: constants of each as its TOML says, and the law of its steps.

mod constant;
mod domain_wall;
mod exponential;
mod linear;
mod mosfet;
mod piecewise;
mod power;
mod pulse_data;
mod soft_bounds;

pub use domain_wall::DomainWall;
pub use exponential::ExponentialStep;
pub use linear::{CycleNoise, LinearStep, SlopeReference};
pub use mosfet::Mosfet;
pub use piecewise::Piecewise;
pub use power::PowerStep;
pub use soft_bounds::SoftBounds;

pub(super) use constant::ConstantLaw;
pub(super) use exponential::ExponentialLaw;
pub(super) use linear::{LinearLaw, slope};
pub(super) use piecewise::TableLaw;
pub(super) use power::PowerLaw;
pub(super) use pulse_data::read as read_pulse_data;
pub(super) use soft_bounds::symmetry_point;

use super::devices::Parts;

/// What a device was made with, as far as its steps depend on it. Slopes are factors on the state in
/// the exponential family, exponents in the power family, and 0 where the family has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub up: f32,
    pub down: f32,
    pub slope_up: f32,
    pub slope_down: f32,
    pub lower: f32,
    pub upper: f32,
}

impl Made {
    /// Size of a step in a direction.
    #[inline(always)]
    pub fn size(&self, upward: bool) -> f32 {
        either(upward, self.up, self.down)
    }

    /// Slope, or exponent, of a direction.
    #[inline(always)]
    pub fn slope(&self, upward: bool) -> f32 {
        either(upward, self.slope_up, self.slope_down)
    }
}

/// One of two numbers. Both are at hand before: the compiler would else load the one that is wanted, lane after lane.
#[inline(always)]
fn either(is_first: bool, first: f32, second: f32) -> f32 {
    std::hint::select_unpredictable(is_first, first, second)
}

/// How a family answers to one pulse.
pub(super) trait Law {
    /// Magnitude and standard deviation of the change by a pulse on a device in a state. Implementations are inlined,
    /// so that the compiler may vectorise loops over devices; no branch is to depend on the direction, which is random.
    fn answer(&self, made: Made, upward: bool, state: f32) -> (f32, f32);

    /// The same for a device of an array.
    #[inline]
    fn step(&self, parts: &Parts, device: usize, upward: bool, state: f32) -> (f32, f32) {
        self.answer(parts.made(device), upward, state)
    }
}

impl Parts {
    /// What a device was made with.
    #[inline]
    pub fn made(&self, device: usize) -> Made {
        let slope = |slopes: &[f32]| slopes.get(device).copied().unwrap_or(0.0);
        Made {
            up: self.up[device],
            down: self.down[device],
            slope_up: slope(&self.slope_up),
            slope_down: slope(&self.slope_down),
            lower: self.lower[device],
            upper: self.upper[device],
        }
    }
}
