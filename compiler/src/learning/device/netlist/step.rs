//! One step of training of an array of transistor synapses, as the model computes it.

use crate::error::CompilerError;
use crate::learning::device::{Devices, Model, Mosfet};

/// One read of all columns, and pulses by the delta rule.
///
/// ```text
/// I_c   = sum over r: beta_rc * ( (V_rc - V_T,rc) * x_r V - (x_r V)^2 / 2 ) - the same of the reference
/// y_c   = I_c / (beta * V_half * V)
/// n_rc  = round( learning_rate * x_r * (target_c - y_c) / step )
/// ```
///
/// with V the read voltage and `beta * V_half * V` the current of weight 1 at input 1. Each synapse is
/// then driven by its pulse current |n| times.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingStep {
    /// Inputs, shares of the read voltage from -1 to 1: one for each row.
    pub inputs: Vec<f64>,
    /// Wanted outputs: one for each column.
    pub targets: Vec<f64>,
    /// Factor on the product of input and error.
    pub learning_rate: f64,
}

/// What a step reads and gives.
#[derive(Clone, Debug, PartialEq)]
pub struct StepResult {
    /// Outputs of the columns before the step.
    pub outputs: Vec<f64>,
    /// Pulses, row-major.
    pub pulses: Vec<i16>,
}

/// One transistor of an array.
pub(super) struct Transistor {
    pub beta: f64,
    pub threshold: f64,
    pub gate_v: f64,
    pub current_up: f64,
    pub current_down: f64,
}

impl TrainingStep {
    /// Reads the array and computes the pulses.
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] for devices that are no transistors, or other numbers of inputs and
    /// targets.
    pub fn result(&self, devices: &Devices) -> Result<StepResult, CompilerError> {
        let (mosfet, transistors) = self.transistors(devices)?;
        let (columns, step) = (devices.columns(), devices.specification().step_size());
        let unit = mosfet.beta_a_per_v2 * mosfet.half_span_v() * mosfet.read_voltage_v;
        let current = |beta: f64, drive: f64, drain_v: f64| {
            let quadratic = if mosfet.quadratic_term { drain_v * drain_v / 2.0 } else { 0.0 };
            beta * (drive * drain_v - quadratic)
        };
        let mut outputs = vec![0.0; columns];
        for (device, transistor) in transistors.iter().enumerate() {
            let drain_v = self.inputs[device / columns] * mosfet.read_voltage_v;
            let reference = current(mosfet.beta_a_per_v2, mosfet.middle_v() - mosfet.threshold_v, drain_v);
            let own = current(transistor.beta, transistor.gate_v - transistor.threshold, drain_v);
            outputs[device % columns] += (own - reference) / unit;
        }
        let pulses = |device: usize| {
            let (input, column) = (self.inputs[device / columns], device % columns);
            let change = self.learning_rate * input * (self.targets[column] - outputs[column]);
            // Half upwards, as floor(x + 1/2) in the circuit.
            (change / step + 0.5).floor().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
        };
        let pulses = (0..transistors.len()).map(pulses).collect();
        Ok(StepResult { outputs, pulses })
    }

    /// The transistors of an array whose numbers of rows and columns fit.
    pub(super) fn transistors(&self, devices: &Devices) -> Result<(Mosfet, Vec<Transistor>), CompilerError> {
        let refused = |what: &str, expected: String, found: String| CompilerError::Pulses {
            what: what.to_owned(),
            expected,
            found,
            remedy: "give the rows of the array as inputs and its columns as targets".to_owned(),
        };
        let specification = devices.specification();
        let Model::Mosfet(mosfet) = &specification.model else {
            let found = specification.model.family().to_owned();
            return Err(refused("circuit of an array", "devices of the family 'mosfet'".to_owned(), found));
        };
        for (what, expected, found) in
            [("inputs", devices.rows(), self.inputs.len()), ("targets", devices.columns(), self.targets.len())]
        {
            if expected != found {
                return Err(refused(what, expected.to_string(), found.to_string()));
            }
        }
        let numbers = self.inputs.iter().chain(&self.targets).chain([&self.learning_rate]);
        if let Some(number) = numbers.copied().find(|number| !number.is_finite()) {
            return Err(refused("inputs, targets and learning rate", "finite numbers".to_owned(), number.to_string()));
        }
        let (parts, size) = (&devices.parts, specification.step_size());
        let transistor = |(device, state): (usize, &f32)| {
            let (gain, offset) = (f64::from(parts.gain[device]), f64::from(parts.offset[device]));
            let drive = (gain - 1.0) * (mosfet.middle_v() - mosfet.threshold_v);
            Transistor {
                beta: gain * mosfet.beta_a_per_v2,
                threshold: mosfet.threshold_v + (drive - offset * mosfet.half_span_v()) / gain,
                gate_v: mosfet.gate_v(f64::from(*state)),
                current_up: mosfet.pulse_current_a * f64::from(parts.up[device]) / size,
                current_down: mosfet.pulse_current_a * f64::from(parts.down[device]) / size,
            }
        };
        Ok((mosfet.clone(), devices.states().iter().enumerate().map(transistor).collect()))
    }
}
