//! Response of devices to a train of pulses upwards and one downwards.

use super::{DeviceSpecification, Devices};
use crate::error::CompilerError;

/// Most pulses of one direction.
pub const MOST_PULSES: u32 = 10_000_000;
/// Most readings in one direction.
const MOST_READINGS: u32 = 500;

/// Weights of several devices along a train of pulses upwards and one of as many downwards.
#[derive(Clone, Debug, PartialEq)]
pub struct PulseResponse {
    /// Pulses before each reading.
    pub pulses: Vec<u64>,
    /// Weights of each device at every reading.
    pub weights: Vec<Vec<f32>>,
    /// Their mean at every reading.
    pub mean: Vec<f64>,
}

impl PulseResponse {
    /// Starts `devices` devices at their lowest state, gives each `pulses` pulses upwards, then as many
    /// downwards, and reads them at most 500 times on each way.
    ///
    /// # Errors
    /// Those of [`Devices::draw`], and [`CompilerError::Pulses`] for more than [`MOST_PULSES`] or none.
    pub fn simulate(
        specification: &DeviceSpecification,
        devices: usize,
        pulses: u32,
        seed: u64,
    ) -> Result<Self, CompilerError> {
        if !(1..=MOST_PULSES).contains(&pulses) {
            return Err(CompilerError::Pulses {
                what: "pulses of each direction".to_owned(),
                expected: format!("1 to {MOST_PULSES}"),
                found: pulses.to_string(),
                remedy: "choose another number".to_owned(),
            });
        }
        let mut array = Devices::draw(specification, devices, 1, seed, 0)?;
        array.set_states(&vec![f32::MIN; devices], 0)?;
        let mut response = Self { pulses: vec![], weights: vec![Vec::new(); devices], mean: vec![] };
        response.read(0, array.weights());
        let readings = pulses.min(MOST_READINGS);
        let (mut given, mut stamp) = (0u64, 1);
        for sign in [1i16, -1] {
            for reading in 0..readings {
                let until = u64::from(pulses) * u64::from(reading + 1) / u64::from(readings);
                let mut left = until - u64::from(pulses) * u64::from(reading) / u64::from(readings);
                given += left;
                while left > 0 {
                    let burst = left.min(i16::MAX as u64) as i16;
                    array.apply(&vec![sign * burst; devices], stamp)?;
                    (left, stamp) = (left - burst as u64, stamp + 1);
                }
                response.read(given, array.weights());
            }
        }
        Ok(response)
    }

    fn read(&mut self, pulses: u64, weights: &[f32]) {
        self.pulses.push(pulses);
        for (curve, &weight) in self.weights.iter_mut().zip(weights) {
            curve.push(weight);
        }
        let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
        self.mean.push(sum / weights.len() as f64);
    }

    /// The curves as CSV: pulses, mean, and one column for each device.
    pub fn csv(&self) -> String {
        let names: String = (0..self.weights.len()).map(|device| format!(",device_{device}")).collect();
        let mut text = format!("pulses,mean{names}\n");
        for (reading, (pulses, mean)) in self.pulses.iter().zip(&self.mean).enumerate() {
            let weights: String = self.weights.iter().map(|curve| format!(",{}", curve[reading])).collect();
            text += &format!("{pulses},{mean}{weights}\n");
        }
        text
    }
}
