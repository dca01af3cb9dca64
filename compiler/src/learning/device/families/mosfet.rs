//! A synapse of one transistor: the charge of its gate is the weight.
//!
//! ```text
//! drain current   I = beta * ( (V_G - V_T) * V_DS - V_DS^2 / 2 )      triode region; second term selectable
//! conductance     G = beta * (V_G - V_T)                              small V_DS
//! pulse           V_G <- V_G +- I_w * t_p / C, kept in lowest..highest gate voltage
//! leakage         dV_G / dt = -I_leak / C
//! write energy    C * V_G * dV = V_G * I_w * t_p;      read energy  V_DS * I * t
//! ```
//!
//! The state is the gate voltage on -1..1, `V_G = V_mid + w * V_half` with mid and half span of the
//! voltages. A read subtracts a reference transistor of nominal constants at V_mid, so a device of
//! threshold `V_T + dV` and `gain * beta` weighs
//!
//! ```text
//! weight = gain * w + ( (gain - 1) * (V_mid - V_T) - gain * dV ) / V_half
//! ```
//!
//! The reference has the same V_DS, so `V_DS^2 / 2` leaves the difference but for the factor gain - 1.
//!
//! Source: Dey et al., on-chip learning with MOSFET synapses (one conventional silicon transistor a
//! synapse, conductance linear and symmetric in the pulses); the equations are the textbook triode
//! law, the constants are the user's.

use serde::{Deserialize, Serialize};

/// Constants of the transistor and its pulses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mosfet {
    /// beta: mobility * oxide capacitance * width / length.
    pub beta_a_per_v2: f64,
    /// V_T.
    pub threshold_v: f64,
    /// C: all capacitance at the gate.
    pub gate_capacitance_f: f64,
    /// Lowest gate voltage, above the threshold by more than the read voltage.
    pub lowest_gate_v: f64,
    /// Highest gate voltage.
    pub highest_gate_v: f64,
    /// I_w: current of a write pulse.
    pub pulse_current_a: f64,
    /// t_p: length of a write pulse.
    pub pulse_ns: f64,
    /// I_leak: current that discharges the gate.
    #[serde(default)]
    pub leakage_a: f64,
    /// V_DS of a read.
    pub read_voltage_v: f64,
    /// Length of a read.
    pub read_ns: f64,
    /// Whether the drain current has its quadratic term.
    #[serde(default = "yes")]
    pub quadratic_term: bool,
    /// Standard deviation of V_T from device to device.
    #[serde(default)]
    pub threshold_spread_v: f64,
    /// Standard deviation of beta from device to device, a share of it.
    #[serde(default)]
    pub beta_spread: f64,
}

fn yes() -> bool {
    true
}

impl Mosfet {
    /// Middle of the gate voltages.
    pub fn middle_v(&self) -> f64 {
        (self.lowest_gate_v + self.highest_gate_v) / 2.0
    }

    /// Half of their span: one unit of the state.
    pub fn half_span_v(&self) -> f64 {
        (self.highest_gate_v - self.lowest_gate_v) / 2.0
    }

    /// Gate voltage of a state.
    pub fn gate_v(&self, state: f64) -> f64 {
        self.middle_v() + state * self.half_span_v()
    }

    /// Change of the gate voltage by one pulse.
    pub fn pulse_v(&self) -> f64 {
        self.pulse_current_a * self.pulse_ns * 1e-9 / self.gate_capacitance_f
    }

    /// Drain current of the nominal device in the triode region.
    pub fn current_a(&self, gate_v: f64, drain_v: f64) -> f64 {
        let quadratic = if self.quadratic_term { drain_v * drain_v / 2.0 } else { 0.0 };
        self.beta_a_per_v2 * ((gate_v - self.threshold_v) * drain_v - quadratic)
    }

    /// Conductance of the nominal device for small drain voltages.
    pub fn conductance_s(&self, state: f64) -> f64 {
        self.beta_a_per_v2 * (self.gate_v(state) - self.threshold_v)
    }

    /// Energy of a write pulse at the middle of the gate voltages, which is the mean over all states.
    pub fn write_j(&self) -> f64 {
        self.middle_v() * self.pulse_current_a * self.pulse_ns * 1e-9
    }

    /// Fall of the state by leakage in a second.
    pub fn leak_per_s(&self) -> f64 {
        self.leakage_a / self.gate_capacitance_f / self.half_span_v()
    }

    /// Factor and offset of the weight of a device: normal numbers for beta and V_T.
    pub(in super::super) fn read(&self, beta: f64, threshold: f64) -> (f64, f64) {
        let gain = (1.0 + self.beta_spread * beta).abs();
        let drive = (gain - 1.0) * (self.middle_v() - self.threshold_v);
        (gain, (drive - gain * self.threshold_spread_v * threshold) / self.half_span_v())
    }
}
