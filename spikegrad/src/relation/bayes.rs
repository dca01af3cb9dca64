//! The best estimate that observations allow.

use super::description::Noise;
use super::scene::Scene;
use super::task::Task;

/// Points of the grid over the range that posterior densities are computed on.
const POINTS: usize = 1025;

/// Mean and standard deviation of a value given what was observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    /// The estimate with the least mean squared error.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
}

impl Task {
    /// The posterior of variable `observed`, uniform over its range beforehand, from the cues `used` of a scene.
    ///
    /// A shifted cue x of extent sigma has the likelihood `exp(-(x - v)^2 / (2 sigma^2))`; counts n of events that of
    /// independent Poisson numbers with means `light * peak * y(v) + background`. Both take the extent as known, as
    /// the network sees it in the number of spikes. Circular ranges are taken as such.
    pub fn posterior(&self, scene: &Scene, observed: usize, used: impl Fn(usize) -> bool) -> Posterior {
        let Some([low, high]) = self.description.variables[observed].code.range() else {
            return Posterior { mean: f64::NAN, deviation: f64::NAN };
        };
        let grid: Vec<f64> = (0..POINTS).map(|place| low + (high - low) * place as f64 / (POINTS - 1) as f64).collect();
        let mut logarithm = vec![0.0; POINTS];
        for (place, variable) in self.description.variables.iter().enumerate() {
            let (Some(cue), Some(observation)) = (&scene.cues[place], &variable.observes) else { continue };
            if self.observed[place] != Some(observed) || !used(place) {
                continue;
            }
            match observation.noise {
                Noise::Shift { .. } => {
                    for (logarithm, &value) in logarithm.iter_mut().zip(&grid) {
                        *logarithm -= 0.5 * (variable.code.distance(cue.value, value) / cue.extent).powi(2);
                    }
                }
                Noise::Events { background, .. } => {
                    let mut y = vec![0.0; variable.code.neurons()];
                    let scale = cue.extent * f64::from(variable.peak);
                    for (logarithm, &value) in logarithm.iter_mut().zip(&grid) {
                        variable.code.encode(value, &mut y);
                        for (&y, &count) in y.iter().zip(&cue.counts) {
                            let mean = (scale * y + background).max(1e-9);
                            *logarithm += f64::from(count) * mean.ln() - mean;
                        }
                    }
                }
            }
        }
        let largest = logarithm.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let density: Vec<f64> = logarithm.iter().map(|value| (value - largest).exp()).collect();
        let total: f64 = density.iter().sum();
        let code = &self.description.variables[observed].code;
        let peak = grid[density.iter().position(|&value| value == 1.0).unwrap_or(0)];
        // On a circle the mean is taken around the peak.
        let away = |value: f64| code.distance(value, peak);
        let moment = |power: i32, centre: f64| {
            grid.iter().zip(&density).map(|(&value, weight)| (away(value) - centre).powi(power) * weight).sum::<f64>()
                / total
        };
        let mean = moment(1, 0.0);
        Posterior { mean: peak + mean, deviation: moment(2, mean).sqrt() }
    }
}
