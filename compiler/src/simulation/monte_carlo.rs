//! Accuracy over many chips that differ by chance.

use serde::Serialize;
use spikegrad::{Resources, Samples};

use super::{SimulationOptions, Simulator, evaluate_with};
use crate::circuit::ChipSeed;
use crate::error::CompilerError;
use crate::program::Program;
use crate::statistics::RunStatistics;

/// Accuracies of several chips.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonteCarlo {
    /// Accuracy of each chip.
    pub accuracies: Vec<f64>,
    /// Mean and spread.
    pub interval: Interval,
    /// What happened on all chips together.
    pub statistics: RunStatistics,
}

/// Mean of a normal quantity from few samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, n - 1 in the denominator; absent for one sample.
    pub standard_deviation: Option<f64>,
    /// Lower and upper end of the 95 % confidence interval of the mean by Student's distribution;
    /// absent for one sample.
    pub confidence_95: Option<[f64; 2]>,
}

impl Interval {
    /// Of independent samples; `None` without any.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let count = samples.len() as f64;
        let mean = if samples.is_empty() { return None } else { samples.iter().sum::<f64>() / count };
        if samples.len() == 1 {
            return Some(Self { mean, standard_deviation: None, confidence_95: None });
        }
        let variance = samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let half = student_quantile(samples.len() - 1) * (variance / count).sqrt();
        Some(Self { mean, standard_deviation: Some(variance.sqrt()), confidence_95: Some([mean - half, mean + half]) })
    }
}

/// The 97.5 % quantile of Student's t distribution with `freedom` degrees of freedom: the solution of
/// `I_x(freedom / 2, 1 / 2) = 0.05`, `x = freedom / (freedom + t^2)`, by bisection on the finite sums
/// of Abramowitz and Stegun 26.7.3 and 26.7.4; infinite for 0.
pub fn student_quantile(freedom: usize) -> f64 {
    if freedom == 0 {
        return f64::INFINITY;
    }
    // From 10^5 on the quantile is that of the normal distribution with its first correction.
    if freedom >= 100_000 {
        let normal: f64 = 1.959_963_984_540_054;
        return normal + (normal.powi(3) + normal) / (4.0 * freedom as f64);
    }
    let (mut low, mut high) = (0.0, 13.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if central_probability(middle, freedom) < 0.95 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// `P(|T| < t)`.
fn central_probability(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let mut sum = 0.0;
    if freedom % 2 == 1 {
        let mut term = cosine;
        for index in (1..freedom).step_by(2) {
            sum += term;
            term *= cosine * cosine * (index + 1) as f64 / (index + 2) as f64;
        }
        std::f64::consts::FRAC_2_PI * (angle + sine * sum)
    } else {
        let mut term = 1.0;
        for index in (0..freedom).step_by(2) {
            sum += term;
            term *= cosine * cosine * (index + 1) as f64 / (index + 2) as f64;
        }
        sine * sum
    }
}

/// Evaluates chips number `0 .. chips` of a seed, one after the other, each with all threads.
/// `progress` is told the number of examples after each group.
///
/// # Errors
/// [`CompilerError::Samples`] without chips, and those of [`super::evaluate`].
pub fn monte_carlo(
    program: &Program,
    samples: &dyn Samples,
    chips: u64,
    seed: u64,
    resources: Resources,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<MonteCarlo, CompilerError> {
    let mut accuracies = Vec::new();
    let mut statistics = RunStatistics::default();
    for chip in 0..chips {
        let chip = Some(ChipSeed { seed, chip });
        let simulator = Simulator::new(program, SimulationOptions { chip, ..SimulationOptions::new(resources.isa) })?;
        let evaluation = evaluate_with(&simulator, samples, resources.threads, progress)?;
        accuracies.push(evaluation.accuracy);
        statistics.add(&evaluation.statistics);
    }
    let interval = Interval::of(&accuracies).ok_or_else(|| CompilerError::Samples {
        what: "chips".to_owned(),
        expected: "at least one".to_owned(),
        found: "0".to_owned(),
    })?;
    Ok(MonteCarlo { accuracies, interval, statistics })
}
