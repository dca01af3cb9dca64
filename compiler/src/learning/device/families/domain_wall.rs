//! A synapse of one magnetic domain wall, moved by spin-orbit torque and read by a tunnel junction.
//!
//! ```text
//! conductance   G(x) = G_AP + (G_P - G_AP) * x / L          x: position of the wall, 0..L
//! velocity      v = mobility * (J - J_c) for J > J_c, else 0
//! pulse         x <- x +- v * t_p + spread * sqrt(T / 300 K) * normal, then to the nearest of `levels` notches
//! write energy  E = J^2 * rho * L * width * thickness * t_p                 Joule heat in the heavy metal
//! ```
//!
//! The state is `w = 2 x / L - 1`; a read subtracts a reference of conductance `(G_P + G_AP) / 2`.
//!
//! Source: Bhowmik et al., on-chip learning with domain-wall synapses (spin-orbit torque, linear and
//! symmetric conductance); the equations are the linear part of the motion of a wall under current,
//! the constants are the user's.

use serde::{Deserialize, Serialize};

/// Constants of the wall, its track and its pulses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainWall {
    /// L: length of the track.
    pub length_nm: f64,
    /// Width of the track.
    pub width_nm: f64,
    /// Thickness of the heavy metal.
    pub heavy_metal_nm: f64,
    /// rho: resistivity of the heavy metal.
    pub resistivity_ohm_m: f64,
    /// J: current density of a pulse.
    pub current_density_a_per_m2: f64,
    /// J_c: current density that the wall starts to move at.
    pub critical_density_a_per_m2: f64,
    /// Mobility upwards: velocity for each ampere per square metre above J_c, m/s / (A/m2) = m3/C.
    pub mobility_up_m3_per_c: f64,
    /// Mobility downwards.
    pub mobility_down_m3_per_c: f64,
    /// t_p: length of a pulse.
    pub pulse_ns: f64,
    /// Standard deviation of the position after a pulse at 300 K.
    #[serde(default)]
    pub position_spread_nm: f64,
    /// T.
    #[serde(default = "room_temperature")]
    pub temperature_k: f64,
    /// G_P: conductance with the wall at L.
    pub parallel_s: f64,
    /// G_AP: conductance with the wall at 0.
    pub antiparallel_s: f64,
    /// Voltage of a read.
    pub read_voltage_v: f64,
    /// Length of a read.
    pub read_ns: f64,
}

fn room_temperature() -> f64 {
    300.0
}

impl DomainWall {
    /// How far a pulse moves the wall upwards and downwards.
    pub fn moves_nm(&self) -> [f64; 2] {
        let drive = (self.current_density_a_per_m2 - self.critical_density_a_per_m2).max(0.0);
        // m/s * ns = nm.
        [self.mobility_up_m3_per_c, self.mobility_down_m3_per_c].map(|mobility| mobility * drive * self.pulse_ns)
    }

    /// The same in units of the state.
    pub fn steps(&self) -> [f64; 2] {
        self.moves_nm().map(|distance| 2.0 * distance / self.length_nm)
    }

    /// Standard deviation of the state after a pulse.
    pub fn spread(&self) -> f64 {
        2.0 * self.position_spread_nm * (self.temperature_k / 300.0).sqrt() / self.length_nm
    }

    /// Conductance of a state.
    pub fn conductance_s(&self, state: f64) -> f64 {
        self.antiparallel_s + (self.parallel_s - self.antiparallel_s) * (state + 1.0) / 2.0
    }

    /// Joule heat of a pulse.
    pub fn write_j(&self) -> f64 {
        let volume = self.length_nm * self.width_nm * self.heavy_metal_nm * 1e-27;
        self.current_density_a_per_m2.powi(2) * self.resistivity_ohm_m * volume * self.pulse_ns * 1e-9
    }
}
