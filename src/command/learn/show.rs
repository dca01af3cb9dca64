//! Figures of a device as text.

use compiler::learning::device::{DeviceFigures, DeviceSpecification};

/// Figures below the specification, one a line.
pub(super) fn figures(device: &DeviceSpecification, figures: &DeviceFigures) -> String {
    let unknown = || "unknown: no constant of the specification tells".to_owned();
    let quantity = |value: Option<f64>, unit: &str| value.map_or_else(unknown, |value| with_unit(value, unit));
    let conductances = match (figures.lowest_conductance_s, figures.highest_conductance_s) {
        (Some(lowest), Some(highest)) => format!("{} to {}", with_unit(lowest, "S"), with_unit(highest, "S")),
        _ => unknown(),
    };
    let levels = match (figures.levels, figures.step_levels) {
        (Some(levels), Some(step)) => format!("{levels}, a step is {} of their distances", number(step)),
        _ => "continuous".to_owned(),
    };
    let lines = [
        ("family", device.model.family().to_owned()),
        ("step upwards", number(figures.step_up)),
        ("step downwards", number(figures.step_down)),
        ("asymmetry", format!("{} %", number(100.0 * figures.asymmetry))),
        ("steps between bounds", number(figures.steps_between_bounds)),
        ("levels", levels),
        ("conductance", conductances),
        ("energy of a pulse", quantity(figures.write_j, "J")),
        ("length of a pulse", quantity(figures.pulse_s, "s")),
        ("energy of a read", quantity(figures.read_j, "J")),
    ];
    lines.map(|(name, value)| format!("{name:<22}{value}\n")).concat()
}

/// A number with four digits.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A quantity with the prefix that leaves one to three digits before the point.
fn with_unit(value: f64, unit: &str) -> String {
    let prefixes =
        [(1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"), (1e-18, "a"), (1e-21, "z")];
    let found = prefixes.into_iter().find(|(factor, _)| value.abs() >= factor * 0.9999);
    match found {
        Some((factor, prefix)) => format!("{} {prefix}{unit}", number(value / factor)),
        None => format!("{value:e} {unit}"),
    }
}
