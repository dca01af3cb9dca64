//! Checks of the constants of each family.

use super::Checker;
use crate::CompilerError;
use crate::learning::device::{
    DeviceSpecification, DomainWall, ExponentialStep, LinearStep, Mosfet, Piecewise, PowerStep, SoftBounds,
};

/// Largest magnitude of a constant without unit; a larger one is a slip.
const LARGEST: f64 = 1e4;
const SPREAD: &str = "give a standard deviation, or 0 for none";

impl Checker<'_> {
    pub(super) fn linear(&self, model: &LinearStep) -> Result<(), CompilerError> {
        let remedy = "0 gives constant steps, 1 steps that vanish at the bound";
        self.within("model.slope_up", model.slope_up, -10.0, 10.0, remedy)?;
        self.within("model.slope_down", model.slope_down, -10.0, 10.0, remedy)?;
        self.within("model.slope_up_spread", model.slope_up_spread, 0.0, 10.0, SPREAD)?;
        self.within("model.slope_down_spread", model.slope_down_spread, 0.0, 10.0, SPREAD)
    }

    pub(super) fn soft_bounds(&self, model: &SoftBounds) -> Result<(), CompilerError> {
        self.within("model.reference_spread", model.reference_spread, 0.0, LARGEST, SPREAD)
    }

    pub(super) fn exponential(&self, model: &ExponentialStep) -> Result<(), CompilerError> {
        for (field, value) in [
            ("model.scale", model.scale),
            ("model.offset", model.offset),
            ("model.amplitude_up", model.amplitude_up),
            ("model.amplitude_down", model.amplitude_down),
            ("model.rate_up", model.rate_up),
            ("model.rate_down", model.rate_down),
        ] {
            self.within(field, value, -LARGEST, LARGEST, "fit it to measured steps")?;
        }
        // Larger exponents exceed what a step can be computed with.
        let largest = (model.scale.abs() + model.offset.abs()) * model.rate_up.abs().max(model.rate_down.abs());
        let expected = "rates whose product with scale and offset is at most 60";
        self.that(largest <= 60.0, "model.rate_up", expected, largest, "lower scale, offset or the rates")?;
        self.within("model.noise_offset", model.noise_offset, 0.0, LARGEST, SPREAD)?;
        self.within("model.noise_slope", model.noise_slope, 0.0, LARGEST, SPREAD)
    }

    pub(super) fn power(&self, model: &PowerStep) -> Result<(), CompilerError> {
        let remedy = "0 gives constant steps, 1 soft bounds";
        self.within("model.exponent_up", model.exponent_up, 0.0, 100.0, remedy)?;
        self.within("model.exponent_down", model.exponent_down, 0.0, 100.0, remedy)?;
        self.within("model.exponent_spread", model.exponent_spread, 0.0, 10.0, SPREAD)
    }

    pub(super) fn piecewise(
        &self,
        model: &Piecewise,
        specification: &DeviceSpecification,
    ) -> Result<(), CompilerError> {
        if let Some(file) = &model.file {
            let remedy = "give readings in one way, and read the specification from a file beside the CSV file";
            return self.that(false, "model.file", "readings in the specification", format_args!("{file:?}"), remedy);
        }
        let (pulses, readings) = (model.pulses.len(), model.conductance_s.len());
        let remedy = "give one number of pulses for each conductance";
        self.that(pulses == readings, "model.pulses", format_args!("{readings} numbers"), pulses, remedy)?;
        for (index, &value) in model.conductance_s.iter().enumerate() {
            let remedy = "give conductances in siemens";
            self.within(&format!("model.conductance_s[{index}]"), value, 0.0, 1e3, remedy)?;
        }
        let holds = (2..=1024).contains(&model.nodes);
        self.that(holds, "model.nodes", "2 to 1024", model.nodes, "16 suit most measurements")?;
        let steps = model.steps(&specification.bounds);
        let expected = "readings of at least one pulse upwards and one downwards, with different conductances";
        let remedy = "add the missing direction";
        self.that(steps.is_some(), "model.conductance_s", expected, format_args!("{readings} readings"), remedy)?;
        let size = specification.step_size();
        let expected = "conductances that rise with pulses upwards and fall with pulses downwards";
        let remedy = "check the signs of model.pulses";
        self.that(size > 0.0, "model.conductance_s", expected, "neither", remedy)
    }

    pub(super) fn mosfet(&self, model: &Mosfet) -> Result<(), CompilerError> {
        let unit = "give it in the unit of its name";
        for (field, value, most) in [
            ("model.beta_a_per_v2", model.beta_a_per_v2, 1e3),
            ("model.gate_capacitance_f", model.gate_capacitance_f, 1.0),
            ("model.pulse_current_a", model.pulse_current_a, 1e3),
            ("model.pulse_ns", model.pulse_ns, 1e12),
            ("model.read_voltage_v", model.read_voltage_v, 100.0),
            ("model.read_ns", model.read_ns, 1e12),
        ] {
            self.above_zero(field, value, most, unit)?;
        }
        self.within("model.threshold_v", model.threshold_v, -100.0, 100.0, unit)?;
        let least = model.threshold_v + model.read_voltage_v;
        let remedy = "the channel is in the triode region only above threshold_v + read_voltage_v";
        self.within("model.lowest_gate_v", model.lowest_gate_v, least, 100.0, remedy)?;
        let holds = model.highest_gate_v > model.lowest_gate_v && model.highest_gate_v <= 100.0;
        let expected = format!("above model.lowest_gate_v = {}, at most 100", model.lowest_gate_v);
        self.that(holds, "model.highest_gate_v", expected, model.highest_gate_v, "leave a range between them")?;
        self.within("model.leakage_a", model.leakage_a, 0.0, 1e3, "0 stands for no leakage")?;
        self.within("model.threshold_spread_v", model.threshold_spread_v, 0.0, 100.0, SPREAD)?;
        self.within("model.beta_spread", model.beta_spread, 0.0, 10.0, SPREAD)?;
        let (pulse, span) = (model.pulse_v(), 2.0 * model.half_span_v());
        let remedy = "lower pulse_current_a or pulse_ns, or raise gate_capacitance_f";
        self.that(
            pulse <= span,
            "model.pulse_ns",
            format_args!("a change of the gate voltage within its span of {span} V"),
            format_args!("{pulse} V"),
            remedy,
        )
    }

    pub(super) fn domain_wall(&self, model: &DomainWall) -> Result<(), CompilerError> {
        let unit = "give it in the unit of its name";
        for (field, value, most) in [
            ("model.length_nm", model.length_nm, 1e9),
            ("model.width_nm", model.width_nm, 1e9),
            ("model.heavy_metal_nm", model.heavy_metal_nm, 1e6),
            ("model.resistivity_ohm_m", model.resistivity_ohm_m, 1.0),
            ("model.current_density_a_per_m2", model.current_density_a_per_m2, 1e16),
            ("model.mobility_up_m3_per_c", model.mobility_up_m3_per_c, 1.0),
            ("model.mobility_down_m3_per_c", model.mobility_down_m3_per_c, 1.0),
            ("model.pulse_ns", model.pulse_ns, 1e12),
            ("model.parallel_s", model.parallel_s, 1e3),
            ("model.antiparallel_s", model.antiparallel_s, 1e3),
            ("model.read_voltage_v", model.read_voltage_v, 100.0),
            ("model.read_ns", model.read_ns, 1e12),
        ] {
            self.above_zero(field, value, most, unit)?;
        }
        let holds = model.antiparallel_s < model.parallel_s;
        let expected = format!("below model.parallel_s = {}", model.parallel_s);
        self.that(holds, "model.antiparallel_s", expected, model.antiparallel_s, "exchange both")?;
        self.within("model.temperature_k", model.temperature_k, 0.0, 1e4, unit)?;
        self.within("model.position_spread_nm", model.position_spread_nm, 0.0, model.length_nm, SPREAD)?;
        let critical = model.critical_density_a_per_m2;
        let holds = critical >= 0.0 && critical < model.current_density_a_per_m2;
        let expected = format!("from 0 to below model.current_density_a_per_m2 = {}", model.current_density_a_per_m2);
        let remedy = "a pulse below the critical density moves nothing: raise current_density_a_per_m2";
        self.that(holds, "model.critical_density_a_per_m2", expected, critical, remedy)?;
        let furthest = model.moves_nm().into_iter().fold(0.0, f64::max);
        self.that(
            furthest <= model.length_nm,
            "model.pulse_ns",
            format_args!("a move within the track of {} nm", model.length_nm),
            format_args!("{furthest} nm"),
            "shorten the pulse or lower the mobility",
        )
    }
}
