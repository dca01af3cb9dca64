//! Transistor synapses run by ngspice give the currents, pulses and gate voltages of the model.
//!
//! Without ngspice on the path these tests say that they skip.

mod common;

use compiler::learning::device::netlist::{TrainingStep, curve_voltages, leak_time_s, synapse, training_step};
use compiler::learning::device::{DeviceSpecification, Devices, Model, Mosfet};

fn mosfet(change: impl Fn(&mut Mosfet)) -> (DeviceSpecification, Mosfet) {
    let mut specification = DeviceSpecification::preset("mosfet").unwrap();
    let Model::Mosfet(mosfet) = &mut specification.model else { panic!() };
    change(mosfet);
    let mosfet = mosfet.clone();
    specification.check("test").unwrap();
    (specification, mosfet)
}

#[test]
fn curves_pulse_and_leakage_agree() {
    for (quadratic_term, leakage_a) in [(true, 1e-12), (false, 0.0)] {
        let (_, mosfet) = mosfet(|mosfet| {
            (mosfet.quadratic_term, mosfet.leakage_a, mosfet.read_voltage_v) = (quadratic_term, leakage_a, 0.19);
        });
        let Some(values) = common::run(&synapse(&mosfet)) else { return };
        let (gates, drains) = curve_voltages(&mosfet);
        let mut worst = 0f64;
        for (gate, &gate_v) in gates.iter().enumerate() {
            for (drain, &drain_v) in drains.iter().enumerate() {
                let (found, expected) = (values[&format!("ivd{gate}_{drain}")], mosfet.current_a(gate_v, drain_v));
                worst = worst.max((found / expected - 1.0).abs());
            }
        }
        assert!(worst < 0.01, "drain currents differ by {worst}");
        let leak = mosfet.leakage_a / mosfet.gate_capacitance_f;
        // From the middle of the first pause to half a pulse after the pulse: two lengths of it.
        let expected = mosfet.pulse_v() - leak * 2.0 * mosfet.pulse_ns * 1e-9;
        let moved = values["after"] - values["before"];
        assert!((moved / expected - 1.0).abs() < 0.01, "{moved}, expected {expected}");
        let fall = values["after"] - values["leaked"];
        let expected = leak * leak_time_s(&mosfet);
        assert!((fall - expected).abs() <= 0.01 * expected + 1e-9, "{fall}, expected {expected}");
        println!("drain currents within {worst:e}, pulse {moved:e} V, leak {fall:e} V");
    }
}

#[test]
fn a_training_step_agrees() {
    for (rows, columns, seed) in [(2, 2, 1), (3, 4, 2), (4, 3, 3)] {
        let (mut specification, mosfet) = mosfet(|mosfet| mosfet.leakage_a = 1e-15);
        specification.step.cycle_spread = 0.0;
        specification.step.asymmetry_spread = 0.1;
        let mut devices = Devices::draw(&specification, rows, columns, seed, 0).unwrap();
        let states: Vec<f32> = (0..rows * columns).map(|device| (device as f32 * 1.7).sin() * 0.8).collect();
        devices.set_states(&states, 0).unwrap();
        let step = TrainingStep {
            inputs: (0..rows).map(|row| [0.9, -0.6, 0.35, 1.0][row % 4]).collect(),
            targets: (0..columns).map(|column| [0.5, -0.7, 0.1, 0.9][column % 4]).collect(),
            learning_rate: 0.02,
        };
        let result = step.result(&devices).unwrap();
        let Some(values) = common::run(&training_step(&devices, &step).unwrap()) else { return };
        for (column, output) in result.outputs.iter().enumerate() {
            let found = values[&format!("y{column}")];
            assert!((found - output).abs() < 0.02 * output.abs() + 1e-3, "output {column}: {found}, {output}");
        }
        let before = devices.states().to_vec();
        devices.apply(&result.pulses, 1).unwrap();
        let (mut worst, mut moved) = (0f64, 0);
        for (device, &pulses) in result.pulses.iter().enumerate() {
            let name = format!("{}_{}", device / columns, device % columns);
            assert_eq!(values[&format!("n{name}")], f64::from(pulses), "pulses of {name}");
            let found = values[&format!("b{name}")] - values[&format!("a{name}")];
            let change = f64::from(devices.states()[device] - before[device]) * mosfet.half_span_v();
            if pulses == 0 {
                assert!(found.abs() < 0.02 * mosfet.pulse_v(), "{name}: {found}");
                continue;
            }
            assert!(found * change > 0.0, "sign of {name}: {found}, {change}");
            worst = worst.max((found / change - 1.0).abs());
            moved += 1;
        }
        assert!(worst < 0.02 && moved > rows * columns / 2, "{rows} x {columns}: {worst}, {moved} moved");
        println!("{rows} x {columns}: {moved} synapses moved, within {worst:e}");
    }
}

#[test]
fn what_is_no_transistor_array_is_refused() {
    let step = TrainingStep { inputs: vec![1.0], targets: vec![1.0], learning_rate: 0.1 };
    let ideal = Devices::draw(&DeviceSpecification::preset("ideal").unwrap(), 1, 1, 0, 0).unwrap();
    assert!(training_step(&ideal, &step).unwrap_err().to_string().contains("mosfet"));
    let (specification, _) = mosfet(|_| {});
    let array = Devices::draw(&specification, 2, 1, 0, 0).unwrap();
    assert!(training_step(&array, &step).unwrap_err().to_string().contains("inputs"));
    let step = TrainingStep { inputs: vec![1.0, f64::NAN], ..step };
    assert!(training_step(&array, &step).unwrap_err().to_string().contains("finite"));
}
