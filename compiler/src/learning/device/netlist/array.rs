//! An array of transistor synapses in one step of training, for ngspice.

use super::step::TrainingStep;
use super::{OPTIONS, channel, line_of, model};
use crate::error::CompilerError;
use crate::learning::device::Devices;

const NODES: &str = "\
r<row>               row wire: the input as a drain voltage, 0 V after the read
s<column>, sref      virtual grounds of the columns and of the reference column; i(vs<column>) are their currents
y<column>            output: difference of both currents over that of weight 1 at input 1
write                1 V once the outputs are held: pulses are computed from then on
clock                1 V during a pulse, in every second slot of a pulse's length
h<column>            output, held after the read by a switch and a capacitor
n<row>_<column>      pulses that the synapse gets: rounded product of learning rate, input and error
g<row>_<column>      gate of the synapse: capacitor, leakage, clocked pulse current, |n| times
Printed: the held outputs, the pulses, and the gate voltages before and after the step.";

/// Reads all columns of an array, holds the outputs, and lets them drive pulses into every gate.
/// `ngspice -b FILE` prints `y<column>`, `n<row>_<column>`, `a<row>_<column>` and `b<row>_<column>`: outputs,
/// pulses, gate voltages before and after.
///
/// # Errors
/// As [`TrainingStep::result`].
pub fn training_step(devices: &Devices, step: &TrainingStep) -> Result<String, CompilerError> {
    let (mosfet, transistors) = step.transistors(devices)?;
    let (rows, columns) = (devices.rows(), devices.columns());
    let (pulse, read) = (mosfet.pulse_ns * 1e-9, mosfet.read_ns * 1e-9);
    let longest = step.result(devices)?.pulses.iter().map(|pulses| pulses.unsigned_abs()).max().unwrap_or(0);
    let start = read * 1.1;
    let end = start + pulse * (2.0 * f64::from(longest) + 2.0);
    let edge = pulse / 1000.0;
    let mut text = format!("* {rows} x {columns} transistor synapses: one step of training\n*\n");
    NODES.lines().for_each(|line| line_of(&mut text, format_args!("* {line}")));
    model(&mut text, "reference", &mosfet, mosfet.beta_a_per_v2, mosfet.threshold_v);
    line_of(&mut text, format_args!("Vref gref 0 DC {:e}", mosfet.middle_v()));
    line_of(&mut text, format_args!("Vsref sref 0 DC 0"));
    line_of(&mut text, format_args!("Vhold hold 0 PWL(0 1 {:e} 1 {:e} 0)", read * 0.9, read * 0.91));
    let (write, written) = (read * 1.04, read * 1.05);
    line_of(&mut text, format_args!("Vwrite write 0 PWL(0 0 {write:e} 0 {written:e} 1)"));
    let (flat, period) = (pulse - edge, 2.0 * pulse);
    line_of(&mut text, format_args!("Vclock clock 0 PULSE(0 1 {start:e} {edge:e} {edge:e} {flat:e} {period:e})"));
    line_of(&mut text, format_args!(".model sample SW(VT=0.5 VH=0.1 RON=10 ROFF=1e15)"));
    for (row, input) in step.inputs.iter().enumerate() {
        let drain_v = input * mosfet.read_voltage_v;
        line_of(
            &mut text,
            format_args!("Vr{row} r{row} 0 PWL(0 {drain_v:e} {:e} {drain_v:e} {:e} 0)", read, read * 1.01),
        );
        let nodes = (format!("r{row}"), "gref", "sref");
        let constants = [mosfet.beta_a_per_v2, mosfet.threshold_v];
        channel(&mut text, &format!("ref{row}"), "reference", (&nodes.0, nodes.1, nodes.2), &mosfet, constants);
    }
    let unit = mosfet.beta_a_per_v2 * mosfet.half_span_v() * mosfet.read_voltage_v;
    for column in 0..columns {
        line_of(&mut text, format_args!("Vs{column} s{column} 0 DC 0"));
        line_of(&mut text, format_args!("By{column} y{column} 0 V = (i(vs{column}) - i(vsref)) / {unit:e}"));
        line_of(&mut text, format_args!("S{column} y{column} h{column} hold 0 sample"));
        line_of(&mut text, format_args!("Ch{column} h{column} 0 1p IC=0"));
    }
    for (device, transistor) in transistors.iter().enumerate() {
        let (row, column) = (device / columns, device % columns);
        let name = format!("{row}_{column}");
        model(&mut text, &format!("m{name}"), &mosfet, transistor.beta, transistor.threshold);
        let nodes = (format!("r{row}"), format!("g{name}"), format!("s{column}"));
        let constants = [transistor.beta, transistor.threshold];
        channel(&mut text, &name, &format!("m{name}"), (&nodes.0, &nodes.1, &nodes.2), &mosfet, constants);
        line_of(
            &mut text,
            format_args!("Cg{name} g{name} 0 {:e} IC={:e}", mosfet.gate_capacitance_f, transistor.gate_v),
        );
        line_of(&mut text, format_args!("Ileak{name} g{name} 0 DC {:e}", mosfet.leakage_a));
        let factor = step.learning_rate * step.inputs[row] / devices.specification().step_size();
        let target = step.targets[column];
        line_of(
            &mut text,
            format_args!(
                "Bn{name} n{name} 0 V = v(write) > 0.5 ? floor({factor:e} * ({target:e} - v(h{column})) + 0.5) : 0"
            ),
        );
        let (up, down) = (transistor.current_up, transistor.current_down);
        // The last pulse ends half a slot before this time, when the clock is low.
        let until = format!("{start:e} + (2 * abs(v(n{name})) - 0.5) * {pulse:e}");
        let current = format!("(v(n{name}) > 0 ? {up:e} : -({down:e}))");
        line_of(&mut text, format_args!("Bw{name} 0 g{name} I = time < {until} ? v(clock) * {current} : 0"));
    }
    text.push_str(OPTIONS);
    text.push_str(".control\nset numdgt=15\n");
    line_of(&mut text, format_args!("tran {:e} {end:e} 0 {:e} uic", pulse / 4.0, pulse / 4.0));
    let mut measured = |name: &str, node: &str, time: f64| {
        line_of(&mut text, format_args!("meas tran {name} find v({node}) at={time:e}\nprint {name}"));
    };
    for column in 0..columns {
        measured(&format!("y{column}"), &format!("h{column}"), start);
    }
    for device in 0..transistors.len() {
        let name = format!("{}_{}", device / columns, device % columns);
        measured(&format!("n{name}"), &format!("n{name}"), start);
        measured(&format!("a{name}"), &format!("g{name}"), read / 2.0);
        measured(&format!("b{name}"), &format!("g{name}"), end - pulse / 2.0);
    }
    text.push_str("quit\n.endc\n.end\n");
    Ok(text)
}
