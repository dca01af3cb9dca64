//! Reading an array: currents of all columns for one vector of inputs.

use super::lines::Lines;
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
    columns: Lines,
    rows: Lines,
    /// `[inputs][outputs]`, as `shifts`; empty without wires.
    shares: Vec<f32>,
    shifts: Vec<f32>,
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
        let columns = Lines::new(settings, held.outputs(), held.gain(), seed);
        let rows = Lines::new(&settings.transposed(), held.inputs(), held.gain(), seed ^ TRANSPOSED);
        Ok(Self { columns, rows, shares, shifts })
    }

    /// Whether reads from rows to columns are exact products.
    pub fn is_exact(&self) -> bool {
        self.shares.is_empty() && self.columns.is_exact()
    }

    /// What drives the rows and reads the columns.
    pub(in crate::learning) fn columns(&self) -> &Lines {
        &self.columns
    }

    /// What drives the columns and reads the rows, where errors cross the array.
    pub(in crate::learning) fn rows(&self) -> &Lines {
        &self.rows
    }

    /// Currents, in real weights times inputs, that 1 in the ranges of output converters stands for: one for all columns or
    /// one a column, and one for all rows.
    #[must_use]
    pub(in crate::learning) fn in_units(mut self, columns: Vec<f32>, rows: f32) -> Self {
        self.columns.units = columns;
        self.rows.units = vec![rows];
        self
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

    /// `currents[o] = sum over i of inputs[i] * weights[i][o]`, through both converters, with offset and noise. `weights`
    /// are those of [`Reader::seen`]; `read` is the number of the read: equal numbers get equal noise.
    pub fn read(&self, weights: &[f32], inputs: &[f32], read: u64, currents: &mut [f32]) {
        product(weights, &self.columns.driven(inputs), currents);
        self.columns.sense(read, currents);
    }
}

/// 2^64 over the golden ratio: odd, so that places stay apart.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Tells the reads of rows from those of columns.
const TRANSPOSED: u64 = 0x7472_616e_7370_6f73;
/// Conductance, as a share of that of state 1, below which cells count as ones of it: of none there is no share.
const LEAST_SHARE: f64 = 1e-9;

/// `totals[o] = sum over i of inputs[i] * weights[i][o]`.
pub(in crate::learning) fn product(weights: &[f32], inputs: &[f32], totals: &mut [f32]) {
    totals.fill(0.0);
    for (row, &input) in weights.chunks_exact(totals.len().max(1)).zip(inputs).filter(|(_, input)| **input != 0.0) {
        totals.iter_mut().zip(row).for_each(|(total, weight)| *total += input * weight);
    }
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
