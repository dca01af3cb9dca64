//! What updates did to an array, and what they took.

use std::ops::Add;

use serde::Serialize;

use super::Devices;

/// Events, summed over all updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub updates: u64,
    /// Time of all updates in lengths of a pulse.
    pub slots: u64,
    pub up: u64,
    pub down: u64,
}

impl Counts {
    #[inline]
    pub fn add(&mut self, pulses: i16) {
        self.up += u64::from(pulses.max(0).unsigned_abs());
        self.down += u64::from(pulses.min(0).unsigned_abs());
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            updates: self.updates + other.updates,
            slots: self.slots + other.slots,
            up: self.up + other.up,
            down: self.down + other.down,
        }
    }
}

/// State of an array and what its updates took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DeviceStatistics {
    /// Devices of the array.
    pub devices: u64,
    /// Devices that never move.
    pub stuck: u64,
    /// Share of the other devices that are at a bound.
    pub saturated_share: f64,
    /// Updates.
    pub updates: u64,
    /// Pulses upwards, of all devices.
    pub pulses_up: u64,
    /// Pulses downwards, of all devices.
    pub pulses_down: u64,
    /// Energy of all pulses; `None` where the specification does not tell that of one.
    pub energy_j: Option<f64>,
    /// Time of all updates; `None` where the specification does not tell the length of a pulse.
    pub time_s: Option<f64>,
}

impl Devices {
    /// State of the array and what its updates took.
    pub fn statistics(&self) -> DeviceStatistics {
        let stuck = self.parts.stuck.iter().filter(|&&stuck| stuck).count();
        let bounds = self.parts.lower.iter().zip(&self.parts.upper).zip(&self.parts.stuck);
        let is_saturated = |(state, ((lower, upper), stuck)): &(&f32, ((&f32, &f32), &bool))| {
            !**stuck && (*state <= lower || *state >= upper)
        };
        let saturated = self.state.iter().zip(bounds).filter(is_saturated).count();
        let energy = self.specification.energies();
        let pulses = (self.counts.up + self.counts.down) as f64;
        DeviceStatistics {
            devices: self.state.len() as u64,
            stuck: stuck as u64,
            saturated_share: saturated as f64 / (self.state.len() - stuck).max(1) as f64,
            updates: self.counts.updates,
            pulses_up: self.counts.up,
            pulses_down: self.counts.down,
            energy_j: energy.write_j.map(|write| write * pulses),
            time_s: energy.pulse_ns.map(|pulse| pulse * 1e-9 * self.counts.slots as f64),
        }
    }
}
