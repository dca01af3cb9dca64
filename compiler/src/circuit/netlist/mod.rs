//! One array as a circuit for ngspice.

mod comparator;
mod text;

pub use comparator::{Comparator, comparators};

use super::wires::WireResistances;
use super::{ArrayLevels, ChipSeed, Conductances, LevelScale, realise_array, sense_offsets};
use crate::error::CompilerError;
use crate::hardware::SignedWeights;
use crate::program::{ArrayPlacement, Program, ProjectionKind};

/// One read of one array: everything that its circuit is made of.
#[derive(Clone, Debug)]
pub struct Tile {
    /// First lines of the netlist.
    pub title: Vec<String>,
    /// The cells of the chip.
    pub conductances: Conductances,
    /// Wires, drivers, sense inputs; all 0 where the specification counts no wires.
    pub wires: WireResistances,
    /// Voltage of every row driver, 0 for rows that are not driven.
    pub row_voltages: Vec<f64>,
    /// Whether columns are pairs of bit lines.
    pub paired: bool,
    /// Current of one level in amperes: `level * read voltage`.
    pub level_current: f64,
    /// Current in amperes that is subtracted from every column: that of level 0 of the active rows,
    /// without pairs; else 0.
    pub dummy_current: f64,
    /// What is added to every partial sum, in levels: the offset of the comparator.
    pub offsets: Vec<f64>,
    /// What decides on each column.
    pub comparators: Vec<Comparator>,
}

impl Tile {
    /// Array `array` of a chip when input stream `stream` drives the rows that are `active`.
    ///
    /// The offsets of the comparators are included, the noise of a read is not. Wires are resistive
    /// where the specification's non-idealities name them.
    ///
    /// # Errors
    /// [`CompilerError::Circuit`] where the program has no such array or stream, or the number of rows
    /// differs; [`CompilerError::Hardware`] for numbers that describe no circuit.
    pub fn new(
        program: &Program,
        array: usize,
        stream: usize,
        active: &[bool],
        chip: ChipSeed,
    ) -> Result<Self, CompilerError> {
        let levels = ArrayLevels::of(program, array)?;
        if active.len() != levels.rows {
            return Err(CompilerError::Circuit {
                what: format!("active rows of array {array}"),
                expected: format!("one value for each of its {} rows", levels.rows),
                found: format!("{} values", active.len()),
                remedy: "say for each row whether it is driven".to_owned(),
            });
        }
        let hardware = &program.layout.hardware;
        let scale = LevelScale::of(hardware)?;
        let voltage = hardware.device.read_voltage_v;
        if !(voltage.is_finite() && voltage > 0.0) {
            let (field, expected) = ("device.read_voltage_v", "a finite voltage above 0");
            return Err(super::scale::refused(hardware, field, expected, voltage, "change it"));
        }
        let wires = match hardware.non_idealities.wires {
            Some(_) => WireResistances::of(hardware)?,
            None => WireResistances { wire: 0.0, driver: 0.0, sense: 0.0 },
        };
        let paired = hardware.weights.signed == SignedWeights::DifferentialPair;
        let number = active.iter().filter(|&&active| active).count();
        let offsets = sense_offsets(hardware, chip, array, levels.columns)?;
        Ok(Self {
            title: title(program, array, stream, number, chip),
            conductances: realise_array(&levels, hardware, chip, array)?,
            wires,
            row_voltages: active.iter().map(|&active| if active { voltage } else { 0.0 }).collect(),
            paired,
            level_current: scale.level * voltage,
            dummy_current: if paired { 0.0 } else { scale.off * voltage * number as f64 },
            offsets: offsets.map_or(vec![0.0; levels.columns], |offsets| offsets.into_iter().map(f64::from).collect()),
            comparators: comparators(program, array, stream, levels.columns)?,
        })
    }

    /// Partial sums of all columns in levels, offsets included, from the currents of the bit lines.
    pub fn partial_sums(&self, bit_line_currents: &[f64]) -> Vec<f64> {
        let difference = |column: usize| match self.paired {
            true => bit_line_currents[2 * column] - bit_line_currents[2 * column + 1],
            false => bit_line_currents[column] - self.dummy_current,
        };
        (0..self.offsets.len()).map(|column| difference(column) / self.level_current + self.offsets[column]).collect()
    }
}

/// The netlist of one read of one array; see [`Tile::new`].
///
/// `ngspice -b FILE` computes the operating point and prints the current of every bit line
/// (`i(vs0)` ..), the partial sum of every column in levels (`v(p0)` ..) and the decision of every
/// comparator (`v(q0)` ..). The first lines say what each node is.
///
/// # Errors
/// As [`Tile::new`].
pub fn spice(
    program: &Program,
    array: usize,
    stream: usize,
    active: &[bool],
    chip: ChipSeed,
) -> Result<String, CompilerError> {
    Ok(Tile::new(program, array, stream, active, chip)?.netlist())
}

fn title(program: &Program, array: usize, stream: usize, active: usize, chip: ChipSeed) -> Vec<String> {
    let layout = &program.layout;
    let mut lines = vec![format!("hardware '{}', array {array}, input stream {stream}", layout.hardware.name)];
    let placement = layout.arrays.get(array).copied();
    if let Some(ArrayPlacement { projection, replica, row_tile, column_tile, rows, .. }) = placement {
        if let Some(projection) = layout.projections.get(projection) {
            let weight = match &projection.kind {
                ProjectionKind::Crossbar(crossbar) => crossbar.streams.get(stream).map(|stream| stream.weight),
                ProjectionKind::Digital(_) => None,
            };
            lines.push(format!(
                "projection '{}', replica {replica}, row tile {row_tile}, column tile {column_tile}; the stream weighs {}",
                projection.name,
                weight.unwrap_or_default()
            ));
        }
        lines.push(format!("{rows} rows, {active} of them driven"));
    }
    lines.push(format!("chip {} of seed {}", chip.chip, chip.seed));
    lines.into_iter().map(|line| line.replace(|letter: char| letter.is_control(), " ")).collect()
}
