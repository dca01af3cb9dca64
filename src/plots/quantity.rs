//! Numbers with units.

/// An energy in pJ as text with three digits.
pub(super) fn energy(pj: f64) -> String {
    let (factor, unit) = energy_unit(pj);
    let value = pj / factor;
    let decimals = if value >= 99.95 || value == 0.0 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.decimals$} {unit}")
}

/// Size in pJ and name of the largest unit that an energy reaches.
pub(super) fn energy_unit(pj: f64) -> (f64, &'static str) {
    let units = [(1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ")];
    units.into_iter().find(|(factor, _)| pj >= *factor).unwrap_or((1.0, "pJ"))
}
