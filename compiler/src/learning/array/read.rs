//! Reading an array: currents of all columns for one vector of inputs.

use rand_distr::{Distribution, StandardNormal};
use snn::random::{Purpose, Stream};

use super::{LearningArray, ReadSettings, SynapseArray, Wires};
use crate::circuit::Conductances;
use crate::circuit::wires::{ArrayCircuit, WireResistances, approximate_transfer};
use crate::error::CompilerError;
use crate::learning::device::DeviceSpecification;

/// What stands between the weights of an array and what is read of them. Through wires a read sees
/// `share * W + shift` of a weight W: the share that wires let through, and what they let through of the two conductances
/// that W is the difference of in unequal parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Reader {
    settings: ReadSettings,
    gain: f32,
    /// Of this array alone.
    seed: u64,
    /// `[inputs][outputs]`, as `shifts`; empty without wires.
    shares: Vec<f32>,
    shifts: Vec<f32>,
    /// Of each output; empty without offsets.
    offsets: Vec<f32>,
}

impl Reader {
    /// For the present state of an array; wires are taken as that state has them. `place` tells the arrays of one seed
    /// apart.
    ///
    /// # Errors
    /// [`CompilerError::Device`] where wires have resistance and the device no conductance, and
    /// [`CompilerError::Circuit`] where the circuit is none.
    pub fn new(array: &LearningArray, settings: &ReadSettings, seed: u64, place: u64) -> Result<Self, CompilerError> {
        let held = array.array();
        let (shares, shifts) = settings.wires.map_or(Ok(Default::default()), |wires| through_wires(held, wires))?;
        let seed = seed ^ place.wrapping_mul(GOLDEN);
        let mut stream = Stream::new(seed, Purpose::Read, 0);
        let mut offset = |sigma: f64| (sigma * f64::from(held.gain()) * normal(&mut stream)) as f32;
        let offsets = settings.sense_offset.map(|sigma| (0..held.outputs()).map(|_| offset(sigma)).collect());
        let offsets = offsets.unwrap_or_default();
        Ok(Self { settings: settings.clone(), gain: held.gain(), seed, shares, shifts, offsets })
    }

    /// Whether reads are exact products.
    pub fn is_exact(&self) -> bool {
        self.shares.is_empty() && self.offsets.is_empty() && self.settings.noise.is_none()
    }

    /// Shares and then shifts of all weights, `[inputs][outputs]` each; empty without wires.
    pub fn wires(&self) -> Vec<f32> {
        [&self.shares[..], &self.shifts[..]].concat()
    }

    /// Takes over what [`Reader::wires`] gave, of as many weights.
    pub(in crate::learning) fn set_wires(&mut self, mut shares: Vec<f32>) {
        self.shifts = shares.split_off(shares.len() / 2);
        self.shares = shares;
    }

    /// Real weights as reads see them: what wires let through of `weights`, `[inputs][outputs]`.
    pub fn seen(&self, mut weights: Vec<f32>) -> Vec<f32> {
        let wires = self.shares.iter().zip(&self.shifts);
        weights.iter_mut().zip(wires).for_each(|(weight, (share, shift))| *weight = *weight * share + shift);
        weights
    }

    /// `currents[o] = sum over i of inputs[i] * weights[i][o]`, with offset and noise. `weights` are those of
    /// [`Reader::seen`]; `read` is the number of the read: equal numbers get equal noise.
    pub fn read(&self, weights: &[f32], inputs: &[f32], read: u64, currents: &mut [f32]) {
        product(weights, inputs, currents);
        self.disturb(read, currents);
    }

    /// Adds offset and noise of a read to the currents of all columns, in real weights times inputs.
    pub fn disturb(&self, read: u64, currents: &mut [f32]) {
        currents.iter_mut().zip(&self.offsets).for_each(|(current, offset)| *current += offset);
        if let Some(noise) = self.settings.noise {
            let mut stream = Stream::new(self.seed, Purpose::Read, read.wrapping_add(1));
            for current in currents {
                *current = noise.disturb((*current).into(), self.gain.into(), normal(&mut stream)) as f32;
            }
        }
    }
}

/// 2^64 over the golden ratio: odd, so that places stay apart.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Conductance, as a share of that of state 1, below which cells count as ones of it: of none there is no share.
const LEAST_SHARE: f64 = 1e-9;

/// `totals[o] = sum over i of inputs[i] * weights[i][o]`.
pub(in crate::learning) fn product(weights: &[f32], inputs: &[f32], totals: &mut [f32]) {
    totals.fill(0.0);
    for (row, &input) in weights.chunks_exact(totals.len().max(1)).zip(inputs).filter(|(_, input)| **input != 0.0) {
        totals.iter_mut().zip(row).for_each(|(total, weight)| *total += input * weight);
    }
}

fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream.generator())
}

/// Shares and shifts of all weights, by the fast approximation of the circuit.
fn through_wires(array: &SynapseArray, wires: Wires) -> Result<(Vec<f32>, Vec<f32>), CompilerError> {
    let (inputs, outputs) = (array.inputs(), array.outputs());
    let mut lines = Vec::new();
    let mut slope = 0.0;
    for devices in array.devices() {
        let specification = devices.specification();
        let ends = specification.conductance_s(0.0).zip(specification.conductance_s(1.0));
        let (Some(siemens), Some((zero, one))) = (devices.conductances_s(), ends) else {
            return Err(no_conductance(specification));
        };
        slope = one - zero;
        let least = LEAST_SHARE * one;
        let is_paired = siemens.len() == 2 * inputs * outputs;
        let halves = if is_paired { 2 } else { 1 };
        for half in 0..halves {
            let rows = siemens.chunks_exact(halves * outputs);
            let line = rows.flat_map(|row| &row[half * outputs..(half + 1) * outputs]);
            lines.push(Conductances::new(inputs, outputs, line.map(|siemens| siemens.max(least)).collect())?);
        }
        if lines.len() == 1 && array.devices().count() == 1 {
            lines.push(Conductances::new(inputs, outputs, vec![zero.max(least); inputs * outputs])?);
        }
    }
    let pairs = Conductances::pairs(&lines[0], &lines[1])?;
    let resistances = WireResistances {
        wire: wires.wire_resistance_ohm,
        driver: wires.driver_resistance_ohm,
        sense: wires.sense_resistance_ohm,
    };
    let transfer = approximate_transfer(&ArrayCircuit::with_wires(&pairs, resistances))?;
    let through = |(current, held): (&[f64], &[f64])| {
        let real = |pair: &[f64]| f64::from(array.gain()) * (pair[0] - pair[1]) / slope;
        let share = (current[0] / held[0] + current[1] / held[1]) / 2.0;
        (share as f32, (real(current) - share * real(held)) as f32)
    };
    Ok(transfer.chunks_exact(2).zip(pairs.siemens.chunks_exact(2)).map(through).unzip())
}

/// What is refused where a read goes through wires.
pub(super) fn no_conductance(specification: &DeviceSpecification) -> CompilerError {
    CompilerError::Device {
        place: specification.name.clone(),
        field: "energy.lowest_conductance_s".to_owned(),
        expected: "conductances at both bounds, for reads through wires".to_owned(),
        found: "none".to_owned(),
        remedy: "state lowest_conductance_s and highest_conductance_s, or leave wires out".to_owned(),
    }
}
