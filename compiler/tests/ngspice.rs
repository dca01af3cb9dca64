//! Netlists run by ngspice give the currents and decisions of the solver.
//!
//! Without ngspice on the path these tests say that they skip.

mod common;

use compiler::circuit::ChipSeed;
use compiler::circuit::netlist::{Comparator, Tile, spice};
use compiler::circuit::wires::ArrayCircuit;
use compiler::hardware::{Quantiser, SignedWeights, Spread, WireResistance};
use compiler::program::{
    ArrayPlacement, Broadcast, Crossbar, CrossbarLayout, FORMAT, Geometry, Layout, ProjectionKind, ProjectionLayout,
    StreamLayout,
};
use compiler::{HardwareSpecification, Program};
use snn::random::{Purpose, Stream};

/// What both must agree in, relative to the largest current of the array.
const CURRENTS: f64 = 1e-9;
/// Uncertainty of the partial sums of ngspice in levels.
const LEVELS: f64 = 1e-6;

struct Random(Stream);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u32) as usize
    }

    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    fn hardware(&mut self) -> HardwareSpecification {
        let text = r#"
            name = "test"
            description = "tiles for ngspice"
            sources = []
            array = { rows = 32, columns = 32, cell_bits = 1 }
            weights = { bits = 2, signed = "differential-pair" }
            input = { coding = "bit-serial", bits = 2 }
            quantiser = { kind = "sign" }
            cost = {}
            [device]
            cell = "rram"
            technology_nm = 65.0
            on_resistance_ohm = 6000.0
            read_voltage_v = 0.5
            read_pulse_ns = 10.0
            wire_resistance_ohm = 1.0
        "#;
        let mut hardware: HardwareSpecification = toml::from_str(text).unwrap();
        hardware.array.cell_bits = self.pick(&[1, 2, 3]);
        hardware.weights.signed = self.pick(&[SignedWeights::DifferentialPair, SignedWeights::ReferenceColumn]);
        hardware.quantiser = self.pick(&[
            Quantiser::Sign {},
            Quantiser::Ternary {},
            Quantiser::Ternary {},
            Quantiser::Uniform { bits: 4, range: compiler::hardware::Range::Full },
        ]);
        hardware.device.off_resistance_ohm = self.pick(&[None, Some(60e3), Some(900e3)]);
        hardware.device.wire_resistance_ohm = self.pick(&[0.0, 0.1, 2.82, 40.0]);
        hardware.device.driver_resistance_ohm = self.pick(&[0.0, 25.0, 1000.0]);
        hardware.device.sense_resistance_ohm = self.pick(&[0.0, 25.0, 1000.0]);
        hardware.non_idealities.wires =
            self.pick(&[None, Some(WireResistance::Exact), Some(WireResistance::Exact), Some(WireResistance::Exact)]);
        hardware.non_idealities.programming = self.pick(&[None, Some(Spread::Absolute { sigma: 0.05 })]);
        hardware.non_idealities.sense_offset = self.pick(&[None, Some(0.5)]);
        hardware
    }

    /// One array of two slices and two streams with random levels and thresholds.
    fn program(&mut self) -> Program {
        let hardware = self.hardware();
        let paired = hardware.weights.signed == SignedWeights::DifferentialPair;
        let (rows, outputs, unused) = (4 + self.below(29), 1 + self.below(8), self.below(2));
        let columns = 2 * (outputs + unused) + usize::from(!paired);
        let row_bytes = (columns * hardware.array.cell_bits as usize).div_ceil(8);
        let mut bytes = || (0..hardware.array.rows * row_bytes).map(|_| self.0.word() as u8).collect::<Vec<u8>>();
        let (cells, negative_cells) = (bytes(), if paired { bytes() } else { vec![] });
        let crossbar = CrossbarLayout {
            geometry: Geometry::Dense {},
            fan_in: rows,
            outputs,
            row_tiles: 1,
            column_tiles: 1,
            outputs_per_array: outputs + unused,
            slices: vec![1, 1 << hardware.array.cell_bits],
            streams: vec![StreamLayout { weight: 1, index: 0 }, StreamLayout { weight: 2, index: 1 }],
            unit: 1,
            reference_weight: 0,
            replicas: 1,
            first_array: 0,
        };
        let thresholds = (0..4 * outputs).map(|_| 1 + self.below(4) as i32).collect();
        let tensors = Crossbar {
            cells,
            negative_cells,
            scale_factors: Broadcast::uniform(1),
            quantiser_levels: Broadcast { shape: [1, 2, 2, outputs], values: thresholds },
        };
        let kind = ProjectionKind::Crossbar(crossbar);
        let layout = Layout {
            format: FORMAT,
            hardware,
            populations: vec![],
            projections: vec![ProjectionLayout { name: "dense".to_owned(), from: 0, to: 1, kind }],
            arrays: vec![ArrayPlacement {
                projection: 0,
                replica: 0,
                row_tile: 0,
                column_tile: 0,
                tile: 0,
                rows,
                columns,
            }],
            routes: vec![],
        };
        Program { layout, crossbars: vec![Some(tensors)] }
    }
}

#[test]
fn random_tiles_agree() {
    let (mut worst, mut decisions, mut zeros) = (0f64, 0, 0);
    for case in 0..30 {
        let mut random = Random(Stream::new(case, Purpose::Test, 0));
        let program = random.program();
        let rows = program.layout.arrays[0].rows;
        let active: Vec<bool> = (0..rows).map(|_| random.below(2) == 1).collect();
        let (stream, chip) = (random.below(2), ChipSeed { seed: case, chip: 1 });
        let tile = Tile::new(&program, 0, stream, &active, chip).unwrap();
        let Some(values) = common::run(&spice(&program, 0, stream, &active, chip).unwrap()) else { return };

        let solution = ArrayCircuit::with_wires(&tile.conductances, tile.wires).solve(&tile.row_voltages).unwrap();
        let largest = solution.column_currents.iter().fold(0f64, |largest, current| largest.max(current.abs()));
        for (line, current) in solution.column_currents.iter().enumerate() {
            let error = (values[&format!("i(vs{line})")] - current).abs();
            assert!(error <= CURRENTS * largest, "case {case}, bit line {line}: {error} of {current}");
            worst = worst.max(if largest > 0.0 { error / largest } else { 0.0 });
        }
        for (column, (sum, comparator)) in
            tile.partial_sums(&solution.column_currents).into_iter().zip(&tile.comparators).enumerate()
        {
            assert!((values[&format!("v(p{column})")] - sum).abs() < LEVELS, "case {case}, column {column}");
            let found = values.get(&format!("v(q{column})")).copied();
            assert_eq!(found.is_some(), *comparator != Comparator::None);
            if comparator.margin(sum) > LEVELS {
                assert_eq!(found, comparator.decide(sum).map(f64::from), "case {case}, column {column}: {sum}");
                decisions += usize::from(found.is_some());
                zeros += usize::from(found == Some(0.0));
            }
        }
    }
    println!("largest error {worst:e} of the largest current; {decisions} decisions equal, {zeros} of them 0");
    assert!(decisions > 100 && zeros > 10, "{decisions} decisions, {zeros} of them 0");
}

#[test]
fn a_wrong_circuit_would_be_noticed() {
    let mut random = Random(Stream::new(3, Purpose::Test, 1));
    let mut program = random.program();
    program.layout.hardware.non_idealities.wires = Some(WireResistance::Exact);
    program.layout.hardware.device.wire_resistance_ohm = 2.0;
    let active = vec![true; program.layout.arrays[0].rows];
    let chip = ChipSeed { seed: 1, chip: 1 };
    let Some(values) = common::run(&spice(&program, 0, 0, &active, chip).unwrap()) else { return };
    program.layout.hardware.device.wire_resistance_ohm = 2.1;
    let tile = Tile::new(&program, 0, 0, &active, chip).unwrap();
    let solution = ArrayCircuit::with_wires(&tile.conductances, tile.wires).solve(&tile.row_voltages).unwrap();
    let differs = |(line, current): (usize, &f64)| (values[&format!("i(vs{line})")] - current).abs() > 1e-5 * current;
    assert!(solution.column_currents.iter().enumerate().any(differs));
}

#[test]
fn what_is_not_in_the_program_is_refused() {
    let program = Random(Stream::new(5, Purpose::Test, 0)).program();
    let active = vec![true; program.layout.arrays[0].rows];
    let chip = ChipSeed { seed: 1, chip: 1 };
    let refused = |array, stream, active: &[bool], text: &str| {
        let error = spice(&program, array, stream, active, chip).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    refused(1, 0, &active, "array 1");
    refused(0, 2, &active, "stream");
    refused(0, 0, &active[1..], "rows");
    assert!(spice(&program, 0, 1, &active, chip).is_ok());
}
