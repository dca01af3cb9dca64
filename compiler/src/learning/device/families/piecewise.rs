//! Steps that were measured: conductance after each of a series of pulses.
//!
//! Reading k has the conductance G_k after `pulses[k]` further pulses, upwards above 0. Conductances
//! are mapped linearly onto the bounds, the lowest one on the lower bound. The steps per pulse of
//! either direction are fitted by least squares with a function that is linear between `nodes`
//! equidistant states:
//!
//! ```text
//! minimise  sum over readings: ( s_k - sum_i h_i(w_k) f_i )^2  +  eps * sum_i ( f_i - f_{i+1} )^2
//! ```
//!
//! with s_k the change of state by one pulse, w_k the state in which the middle one of its pulses
//! began, and h_i the hat functions of the nodes. Pulses that start at the bound ahead tell nothing and are
//! left out. The small second term joins nodes without readings to their neighbours. Fitted steps below 0 count as 0. The step size is the mean of both functions.

use serde::{Deserialize, Serialize};

use super::{Law, Made};
use crate::learning::device::specification::Bounds;

/// Measured pulses. Give either `file`, or both lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piecewise {
    /// CSV file with the columns `pulses` and `conductance_s`, beside the specification. When a
    /// specification is read from a file, its readings take the place of this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Pulses before each reading, upwards above 0.
    #[serde(default)]
    pub pulses: Vec<i64>,
    /// Conductance at each reading.
    #[serde(default)]
    pub conductance_s: Vec<f64>,
    /// States at which steps are fitted.
    #[serde(default = "default_nodes")]
    pub nodes: usize,
}

fn default_nodes() -> usize {
    16
}

/// Steps of both directions at the nodes, in units of the state.
pub(in super::super) struct Steps {
    pub up: Vec<f64>,
    pub down: Vec<f64>,
}

impl Piecewise {
    /// Lowest and highest conductance.
    pub fn range_s(&self) -> (f64, f64) {
        let fold = |bounds: (f64, f64), &value: &f64| (bounds.0.min(value), bounds.1.max(value));
        self.conductance_s.iter().fold((f64::INFINITY, f64::NEG_INFINITY), fold)
    }

    /// Fits the steps; `None` without a pulse of each direction, or where all conductances are equal.
    pub(in super::super) fn steps(&self, bounds: &Bounds) -> Option<Steps> {
        let (least, most) = self.range_s();
        let (range, last) = (bounds.upper - bounds.lower, self.nodes.checked_sub(1)? as f64);
        if !(most > least && range > 0.0 && last > 0.0) {
            return None;
        }
        let place = |conductance: f64| (conductance - least) / (most - least);
        let fit = |upward: bool| {
            let readings = self.pulses.iter().skip(1).zip(self.conductance_s.windows(2));
            let samples: Vec<(f64, f64)> = readings
                .filter(|&(&pulses, pair)| {
                    let ahead = if upward { most } else { least };
                    pulses != 0 && (pulses > 0) == upward && pair[0] != ahead
                })
                .map(|(&pulses, pair)| {
                    let number = pulses.unsigned_abs() as f64;
                    let change = place(pair[1]) - place(pair[0]);
                    let start = place(pair[0]) + change * (number - 1.0) / (2.0 * number);
                    (start * last, if upward { change } else { -change } / number * range)
                })
                .collect();
            (!samples.is_empty()).then(|| fitted(&samples, self.nodes))
        };
        Some(Steps { up: fit(true)?, down: fit(false)? })
    }
}

/// Values at the nodes 0 to nodes - 1 of the function nearest to (place, value) samples.
fn fitted(samples: &[(f64, f64)], nodes: usize) -> Vec<f64> {
    let (mut diagonal, mut above, mut right) = (vec![0.0; nodes], vec![0.0; nodes], vec![0.0; nodes]);
    for &(place, value) in samples {
        let node = (place.max(0.0) as usize).min(nodes - 2);
        let after = (place - node as f64).clamp(0.0, 1.0);
        let before = 1.0 - after;
        diagonal[node] += before * before;
        diagonal[node + 1] += after * after;
        above[node] += before * after;
        right[node] += before * value;
        right[node + 1] += after * value;
    }
    let join = 1e-9 * samples.len() as f64;
    for node in 0..nodes - 1 {
        diagonal[node] += join;
        diagonal[node + 1] += join;
        above[node] -= join;
    }
    // Elimination without pivots: the matrix is symmetric and positive definite.
    for node in 1..nodes {
        let factor = above[node - 1] / diagonal[node - 1];
        diagonal[node] -= factor * above[node - 1];
        right[node] -= factor * right[node - 1];
    }
    let mut values = vec![0.0; nodes];
    for node in (0..nodes).rev() {
        let next = values.get(node + 1).map_or(0.0, |value| above[node] * value);
        values[node] = (right[node] - next) / diagonal[node];
    }
    values.into_iter().map(|value| value.max(0.0)).collect()
}

/// Steps interpolated between nodes, shares of the step size.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct TableLaw {
    pub up: Vec<f32>,
    pub down: Vec<f32>,
    pub cycle_spread: f32,
}

impl TableLaw {
    pub fn new(model: &Piecewise, bounds: &Bounds, size: f64, cycle_spread: f64) -> Self {
        let share = |steps: Vec<f64>| steps.into_iter().map(|step| (step / size) as f32).collect();
        let steps = model.steps(bounds).unwrap_or(Steps { up: vec![0.0; 2], down: vec![0.0; 2] });
        Self { up: share(steps.up), down: share(steps.down), cycle_spread: cycle_spread as f32 }
    }
}

impl Law for TableLaw {
    #[inline(always)]
    fn answer(&self, made: Made, upward: bool, state: f32) -> (f32, f32) {
        let (lower, upper) = (made.lower, made.upper);
        if upper <= lower {
            return (0.0, 0.0);
        }
        let (size, table) = if upward { (made.up, &self.up) } else { (made.down, &self.down) };
        let place = (state - lower) / (upper - lower) * (table.len() - 1) as f32;
        let node = (place.max(0.0) as usize).min(table.len() - 2);
        let after = (place - node as f32).clamp(0.0, 1.0);
        let step = size * ((1.0 - after) * table[node] + after * table[node + 1]);
        (step, self.cycle_spread * step)
    }
}
