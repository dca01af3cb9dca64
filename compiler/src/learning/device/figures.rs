//! What follows from a specification without drawing a device.

use serde::Serialize;

use super::{DeviceSpecification, Energy, Model};

/// Figures of the nominal device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceFigures {
    /// Step upwards at f = 1, in units of the state.
    pub step_up: f64,
    /// Step downwards at f = 1.
    pub step_down: f64,
    /// `(step_up - step_down) / ((step_up + step_down) / 2)`.
    pub asymmetry: f64,
    /// Mean steps between the bounds at f = 1: `(upper - lower) / mean step`.
    pub steps_between_bounds: f64,
    /// Discrete states, where there are such.
    pub levels: Option<u32>,
    /// Mean step in distances from one discrete state to the next.
    pub step_levels: Option<f64>,
    /// Energy of a pulse.
    pub write_j: Option<f64>,
    /// Length of a pulse.
    pub pulse_s: Option<f64>,
    /// Energy of a read at the middle of the bounds, `V^2 * G * t`.
    pub read_j: Option<f64>,
    /// Conductance at the lower bound.
    pub lowest_conductance_s: Option<f64>,
    /// Conductance at the upper bound.
    pub highest_conductance_s: Option<f64>,
}

impl DeviceSpecification {
    /// Nominal change of the state by one pulse at f = 1, the mean of both directions where they
    /// differ by physical constants. Pulse trains count in it.
    pub fn step_size(&self) -> f64 {
        match &self.model {
            Model::Mosfet(mosfet) => mosfet.pulse_v() / mosfet.half_span_v(),
            Model::DomainWall(wall) => wall.steps().iter().sum::<f64>() / 2.0,
            Model::Piecewise(model) => model.steps(&self.bounds).map_or(0.0, |steps| {
                let all = steps.up.iter().chain(&steps.down);
                all.sum::<f64>() / (steps.up.len() + steps.down.len()) as f64
            }),
            _ => self.step.size.unwrap_or_default(),
        }
    }

    /// Nominal steps upwards and downwards at f = 1, with gain 1 and no spread.
    pub fn nominal_steps(&self) -> [f64; 2] {
        let ([up, down], asymmetry) = (self.sizes(), self.step.asymmetry);
        [up * (1.0 + asymmetry.min(0.0)).abs(), down * (1.0 - asymmetry.max(0.0)).abs()]
    }

    /// Sizes of steps upwards and downwards before the asymmetry of the section `step`.
    pub(super) fn sizes(&self) -> [f64; 2] {
        match &self.model {
            Model::DomainWall(wall) => wall.steps(),
            _ => [self.step_size(); 2],
        }
    }

    /// Energies, times and conductances: those of the section `energy`, or of the physical constants.
    pub fn energies(&self) -> Energy {
        match &self.model {
            Model::Mosfet(mosfet) => Energy {
                write_j: Some(mosfet.write_j()),
                pulse_ns: Some(mosfet.pulse_ns),
                read_voltage_v: Some(mosfet.read_voltage_v),
                read_ns: Some(mosfet.read_ns),
                lowest_conductance_s: Some(mosfet.conductance_s(-1.0)),
                highest_conductance_s: Some(mosfet.conductance_s(1.0)),
            },
            Model::DomainWall(wall) => Energy {
                write_j: Some(wall.write_j()),
                pulse_ns: Some(wall.pulse_ns),
                read_voltage_v: Some(wall.read_voltage_v),
                read_ns: Some(wall.read_ns),
                lowest_conductance_s: Some(wall.antiparallel_s),
                highest_conductance_s: Some(wall.parallel_s),
            },
            Model::Piecewise(model) => {
                let (lowest, highest) = model.range_s();
                let given = self.energy.clone().unwrap_or_default();
                Energy { lowest_conductance_s: Some(lowest), highest_conductance_s: Some(highest), ..given }
            }
            _ => self.energy.clone().unwrap_or_default(),
        }
    }

    /// Conductance of a state of the nominal device, linear between the bounds; `None` where the
    /// conductances are unknown.
    pub fn conductance_s(&self, state: f64) -> Option<f64> {
        let energy = self.energies();
        let (lowest, highest) = (energy.lowest_conductance_s?, energy.highest_conductance_s?);
        let share = (state - self.bounds.lower) / (self.bounds.upper - self.bounds.lower);
        Some(lowest + (highest - lowest) * share)
    }

    /// Figures of the nominal device.
    pub fn figures(&self) -> DeviceFigures {
        let [step_up, step_down] = self.nominal_steps();
        let (energy, mean) = (self.energies(), (step_up + step_down) / 2.0);
        let middle = self.conductance_s((self.bounds.lower + self.bounds.upper) / 2.0);
        let read = |voltage: f64, length: f64| Some(voltage * voltage * middle? * length * 1e-9);
        DeviceFigures {
            step_up,
            step_down,
            asymmetry: (step_up - step_down) / mean,
            steps_between_bounds: (self.bounds.upper - self.bounds.lower) / mean,
            levels: self.levels,
            step_levels: self
                .levels
                .map(|levels| mean * f64::from(levels - 1) / (self.bounds.upper - self.bounds.lower)),
            write_j: energy.write_j,
            pulse_s: energy.pulse_ns.map(|pulse| pulse * 1e-9),
            read_j: energy.read_voltage_v.zip(energy.read_ns).and_then(|(voltage, length)| read(voltage, length)),
            lowest_conductance_s: energy.lowest_conductance_s,
            highest_conductance_s: energy.highest_conductance_s,
        }
    }
}
