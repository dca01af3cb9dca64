//! Transistor synapses as circuits for ngspice.

mod array;
mod step;

pub use array::training_step;
pub use step::{StepResult, TrainingStep};

use std::fmt::Write;

use super::Mosfet;

/// Points of each axis of the current-voltage curves.
pub const CURVE_POINTS: usize = 5;
/// How long the gate leaks after the pulse, in lengths of a pulse.
const REST: f64 = 1000.0;

/// What the nodes are.
const NODES: &str = "\
g                    gate: capacitor Cgate, pulse source Ipulse, leakage Ileak
d<gate>_<drain>      drain of the transistor at gate voltage <gate> and drain voltage <drain>;
                     -i(vd<gate>_<drain>) is its drain current
Printed: the drain currents, v(g) before and after one pulse, and after it leaked for a thousand pulses.";

/// Gate and drain voltages of the current-voltage curves, from the lowest to the highest gate voltage
/// and from a fraction of the read voltage to all of it.
pub fn curve_voltages(mosfet: &Mosfet) -> ([f64; CURVE_POINTS], [f64; CURVE_POINTS]) {
    let last = (CURVE_POINTS - 1) as f64;
    let span = mosfet.highest_gate_v - mosfet.lowest_gate_v;
    let gate = std::array::from_fn(|point| mosfet.lowest_gate_v + span * point as f64 / last);
    let drain = std::array::from_fn(|point| mosfet.read_voltage_v * (point + 1) as f64 / CURVE_POINTS as f64);
    (gate, drain)
}

/// One synapse: its current-voltage curves, one pulse upwards from the middle of the gate voltages, and
/// its leakage. `ngspice -b FILE` prints `i(vd<gate>_<drain>)`, `before`, `after` and `leaked`.
pub fn synapse(mosfet: &Mosfet) -> String {
    let mut text = String::from("* transistor synapse: current-voltage curves, one pulse, leakage\n*\n");
    NODES.lines().for_each(|line| line_of(&mut text, format_args!("* {line}")));
    model(&mut text, "synapse", mosfet, mosfet.beta_a_per_v2, mosfet.threshold_v);
    let (gates, drains) = curve_voltages(mosfet);
    for (gate, gate_v) in gates.iter().enumerate() {
        line_of(&mut text, format_args!("Vg{gate} f{gate} 0 DC {gate_v:e}"));
        for (drain, drain_v) in drains.iter().enumerate() {
            line_of(&mut text, format_args!("Vd{gate}_{drain} d{gate}_{drain} 0 DC {drain_v:e}"));
            let (name, nodes) = (format!("{gate}_{drain}"), (format!("d{gate}_{drain}"), format!("f{gate}")));
            channel(
                &mut text,
                &name,
                "synapse",
                (&nodes.0, &nodes.1, "0"),
                mosfet,
                [mosfet.beta_a_per_v2, mosfet.threshold_v],
            );
        }
    }
    let (pulse, start) = (mosfet.pulse_ns * 1e-9, mosfet.pulse_ns * 1e-9);
    let edge = pulse / 1000.0;
    let (after, end) = (start + 1.5 * pulse, start + (1.5 + REST) * pulse);
    line_of(&mut text, format_args!("Cgate g 0 {:e} IC={:e}", mosfet.gate_capacitance_f, mosfet.middle_v()));
    line_of(&mut text, format_args!("Ileak g 0 DC {:e}", mosfet.leakage_a));
    let (current, flat) = (mosfet.pulse_current_a, pulse - edge);
    line_of(&mut text, format_args!("Ipulse 0 g PULSE(0 {current:e} {start:e} {edge:e} {edge:e} {flat:e} 1)"));
    text.push_str(OPTIONS);
    text.push_str(".control\nset numdgt=15\n");
    line_of(&mut text, format_args!("tran {:e} {end:e} 0 {:e} uic", pulse / 10.0, pulse / 2.0));
    for (name, time) in [("before", start / 2.0), ("after", after), ("leaked", end)] {
        line_of(&mut text, format_args!("meas tran {name} find v(g) at={time:e}\nprint {name}"));
    }
    for gate in 0..CURVE_POINTS {
        for drain in 0..CURVE_POINTS {
            let name = format!("vd{gate}_{drain}");
            line_of(&mut text, format_args!("let i{name} = -i({name})[length(time) - 1]\nprint i{name}"));
        }
    }
    text.push_str("quit\n.endc\n.end\n");
    text
}

/// How long the gate leaks between `after` and `leaked`, in seconds.
pub fn leak_time_s(mosfet: &Mosfet) -> f64 {
    REST * mosfet.pulse_ns * 1e-9
}

const OPTIONS: &str = ".options reltol=1e-6 abstol=1e-15 vntol=1e-7 chgtol=1e-17 gmin=1e-18\n";

/// The model card of a transistor whose drain current has the quadratic term.
fn model(text: &mut String, name: &str, mosfet: &Mosfet, beta: f64, threshold: f64) {
    if mosfet.quadratic_term {
        line_of(text, format_args!(".model {name} NMOS(LEVEL=1 VTO={threshold:e} KP={beta:e} LAMBDA=0 GAMMA=0)"));
    }
}

/// A channel between drain and source: a transistor of as much width as length, or a source of the
/// linear law where the specification leaves the quadratic term out.
fn channel(
    text: &mut String,
    name: &str,
    model: &str,
    (drain, gate, source): (&str, &str, &str),
    mosfet: &Mosfet,
    [beta, threshold]: [f64; 2],
) {
    match mosfet.quadratic_term {
        true => line_of(text, format_args!("M{name} {drain} {gate} {source} 0 {model} W=1u L=1u")),
        false => line_of(
            text,
            format_args!("B{name} {drain} {source} I = {beta:e} * (v({gate}) - ({threshold:e})) * v({drain},{source})"),
        ),
    }
}

/// Adds a line; writing to a string cannot fail.
fn line_of(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}");
}
