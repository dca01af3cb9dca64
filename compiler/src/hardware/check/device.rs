//! Checks of the memory cell.

use super::Checker;
use crate::CompilerError;
use crate::hardware::HardwareSpecification;

/// Bounds beyond which a number is a slip of the unit.
const LARGEST_NODE_NM: f64 = 10_000.0;
const LARGEST_OHM: f64 = 1e15;
const LARGEST_VOLT: f64 = 100.0;
const LARGEST_PULSE_NS: f64 = 1e9;

impl Checker<'_> {
    pub(super) fn device(&self, specification: &HardwareSpecification) -> Result<(), CompilerError> {
        let device = &specification.device;
        self.text("device.cell", &device.cell, 64, "name the memory cell, such as rram or sram-8t")?;
        self.above_zero("device.technology_nm", device.technology_nm, LARGEST_NODE_NM, "give the node in nanometres")?;
        let on = device.on_resistance_ohm;
        self.above_zero("device.on_resistance_ohm", on, LARGEST_OHM, "give the resistance at the highest level")?;
        if let Some(off) = device.off_resistance_ohm {
            let remedy = "give the resistance at level 0, or leave the key out for an infinite one";
            self.above_zero("device.off_resistance_ohm", off, LARGEST_OHM, remedy)?;
            self.that(
                on < off,
                "device.off_resistance_ohm",
                format_args!("above device.on_resistance_ohm = {on}"),
                off,
                "the highest level conducts best: exchange the two resistances, or correct one",
            )?;
        }
        let voltage = device.read_voltage_v;
        self.above_zero("device.read_voltage_v", voltage, LARGEST_VOLT, "give the voltage on an active row")?;
        let pulse = device.read_pulse_ns;
        self.above_zero("device.read_pulse_ns", pulse, LARGEST_PULSE_NS, "give how long a row is driven")?;
        let resistances = [
            ("device.wire_resistance_ohm", device.wire_resistance_ohm),
            ("device.driver_resistance_ohm", device.driver_resistance_ohm),
            ("device.sense_resistance_ohm", device.sense_resistance_ohm),
        ];
        resistances
            .into_iter()
            .try_for_each(|(field, value)| self.at_least_zero(field, value, LARGEST_OHM, "0 stands for no resistance"))
    }
}
