//! Constant steps: `f = 1`.
//!
//! Source: Gokmen and Vlasov, Frontiers in Neuroscience 10:333 (2016).

use super::{Law, Made};

/// Steps that do not depend on the state.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct ConstantLaw {
    /// Standard deviation as a share of the step.
    pub cycle_spread: f32,
    /// Standard deviation in units of the state, the same for all devices.
    pub fixed_spread: f32,
}

impl Law for ConstantLaw {
    #[inline(always)]
    fn answer(&self, made: Made, upward: bool, _: f32) -> (f32, f32) {
        // The bounds of a device that is stuck hold it whatever the step.
        let step = made.size(upward);
        (step, self.cycle_spread * step + self.fixed_spread)
    }
}
