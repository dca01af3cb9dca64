//! Solutions against nodal analysis and the laws of circuits.

use proptest::prelude::*;

use super::nodal;
use crate::circuit::Conductances;
use crate::circuit::wires::{ArrayCircuit, TOLERANCE, WireResistances};

fn resistance(largest: f64) -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 3 => (-2.0..largest.log10()).prop_map(|power| 10f64.powf(power))]
}

fn wires() -> impl Strategy<Value = WireResistances> {
    (resistance(1e3), resistance(1e4), resistance(1e4)).prop_map(|(wire, driver, sense)| WireResistances {
        wire,
        driver,
        sense,
    })
}

/// Cells between 1 kΩ and 10 MΩ or without conductance, voltages of any sign or 0.
fn array(largest: usize) -> impl Strategy<Value = (Conductances, Vec<f64>)> {
    (1..=largest, 1..=largest).prop_flat_map(|(rows, lines)| {
        let cell = prop_oneof![1 => Just(0.0), 4 => (-7.0..-3.0f64).prop_map(|power| 10f64.powf(power))];
        let voltage = prop_oneof![Just(0.0), Just(0.5), -1.0..1.0f64];
        (prop::collection::vec(cell, rows * lines), prop::collection::vec(voltage, rows))
            .prop_map(move |(siemens, voltages)| (Conductances::new(rows, lines, siemens).unwrap(), voltages))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn currents_and_voltages_are_those_of_nodal_analysis((conductances, voltages) in array(6), wires in wires()) {
        let circuit = ArrayCircuit::with_wires(&conductances, wires);
        let solution = circuit.solve(&voltages).unwrap();
        prop_assert!(solution.residual <= TOLERANCE);
        let expected = nodal::solve(&conductances, wires, &voltages);
        let largest: f64 = expected.columns.iter().map(|current| current.abs()).sum();
        for (line, &current) in expected.columns.iter().enumerate() {
            let error = (solution.column_currents[line] - current).abs();
            // Elimination loses a few digits where conductances differ by many orders.
            prop_assert!(error <= solution.column_errors[line] + 1e-11 * (largest + 1e-6), "{} {}", error, current);
        }
        let nodes = circuit.node_voltages(&voltages, &solution);
        for (found, expected) in nodes.rows.iter().chain(&nodes.columns).zip(expected.row_nodes.iter().chain(&expected.column_nodes)) {
            prop_assert!((found - expected).abs() < 1e-8, "{} {}", found, expected);
        }
    }

    #[test]
    fn laws_of_ohm_kirchhoff_and_tellegen_hold((conductances, voltages) in array(24), wires in wires()) {
        let circuit = ArrayCircuit::with_wires(&conductances, wires);
        let solution = circuit.solve(&voltages).unwrap();
        let (rows, lines) = (conductances.rows, conductances.bit_lines);
        let nodes = circuit.node_voltages(&voltages, &solution);
        let scale: f64 = solution.cell_currents.iter().map(|current| current.abs()).sum::<f64>() + 1e-9;

        // Ohm: the residual is that of sqrt(G) (u_row - u_column) = i / sqrt(G).
        let mut squares = 0.0;
        for (cell, &conductance) in conductances.siemens.iter().enumerate() {
            let error = conductance * (nodes.rows[cell] - nodes.columns[cell]) - solution.cell_currents[cell];
            if conductance > 0.0 { squares += error * error / conductance } else { prop_assert_eq!(error, 0.0) }
        }
        let right: f64 = (0..rows * lines).map(|cell| conductances.siemens[cell] * voltages[cell / lines].powi(2)).sum();
        prop_assert!(squares.sqrt() <= 2.0 * TOLERANCE * right.sqrt() + 1e-18);

        // Kirchhoff: what the drivers deliver, the columns take.
        let (entering, leaving): (f64, f64) = (solution.row_currents.iter().sum(), solution.column_currents.iter().sum());
        prop_assert!((entering - leaving).abs() < 1e-12 * scale);
        if wires.wire > 0.0 {
            for row in 0..rows {
                let mut carried = solution.row_currents[row];
                for line in 1..lines {
                    carried -= solution.cell_currents[row * lines + line - 1];
                    let cell = row * lines + line;
                    let current = (nodes.rows[cell - 1] - nodes.rows[cell]) / wires.wire;
                    prop_assert!((current - carried).abs() < 1e-12 * (scale + 1.0 / wires.wire));
                }
            }
        }

        // Tellegen: the power delivered is the power lost in cells, wires, drivers and sense inputs.
        let mut lost = 0.0;
        for row in 0..rows {
            let mut carried = solution.row_currents[row];
            lost += wires.driver * carried.powi(2);
            for line in 0..lines {
                let cell = row * lines + line;
                lost += solution.cell_currents[cell] * (nodes.rows[cell] - nodes.columns[cell]);
                carried -= solution.cell_currents[cell];
                lost += if line + 1 < lines { wires.wire * carried.powi(2) } else { 0.0 };
            }
        }
        for line in 0..lines {
            let mut carried = 0.0;
            for row in 0..rows {
                carried += solution.cell_currents[row * lines + line];
                lost += if row + 1 < rows { wires.wire } else { wires.sense } * carried * carried;
            }
        }
        prop_assert!((lost - solution.power_w).abs() <= 1e-9 * lost.abs() + 1e-18, "{} {}", lost, solution.power_w);
        prop_assert_eq!(solution.energy_j(2.0), 2.0 * solution.power_w);
    }

    #[test]
    fn currents_superpose((conductances, voltages) in array(20), wires in wires()) {
        let circuit = ArrayCircuit::with_wires(&conductances, wires);
        let solution = circuit.solve(&voltages).unwrap();
        let transfer = circuit.transfer().unwrap();
        let total: f64 = conductances.siemens.iter().sum();
        for line in 0..conductances.bit_lines {
            let sum: f64 = voltages.iter().enumerate().map(|(row, v)| v * transfer[row * conductances.bit_lines + line]).sum();
            prop_assert!((sum - solution.column_currents[line]).abs() <= 1e-8 * total + 1e-18);
        }
        if wires == (WireResistances { wire: 0.0, driver: 0.0, sense: 0.0 }) {
            prop_assert_eq!(transfer, conductances.siemens);
        }
    }
}
