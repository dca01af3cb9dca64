//! Checks of the deviations of a chip.

use super::Checker;
use crate::CompilerError;
use crate::hardware::{HardwareSpecification, Spread};

/// Largest standard deviation, relative or of a logarithm, and largest drift exponent.
const LARGEST_SIGMA: f64 = 10.0;
/// Largest time in seconds, some thousand years.
const LARGEST_TIME_S: f64 = 1e11;

impl Checker<'_> {
    pub(super) fn non_idealities(&self, specification: &HardwareSpecification) -> Result<(), CompilerError> {
        let deviations = &specification.non_idealities;
        self.spread("non_idealities.programming.sigma", deviations.programming)?;
        self.spread("non_idealities.read.sigma", deviations.read)?;
        if let Some(levels) = deviations.conductance_levels {
            let remedy = "a cell has at least its two ends; leave the key out for cells without steps";
            self.whole("non_idealities.conductance_levels", levels, 2..=1 << 16, remedy)?;
        }
        if let Some(stuck) = deviations.stuck {
            let remedy = "give a share of all cells, such as 0.001";
            self.at_least_zero("non_idealities.stuck.on_share", stuck.on_share, 1.0, remedy)?;
            self.at_least_zero("non_idealities.stuck.off_share", stuck.off_share, 1.0, remedy)?;
            let sum = stuck.on_share + stuck.off_share;
            self.that(
                sum <= 1.0,
                "non_idealities.stuck",
                "shares of at most 1 in all",
                format_args!("{sum}"),
                "lower on_share or off_share: a cell is stuck at one level only",
            )?;
        }
        if let Some(drift) = deviations.drift {
            let remedy = "give the time of the first read in seconds";
            let reference = drift.reference_time_s;
            self.above_zero("non_idealities.drift.reference_time_s", reference, LARGEST_TIME_S, remedy)?;
            let remedy = "give the time since programming in seconds";
            self.above_zero("non_idealities.drift.time_s", drift.time_s, LARGEST_TIME_S, remedy)?;
            self.that(
                drift.time_s >= reference,
                "non_idealities.drift.time_s",
                format_args!("at least reference_time_s = {reference}"),
                drift.time_s,
                "conductances drift from the first read on: raise time_s or lower reference_time_s",
            )?;
            let remedy = "exponents are small, such as 0.05";
            self.at_least_zero("non_idealities.drift.exponent", drift.exponent, LARGEST_SIGMA, remedy)?;
            self.at_least_zero("non_idealities.drift.exponent_sigma", drift.exponent_sigma, LARGEST_SIGMA, remedy)?;
        }
        if deviations.wires.is_some() {
            let device = &specification.device;
            let resistance = device.wire_resistance_ohm + device.driver_resistance_ohm + device.sense_resistance_ohm;
            self.that(
                resistance > 0.0,
                "non_idealities.wires",
                "a wire, driver or sense resistance above 0 beside it",
                "none",
                "give device.wire_resistance_ohm, or remove non_idealities.wires",
            )?;
        }
        deviations.sense_offset.map_or(Ok(()), |offset| {
            let most = specification.array.rows as f64;
            let remedy =
                "its unit is the partial sum of one cell at its highest level; at most array.rows such cells add up";
            self.at_least_zero("non_idealities.sense_offset", offset, most, remedy)
        })
    }

    fn spread(&self, field: &str, spread: Option<Spread>) -> Result<(), CompilerError> {
        spread.map_or(Ok(()), |spread| {
            let (Spread::Absolute { sigma } | Spread::Relative { sigma } | Spread::LogNormal { sigma }) = spread;
            self.at_least_zero(field, sigma, LARGEST_SIGMA, "give a share such as 0.1, not a percentage")
        })
    }
}
