//! From a trained network to arrays: weights on the hardware's bits, tiles, cells, routes.
//!
//! [`deploy()`] brings the weights onto the bits of the cells, [`plan()`] says how many arrays that
//! takes, [`compile()`] makes the [`crate::Program`].

mod calibration;
mod cells;
mod compile;
mod counts;
mod deploy;
mod fixed_point;
mod overflow;
mod plan;
pub mod published;
mod replication;
#[cfg(test)]
mod tests;

pub(crate) use calibration::full_range_step;
pub use calibration::{Calibration, ProjectionCalibration, ScaleValues};
pub use compile::{compile, compile_deployment};
pub use counts::{CountRange, count_ranges};
pub use deploy::{Deployment, deploy, deploy_with_steps, on_grid, step_for};
pub(crate) use fixed_point::rest_on_grid;
pub use fixed_point::{FixedPoint, common_factor, common_grid};
pub use plan::{MappingPlan, Problem, ProjectionPlan, plan};

pub(crate) use overflow::check as check_overflow;
